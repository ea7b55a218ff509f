//! [`Matrix`]: a cell with its orientation, from a MOSFLM matrix file.
//!
//! The file's first nine numbers are the A matrix: rows are the laboratory's x, y, z, columns a*, b*, c*, each
//! reciprocal edge in 1/angstrom times the wavelength in angstrom. What follows (MOSFLM writes angles, the U matrix
//! and the cell) is not read. Parsed by [`crate::plugin`], made a crystal by [`crate::crystal`].

use runner_plugin::Error;

use crate::lines::{lines, mistake, number, words};
use crate::vector::{Vector, cross, dot, length};

/// Less than this part of the volume of a box with the same edges is rounding: the edges lie in a plane.
const FLAT: f64 = 1e-6;

/// The reciprocal edges a*, b*, c* in the laboratory, times the wavelength: without a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix {
    /// a*, b*, c*.
    pub stars: [Vector; 3],
}

impl Matrix {
    /// Reads a file's content. `name` is what errors call it; they name line and column too.
    pub fn parse(name: &str, content: &[u8]) -> Result<Self, Error> {
        let mut stars = [[0.0; 3]; 3];
        let mut read = 0;
        let mut end = (1, 1);
        'file: for (line, text) in lines(content) {
            for (column, word) in words(&text) {
                let Some(number) = number(word) else {
                    let what = format!("`{word}` is not a number; a matrix file begins with nine of them");
                    return Err(mistake(name, line, column, &what));
                };
                stars[read % 3][read / 3] = number;
                read += 1;
                if read == 9 {
                    break 'file;
                }
                end = (line, column + word.len());
            }
        }
        if read < 9 {
            let what =
                format!("{read} numbers, and a matrix file begins with nine: rows x, y, z of a*, b*, c*");
            return Err(mistake(name, end.0, end.1, &what));
        }
        let [a, b, c] = stars;
        if dot(a, cross(b, c)).abs() <= FLAT * length(a) * length(b) * length(c) {
            return Err(Error::invalid(format!(
                "{name}: its a*, b* and c* lie in a plane, which no cell has"
            )));
        }
        Ok(Self { stars })
    }
}

#[cfg(test)]
mod tests {
    use super::Matrix;

    fn mistake(content: &str) -> String {
        Matrix::parse("a.mat", content.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_columns_are_the_reciprocal_edges_and_what_follows_is_not_read() {
        let content = b" 1 2 3\n 4 5 6.5\n 7 8 9\n 0.000 0.000 0.000\n cell 10 O'Neil\n";
        let matrix = Matrix::parse("a.mat", content).unwrap();
        assert_eq!(matrix.stars, [[1.0, 4.0, 7.0], [2.0, 5.0, 8.0], [3.0, 6.5, 9.0]]);
    }

    #[test]
    fn a_mistake_is_named_with_line_and_column() {
        assert_eq!(
            mistake("1 0 0\n0 one 0\n"),
            "a.mat:2:3: `one` is not a number; a matrix file begins with nine of them"
        );
        assert_eq!(
            mistake("1 0 0\n0 nan 0\n"),
            "a.mat:2:3: `nan` is not a number; a matrix file begins with nine of them"
        );
        let few = mistake("1 0 0\n0 1 0\n0 0\n");
        assert_eq!(
            few,
            "a.mat:3:4: 8 numbers, and a matrix file begins with nine: rows x, y, z of a*, b*, c*"
        );
        assert!(mistake("").starts_with("a.mat:1:1: 0 numbers"));
        assert!(mistake("1 2 3 4 5 6 7 8 9").contains("lie in a plane"));
        assert!(mistake("0 0 0 0 0 0 0 0 0").contains("lie in a plane"));
    }
}
