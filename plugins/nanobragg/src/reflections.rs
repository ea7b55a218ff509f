//! [`Reflections`]: structure factors by Miller index, from a text file of `h k l F` lines.
//!
//! A dense box over the indices that the file names, so that a lookup is one multiplication and one load. Read by
//! [`crate::plugin`] through the host, used by both variants. No other file is ever read: nanoBragg takes up a
//! forgotten `Fdump.bin` silently, and that cost eight profiles.

use runner_plugin::{Error, ErrorKind};

use crate::lines::{lines, mistake, words};

/// More indices than this in the box are a mistake in the file: 2 GiB in float64.
const MOST: u64 = 1 << 28;

/// Structure factors in electrons. Those that the file does not name are the default.
#[derive(Clone, Debug, PartialEq)]
pub struct Reflections {
    least: [i32; 3],
    counts: [u32; 3],
    /// First the default, which stands for everything outside, then the box, l fastest.
    values: Vec<f64>,
    /// Lines that named one.
    pub named: usize,
}

impl Reflections {
    /// None named: `default` for all.
    pub fn uniform(default: f64) -> Self {
        Self { least: [0; 3], counts: [0; 3], values: vec![default], named: 0 }
    }

    /// Reads a file's content. `name` is what errors call it; they name line and column too. A reflection that
    /// is named twice has its last value.
    pub fn parse(name: &str, content: &[u8], default: f64) -> Result<Self, Error> {
        let mut named = Vec::new();
        for (number, line) in lines(content) {
            let reflection =
                reflection(&line).map_err(|(column, what)| mistake(name, number, column, &what))?;
            named.push(reflection);
        }
        let Some(((first, _), rest)) = named.split_first() else {
            return Err(Error::invalid(format!("{name}: it names no reflection; each line is `h k l F`")));
        };
        let (mut least, mut most) = (*first, *first);
        for (index, _) in rest {
            for axis in 0..3 {
                least[axis] = least[axis].min(index[axis]);
                most[axis] = most[axis].max(index[axis]);
            }
        }
        let counts = [0, 1, 2].map(|axis| most[axis].abs_diff(least[axis]) + 1);
        let size = counts.iter().try_fold(1_u64, |size, count| size.checked_mul((*count).into()));
        let size = size.filter(|size| *size <= MOST).ok_or_else(|| {
            Error::invalid(format!(
                "{name}: its indices span {} x {} x {}, more than {MOST} reflections",
                counts[0], counts[1], counts[2]
            ))
        })?;
        let mut values = Vec::new();
        values.try_reserve_exact(size as usize + 1).map_err(|error| {
            Error::new(ErrorKind::OutOfMemory, format!("{name}: {size} reflections do not fit: {error}"))
        })?;
        values.resize(size as usize + 1, default);
        let mut reflections = Self { least, counts, values, named: named.len() };
        for (index, value) in named {
            let place = reflections.place(index);
            reflections.values[place] = value;
        }
        Ok(reflections)
    }

    /// Whether all reflections have the same structure factor, and which.
    pub fn same(&self) -> Option<f64> {
        (self.values.len() == 1).then_some(self.values[0])
    }

    /// The structure factor of the reflection `index`.
    pub fn get(&self, index: [i32; 3]) -> f64 {
        self.values[self.place(index)]
    }

    /// Where [`Self::values`] holds the reflection `index`; 0 for one outside the box.
    pub fn place(&self, index: [i32; 3]) -> usize {
        let mut place = 0;
        for ((index, least), count) in index.into_iter().zip(self.least).zip(self.counts) {
            // Two's complement: what is below the least index wraps to beyond the greatest.
            let offset = index.wrapping_sub(least) as u32;
            if offset >= count {
                return 0;
            }
            place = place * count as usize + offset as usize;
        }
        place + 1
    }

    /// Least and greatest indices between which there are structure factors enough to interpolate: as in the C
    /// program, two within the box at either end (one would do at the lower).
    pub fn interior(&self) -> [[f64; 3]; 2] {
        let low = self.least.map(|least| f64::from(least) + 2.0);
        let high = [0, 1, 2].map(|axis| f64::from(self.least[axis]) + f64::from(self.counts[axis]) - 3.0);
        [low, high]
    }

    /// Whether the box surrounds the place `miller` so that one can interpolate there.
    pub fn surrounds(&self, miller: [f64; 3]) -> bool {
        let [low, high] = self.interior();
        (0..3).all(|axis| (low[axis]..=high[axis]).contains(&miller[axis]))
    }

    /// All values: the default, then the box, l fastest.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The least index along each axis, and how many there are.
    pub fn extent(&self) -> ([i32; 3], [u32; 3]) {
        (self.least, self.counts)
    }
}

/// One line; a mistake comes with its column.
fn reflection(line: &str) -> Result<([i32; 3], f64), (usize, String)> {
    let mut index = [0; 3];
    let mut value = None;
    for (place, (column, word)) in words(line).enumerate() {
        let number: f64 = word
            .parse()
            .map_err(|_| (column, format!("`{word}` is not a number; each line is `h k l F`")))?;
        match place {
            0..3 if number.fract() == 0.0 && number.abs() <= 1e6 => index[place] = number as i32,
            0..3 => {
                return Err((column, format!("`{word}` is not a whole number within -1000000 to 1000000")));
            }
            3 if number.abs() <= 1e9 => value = Some(number),
            3 => return Err((column, format!("`{word}` is not a structure factor"))),
            _ => return Err((column, "more than the four numbers `h k l F`".to_owned())),
        }
    }
    let end = line.trim_end().len() + 1;
    value.map(|value| (index, value)).ok_or((end, "fewer than the four numbers `h k l F`".to_owned()))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::Reflections;

    fn mistake(content: &str) -> String {
        Reflections::parse("a.hkl", content.as_bytes(), 0.0).unwrap_err().to_string()
    }

    #[test]
    fn named_reflections_have_their_value_and_all_others_the_default() {
        let content = "# a comment\n0 0 0 5\r\n\n  1 -2 3\t7.5\n1 -2 3 8\n-1 0 0 2e1";
        let reflections = Reflections::parse("a.hkl", content.as_bytes(), 3.0).unwrap();
        assert_eq!((reflections.named, reflections.extent()), (4, ([-1, -2, 0], [3, 3, 4])));
        for (index, value) in [([0, 0, 0], 5.0), ([1, -2, 3], 8.0), ([-1, 0, 0], 20.0), ([0, -1, 1], 3.0)] {
            assert_eq!(reflections.get(index), value, "{index:?}");
        }
        for outside in [[2, 0, 0], [-2, 0, 0], [0, 1, 0], [0, 0, 4], [i32::MAX; 3], [i32::MIN; 3]] {
            assert_eq!(reflections.get(outside), 3.0, "{outside:?}");
        }
        assert_eq!(reflections.same(), None);
        assert_eq!(Reflections::uniform(3.0).get([0, 0, 0]), 3.0);
    }

    #[test]
    fn a_mistake_is_named_with_line_and_column() {
        assert_eq!(mistake("0 0 0 1\n0 0 x 1\n"), "a.hkl:2:5: `x` is not a number; each line is `h k l F`");
        assert_eq!(mistake("0 0.5 0 1"), "a.hkl:1:3: `0.5` is not a whole number within -1000000 to 1000000");
        assert_eq!(mistake("0 0 0 NaN"), "a.hkl:1:7: `NaN` is not a structure factor");
        assert_eq!(mistake("0 0 nan 1"), "a.hkl:1:5: `nan` is not a whole number within -1000000 to 1000000");
        assert_eq!(mistake("0 0 0"), "a.hkl:1:6: fewer than the four numbers `h k l F`");
        assert_eq!(mistake("0 0 0 1 2"), "a.hkl:1:9: more than the four numbers `h k l F`");
        assert_eq!(mistake(" \n# nothing\n"), "a.hkl: it names no reflection; each line is `h k l F`");
        let error = mistake("-1000000 0 0 1\n1000000 1000 0 1");
        assert!(error.contains("span 2000001 x 1001 x 1"), "{error}");
    }

    #[test]
    fn a_hundred_thousand_reflections_are_found_again() {
        let value = |h: i32, k: i32, l: i32| f64::from(h * 3 + k * 5 + l * 7) + 0.25;
        let indices = (0..100_000).map(|n| (n % 50 - 25, n / 50 % 50 - 25, n / 2500 - 20));
        let lines: Vec<String> = indices.map(|(h, k, l)| format!("{h} {k} {l} {}", value(h, k, l))).collect();
        let content = lines.join("\n");
        let reflections = Reflections::parse("large.hkl", content.as_bytes(), 0.0).unwrap();
        assert_eq!(reflections.named, 100_000);
        for index in [[-25, -25, -20], [24, 24, 19], [0, 0, 0], [7, -13, 5]] {
            assert_eq!(reflections.get(index), value(index[0], index[1], index[2]));
        }
    }
}
