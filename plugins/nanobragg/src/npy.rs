//! An image in NumPy's file format, version 1.0: [`write()`], for the artifact `image.npy`.
//!
//! The format is NumPy's own document (`numpy.lib.format`): magic bytes, version, length of the header, a
//! Python dictionary padded so that the data begin at a multiple of 64, then the pixels row by row, little
//! endian. Called by [`crate::image`] after the measurement; it must never hold a second copy of the image.

use std::io::{Error, Write};

use ndarray::ArrayView2;

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";
/// Where the data begin is a multiple of this.
const ALIGNMENT: usize = 64;

/// A pixel's type, as the format names and stores it.
pub trait Element: Copy {
    /// Its type string: byte order, kind, size in bytes.
    const DESCR: &'static str;
    /// Its bytes, little endian, into as many.
    fn store(self, bytes: &mut [u8]);
}

impl Element for f32 {
    const DESCR: &'static str = "<f4";

    fn store(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_le_bytes());
    }
}

impl Element for f64 {
    const DESCR: &'static str = "<f8";

    fn store(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_le_bytes());
    }
}

/// Writes the header and `pixels`, the last index fastest (C order).
pub fn write<T: Element>(pixels: &ArrayView2<'_, T>, mut writer: impl Write) -> Result<(), Error> {
    writer.write_all(&header(T::DESCR, pixels.nrows(), pixels.ncols()))?;
    let mut bytes = vec![0; pixels.ncols() * size_of::<T>()];
    for row in pixels.rows() {
        // Places of a fixed size, so that a row is copied by vector code.
        let places = bytes.chunks_exact_mut(size_of::<T>());
        row.iter().zip(places).for_each(|(pixel, place)| pixel.store(place));
        writer.write_all(&bytes)?;
    }
    Ok(())
}

fn header(descr: &str, rows: usize, columns: usize) -> Vec<u8> {
    let shape = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Two bytes state the length of what follows them: the dictionary, blanks, and a line break at the end.
    let before = MAGIC.len() + 2;
    let total = (before + shape.len() + 1).next_multiple_of(ALIGNMENT);
    // Two decimal numbers cannot make it longer than 65,535.
    let length = (total - before) as u16;
    let mut header = Vec::with_capacity(total);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&length.to_le_bytes());
    header.extend_from_slice(shape.as_bytes());
    header.resize(total - 1, b' ');
    header.push(b'\n');
    header
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn written<T: Element>(pixels: &ndarray::Array2<T>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&pixels.view(), &mut bytes).expect("memory takes everything");
        bytes
    }

    #[test]
    fn the_bytes_are_those_that_the_format_demands() {
        // By the format's description: 10 + 118 bytes of header, then the values.
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend_from_slice(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
        expected.resize(127, b' ');
        expected.push(b'\n');
        for bits in [0x3f80_0000_u32, 0x4000_0000, 0x4040_0000, 0x4080_0000, 0x40a0_0000, 0x40c0_0000] {
            expected.extend_from_slice(&bits.to_le_bytes());
        }
        assert_eq!(written(&array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]), expected);
    }

    #[test]
    fn float64_is_named_and_stored_with_eight_bytes() {
        let bytes = written(&array![[-2.0_f64]]);
        assert!(bytes[10..].starts_with(b"{'descr': '<f8', "));
        assert_eq!(bytes[bytes.len() - 8..], [0, 0, 0, 0, 0, 0, 0, 0xc0]);
    }

    #[test]
    fn a_transposed_view_is_written_row_by_row_too() {
        let pixels = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let mut bytes = Vec::new();
        write(&pixels.t(), &mut bytes).expect("memory takes everything");
        assert_eq!(bytes, written(&array![[1.0_f32, 4.0], [2.0, 5.0], [3.0, 6.0]]));
    }

    #[test]
    fn the_data_begin_at_a_multiple_of_64_for_every_length_of_the_shape() {
        for exponent in 0..20 {
            let header = header("<f4", 10_usize.pow(exponent), 1);
            assert_eq!(header.len() % 64, 0);
            assert_eq!(usize::from(u16::from_le_bytes([header[8], header[9]])), header.len() - 10);
            assert!(header.ends_with(b"\n"));
        }
    }

    #[test]
    fn a_writer_that_fails_is_reported() {
        let mut full = [0_u8; 130];
        assert!(write(&array![[1.0_f32, 2.0]].view(), &mut full[..]).is_err());
    }
}
