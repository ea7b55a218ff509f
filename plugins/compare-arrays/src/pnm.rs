//! The header of PGM and PPM images (netpbm's `pgm(5)`, `ppm(5)`), raw and plain: [`header`].
//!
//! Called by `values`, which reads the samples behind it. A header is taken byte by byte and never past its one blank: in
//! a raw image, the next byte is a sample.

use std::io::BufRead;

use crate::values::{Binary, Number};

/// How the samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// As bytes; two of them, high one first, when the greatest value is above 255.
    Raw(Binary),
    /// As decimal numbers.
    Plain,
}

/// Kind of samples and shape: height, width, and 3 for PPM.
pub fn header(file: &mut impl BufRead) -> Result<(Samples, Vec<u64>), String> {
    let mut magic = [0; 2];
    file.read_exact(&mut magic).map_err(|_| "is too short for an image".to_owned())?;
    let (raw, color) = match &magic {
        b"P2" => (false, false),
        b"P3" => (false, true),
        b"P5" => (true, false),
        b"P6" => (true, true),
        _ => return Err("is no PGM or PPM image: it does not begin with P2, P3, P5 or P6".to_owned()),
    };
    let (width, height, most) = (number(file)?, number(file)?, number(file)?);
    if most == 0 || most > 65_535 {
        return Err(format!("is an image whose greatest value is {most}; 1 to 65535 are allowed"));
    }
    let mut shape = vec![height, width];
    if color {
        shape.push(3);
    }
    let wide = if most > 255 { Number::U2 } else { Number::U1 };
    let samples = if raw { Samples::Raw(Binary { number: wide, big: true }) } else { Samples::Plain };
    Ok((samples, shape))
}

/// A number of the header, and the one blank behind it; comments go to the end of their line.
fn number(file: &mut impl BufRead) -> Result<u64, String> {
    let broken = || "has an image header that cannot be read".to_owned();
    let mut digits = String::new();
    let mut comment = false;
    loop {
        let mut byte = [0];
        file.read_exact(&mut byte).map_err(|_| broken())?;
        match byte[0] {
            b'\n' if comment => comment = false,
            _ if comment => {}
            b'#' if digits.is_empty() => comment = true,
            digit if digit.is_ascii_digit() && digits.len() < 10 => digits.push(char::from(digit)),
            blank if blank.is_ascii_whitespace() && digits.is_empty() => {}
            blank if blank.is_ascii_whitespace() => return digits.parse().map_err(|_| broken()),
            _ => return Err(broken()),
        }
    }
}
