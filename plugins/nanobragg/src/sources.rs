//! [`Sources`]: directions and wavelengths of the beam, from a source file of nanoBragg.
//!
//! A line is `x y z`, the place of a source as seen from the crystal in any unit, then its weight and its wavelength
//! in m. The last one or two may be left out. The C program reads the weights and uses none of them: its image is
//! the definition, so this does the same, and [`crate::plugin`] warns. [`crate::beam`] takes the result.

use runner_plugin::Error;

use crate::beam::Source;
use crate::crystal::ANGSTROM;
use crate::lines::{lines, mistake, number, words};
use crate::vector::{length, scaled, unit};

/// What a file says of the beam.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    /// At least one, in the file's order.
    pub list: Vec<Source>,
    /// Whether their weights differ, which changes nothing.
    pub weighted: bool,
}

impl Sources {
    /// Reads a file's content; a line without a wavelength has `wavelength` in m. `name` is what errors call the
    /// file; they name line and column too.
    pub fn parse(name: &str, content: &[u8], wavelength: f64) -> Result<Self, Error> {
        let mut list = Vec::new();
        let mut weights = Vec::new();
        for (line, text) in lines(content) {
            let at = |column, what: &str| mistake(name, line, column, what);
            let mut values = [0.0, 0.0, 0.0, 1.0, wavelength];
            let mut count = 0;
            for (column, word) in words(&text) {
                let Some(value) = values.get_mut(count) else {
                    return Err(at(column, "more than the five numbers `x y z weight wavelength`"));
                };
                *value = number(word).ok_or_else(|| {
                    at(column, &format!("`{word}` is not a number; each line is `x y z weight wavelength`"))
                })?;
                count += 1;
                if count == 4 && *value < 0.0 {
                    return Err(at(column, &format!("a weight of {word} is less than 0")));
                }
                if count == 5 && !(0.1 * ANGSTROM..=100.0 * ANGSTROM).contains(value) {
                    let what =
                        format!("a wavelength of {word} m is not within 1e-11 to 1e-8 (it is in metres)");
                    return Err(at(column, &what));
                }
            }
            if count < 3 {
                return Err(at(text.trim_end().len() + 1, "fewer than the three numbers `x y z`"));
            }
            let [x, y, z, weight, wavelength] = values;
            let place = [x, y, z];
            if !length(place).is_normal() {
                return Err(at(1, "a source at the crystal itself has no direction"));
            }
            list.push(Source { incident: scaled(unit(place), -1.0), wavelength });
            weights.push(weight);
        }
        let Some(first) = weights.first() else {
            let what = "it names no source; each line is `x y z weight wavelength`";
            return Err(Error::invalid(format!("{name}: {what}")));
        };
        let weighted = weights.iter().any(|weight| weight.to_bits() != first.to_bits());
        Ok(Self { list, weighted })
    }
}

#[cfg(test)]
mod tests {
    use super::Sources;

    fn mistake(content: &str) -> String {
        Sources::parse("a.txt", content.as_bytes(), 1e-10).unwrap_err().to_string()
    }

    #[test]
    fn light_comes_from_where_the_source_is() {
        let content = b"# x y z weight wavelength\n-10 0 0 1 6.2e-10\n0 -3 0\n0 0 2 1\n";
        let sources = Sources::parse("a.txt", content, 1e-10).unwrap();
        let seen: Vec<_> = sources.list.iter().map(|source| (source.incident, source.wavelength)).collect();
        let expected = [([1.0, 0.0, 0.0], 6.2e-10), ([0.0, 1.0, 0.0], 1e-10), ([0.0, 0.0, -1.0], 1e-10)];
        assert_eq!(seen, expected);
        assert!(!sources.weighted);
        assert!(Sources::parse("a.txt", b"1 0 0 1\n1 0 0 2", 1e-10).unwrap().weighted);
    }

    #[test]
    fn a_mistake_is_named_with_line_and_column() {
        for (content, expected) in [
            (
                "1 0 0\n1 zero 0\n",
                "a.txt:2:3: `zero` is not a number; each line is `x y z weight wavelength`",
            ),
            ("1 0 0 nan", "a.txt:1:7: `nan` is not a number; each line is `x y z weight wavelength`"),
            ("1 0", "a.txt:1:4: fewer than the three numbers `x y z`"),
            ("1 0 0 1 1e-10 7", "a.txt:1:15: more than the five numbers `x y z weight wavelength`"),
            ("\n0 0 0 1", "a.txt:2:1: a source at the crystal itself has no direction"),
            ("1 0 0 -1", "a.txt:1:7: a weight of -1 is less than 0"),
            ("1 0 0 1 6.2", "a.txt:1:9: a wavelength of 6.2 m is not within 1e-11 to 1e-8 (it is in metres)"),
            ("1 0 0 1 0", "a.txt:1:9: a wavelength of 0 m is not within 1e-11 to 1e-8 (it is in metres)"),
            (" \n#", "a.txt: it names no source; each line is `x y z weight wavelength`"),
        ] {
            assert_eq!(mistake(content), expected, "{content:?}");
        }
    }
}
