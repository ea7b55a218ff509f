//! Times of a Chrome trace: decimal microseconds to whole nanoseconds, exactly.
//!
//! A time since 1970 in microseconds with three decimals does not fit a float64 (it would be off by up to 128 ns),
//! so digits are read as they are. Called for each event; never panics on what is no number.

/// Microseconds as text to nanoseconds, rounded; `None` for what is no finite number.
pub(crate) fn nanoseconds(text: &[u8]) -> Option<i64> {
    plain(text).or_else(|| {
        let micros: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
        // Up to 2^63 ns, 292 years.
        let nanos = (micros * 1e3).round();
        (nanos.abs() < 9.2e18).then_some(nanos as i64)
    })
}

/// `-123.456`; `None` for exponents and all else.
#[inline]
fn plain(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    if !digits.iter().any(u8::is_ascii_digit) || digits.len() > 24 {
        return None;
    }
    let mut value: i64 = 0;
    let mut decimals: Option<u32> = None;
    let mut up = false;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                match &mut decimals {
                    Some(3) => {
                        up = digit >= 5;
                        decimals = Some(4);
                        continue;
                    }
                    Some(4) => continue,
                    Some(count) => *count += 1,
                    None => {}
                }
                value = value.checked_mul(10)?.checked_add(digit)?;
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    let missing = 3 - decimals.unwrap_or(0).min(3);
    value = value.checked_mul(10_i64.pow(missing))?.checked_add(i64::from(up))?;
    Some(if negative { -value } else { value })
}

/// An id: a whole number, however it is written.
pub(crate) fn whole(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(|id| id.is_finite()).map(|id| id as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_read_exactly() {
        let of = |text: &str| nanoseconds(text.as_bytes());
        assert_eq!(of("1759300074693476.729"), Some(1_759_300_074_693_476_729));
        assert_eq!(of("-0.0015"), Some(-2));
        assert_eq!((of("7"), of("7.5"), of(".25")), (Some(7000), Some(7500), Some(250)));
        assert_eq!(of("1.5e3"), Some(1_500_000));
        for wrong in ["NaN", "null", "", "1e300", "-", ".", "1.2.3", "Infinity"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
