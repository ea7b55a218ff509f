//! [`Values`]: the values of a file as float64, piece by piece, whatever its format.
//!
//! Files are opened here and not through the host, whose `read` returns a whole file: an array may be larger
//! than the memory. What a plugin's process opens is recorded by the runner all the same.

use std::fs::File;
use std::io::{BufReader, Read};

use serde_json::{Value, json};

use crate::config::{Config, Format};
use crate::npy;
use crate::numbers::Numbers;
use crate::pnm::{self, Samples};

/// A number as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    U1,
    I1,
    U2,
    I2,
    U4,
    I4,
    U8,
    I8,
    F4,
    F8,
}

/// A number as bytes, and their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Kind and size.
    pub number: Number,
    /// Whether the high byte comes first.
    pub big: bool,
}

impl Binary {
    fn size(self) -> usize {
        match self.number {
            Number::U1 | Number::I1 => 1,
            Number::U2 | Number::I2 => 2,
            Number::U4 | Number::I4 | Number::F4 => 4,
            Number::U8 | Number::I8 | Number::F8 => 8,
        }
    }

    /// The value of exactly [`Self::size`] bytes. 64-bit integers above 2^53 are rounded.
    fn value(self, bytes: &[u8]) -> f64 {
        let mut wide = [0_u8; 8];
        for (place, byte) in wide.iter_mut().zip(bytes) {
            *place = *byte;
        }
        if self.big {
            wide[..self.size()].reverse();
        }
        let bits = u64::from_le_bytes(wide);
        match self.number {
            Number::U1 | Number::U2 | Number::U4 | Number::U8 => bits as f64,
            Number::I1 => f64::from((bits as u8).cast_signed()),
            Number::I2 => f64::from((bits as u16).cast_signed()),
            Number::I4 => f64::from((bits as u32).cast_signed()),
            Number::I8 => bits.cast_signed() as f64,
            Number::F4 => f64::from(f32::from_bits(bits as u32)),
            Number::F8 => f64::from_bits(bits),
        }
    }
}

#[derive(Debug)]
enum Kind {
    Binary(Binary),
    Text(Numbers),
}

/// A file that is being read.
#[derive(Debug)]
pub struct Values {
    path: String,
    format: Format,
    file: BufReader<File>,
    kind: Kind,
    shape: Option<Vec<u64>>,
    /// How many values it must hold, when that is known.
    expected: Option<u64>,
    seen: u64,
}

impl Values {
    /// Opens a file, relative to the working directory (which is the project root in a run).
    pub fn open(path: &str, config: &Config) -> Result<Self, String> {
        let told = |reason: String| format!("`{path}` {reason}");
        let format = config.format.of(path)?;
        let unreadable = |error: std::io::Error| told(format!("cannot be read: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        let found = file.metadata().map_err(unreadable)?;
        if !found.is_file() {
            return Err(told("is not a regular file".to_owned()));
        }
        let mut file = BufReader::with_capacity(1 << 18, file);
        let little = |number| Kind::Binary(Binary { number, big: false });
        let (kind, shape) = match format {
            Format::F32 => (little(Number::F4), None),
            Format::F64 => (little(Number::F8), None),
            Format::Csv | Format::Auto => (Kind::Text(Numbers::skipping(config.skip_rows)), None),
            Format::Npy => {
                let (binary, shape) = npy::header(&mut file).map_err(told)?;
                (Kind::Binary(binary), Some(shape))
            }
            Format::Pnm => {
                let (samples, shape) = pnm::header(&mut file).map_err(told)?;
                let kind = match samples {
                    Samples::Raw(binary) => Kind::Binary(binary),
                    Samples::Plain => Kind::Text(Numbers::skipping(0)),
                };
                (kind, Some(shape))
            }
        };
        if let (Some(shape), Some(asked)) = (&shape, &config.shape)
            && shape != asked
        {
            return Err(told(format!("has the shape {shape:?}, not {asked:?}")));
        }
        let shape = shape.or_else(|| config.shape.clone());
        let mut expected = match &shape {
            None => None,
            Some(shape) => {
                let product = shape.iter().try_fold(1_u64, |product, extent| product.checked_mul(*extent));
                Some(product.ok_or_else(|| told(format!("has the impossible shape {shape:?}")))?)
            }
        };
        if let (Format::F32 | Format::F64, Kind::Binary(binary)) = (format, &kind) {
            let (bytes, size) = (found.len(), binary.size() as u64);
            if bytes % size != 0 {
                return Err(told(format!(
                    "has {bytes} bytes: that is no whole number of {size}-byte values"
                )));
            }
            if expected.is_some_and(|expected| expected != bytes / size) {
                return Err(told(format!("holds {} values; the shape {shape:?} has others", bytes / size)));
            }
            expected = Some(bytes / size);
        }
        Ok(Self { path: path.to_owned(), format, file, kind, shape, expected, seen: 0 })
    }

    /// Replaces `into` by the next values: `most` of them, or what is left.
    pub fn read(&mut self, into: &mut Vec<f64>, most: usize) -> Result<(), String> {
        into.clear();
        let left = self.expected.map_or(most as u64, |expected| expected - self.seen);
        let most = most.min(usize::try_from(left).unwrap_or(most));
        let told = |reason: String| format!("`{}` {reason}", self.path);
        match &mut self.kind {
            Kind::Text(numbers) => {
                numbers.read(&mut self.file, into, most).map_err(told)?;
                if most == 0 {
                    // The shape is full; a text may go on behind it.
                    numbers.read(&mut self.file, into, 1).map_err(told)?;
                    if !into.is_empty() {
                        return Err(told(format!("holds more than the {} values of its shape", self.seen)));
                    }
                }
                if self.expected.is_some() && into.len() < most {
                    return Err(told(format!(
                        "ends after {} of {left} values",
                        self.seen + into.len() as u64
                    )));
                }
            }
            Kind::Binary(binary) => {
                let mut bytes = vec![0; most * binary.size()];
                self.file.read_exact(&mut bytes).map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => {
                        told(format!("is cut off: it should hold {} values", self.seen + left))
                    }
                    _ => told(format!("cannot be read: {error}")),
                })?;
                into.extend(bytes.chunks_exact(binary.size()).map(|bytes| binary.value(bytes)));
            }
        }
        self.seen += into.len() as u64;
        Ok(())
    }

    /// How many values are left; they are read and dropped.
    pub fn rest(&mut self) -> Result<u64, String> {
        let before = self.seen;
        let mut piece = Vec::new();
        loop {
            self.read(&mut piece, crate::PIECE)?;
            if piece.is_empty() {
                return Ok(self.seen - before);
            }
        }
    }

    /// Its name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its shape, when it has one.
    pub fn shape(&self) -> Option<&[u64]> {
        self.shape.as_deref()
    }

    /// How many values it holds, when that is known before they are read.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// What was read, for the result.
    pub fn describe(&self) -> Value {
        let number = match &self.kind {
            Kind::Binary(binary) => format!("{:?}", binary.number).to_lowercase(),
            Kind::Text(_) => "text".to_owned(),
        };
        let format = format!("{:?}", self.format).to_lowercase();
        json!({ "path": self.path, "format": format, "number": number, "values": self.seen })
    }
}
