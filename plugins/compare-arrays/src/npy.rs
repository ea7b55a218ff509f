//! The header of NumPy's file format, versions 1 to 3 (`numpy.lib.format`): [`header`].
//!
//! Only arrays of plain numbers are taken. An array in Fortran order has its shape reversed, which is how its
//! values lie in the file.

use std::io::Read;

use crate::values::{Binary, Number};

/// Element type and shape, last index fastest.
pub fn header(file: &mut impl Read) -> Result<(Binary, Vec<u64>), String> {
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| "is too short for a .npy file".to_owned())?;
    if start[..6] != *b"\x93NUMPY" {
        return Err("is not a .npy file: it does not begin with \\x93NUMPY".to_owned());
    }
    let broken = |_| "ends inside of its .npy header".to_owned();
    let length = match start[6] {
        1 => {
            let mut length = [0; 2];
            file.read_exact(&mut length).map_err(broken)?;
            usize::from(u16::from_le_bytes(length))
        }
        2 | 3 => {
            let mut length = [0; 4];
            file.read_exact(&mut length).map_err(broken)?;
            u32::from_le_bytes(length) as usize
        }
        other => return Err(format!("is .npy of version {other}; 1 to 3 are known")),
    };
    if length > 1 << 20 {
        return Err(format!("has a .npy header of {length} bytes; more than 1 MiB is no array of numbers"));
    }
    let mut text = vec![0; length];
    file.read_exact(&mut text).map_err(broken)?;
    dictionary(&String::from_utf8_lossy(&text))
}

fn dictionary(text: &str) -> Result<(Binary, Vec<u64>), String> {
    let value = |key: &str| {
        let start = text.find(&format!("'{key}':")).map(|start| start + key.len() + 3);
        start
            .map(|start| text[start..].trim_start())
            .ok_or_else(|| format!("has a .npy header without `{key}`"))
    };
    let descr = value("descr")?;
    let name = descr.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    let name = name.ok_or("is a .npy file of records; only arrays of plain numbers are compared")?;
    let binary = element(name)
        .ok_or_else(|| format!("is a .npy file of `{name}`; known are b1, i1 to i8, u1 to u8, f4 and f8"))?;
    let fortran = value("fortran_order")?.starts_with("True");
    let shape = value("shape")?.strip_prefix('(').and_then(|rest| rest.split(')').next());
    let shape: Option<Vec<u64>> = shape.and_then(|shape| {
        let parts = shape.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    });
    let mut shape = shape.ok_or("has a .npy header whose shape cannot be read")?;
    if fortran && shape.len() > 1 {
        shape.reverse();
    }
    Ok((binary, shape))
}

fn element(name: &str) -> Option<Binary> {
    let big = name.starts_with('>');
    let number = match name.trim_start_matches(['<', '>', '|', '=']) {
        "b1" | "u1" => Number::U1,
        "i1" => Number::I1,
        "u2" => Number::U2,
        "i2" => Number::I2,
        "u4" => Number::U4,
        "i4" => Number::I4,
        "u8" => Number::U8,
        "i8" => Number::I8,
        "f4" => Number::F4,
        "f8" => Number::F8,
        _ => return None,
    };
    Some(Binary { number, big })
}
