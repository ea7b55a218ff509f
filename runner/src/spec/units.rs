//! Durations (`10m`, `90s`) and amounts of memory (`80%`, `2 GiB`) as they are written in a workflow.

use std::time::Duration;

use jiff::SignedDuration;

/// Why a text is not a duration or an amount of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: &'static str,
}

const DURATION: &str = "write a number and a unit: 500ms, 90s, 10m, 1h 30m";
const MEMORY: &str =
    "write a number and a unit (512 MiB, 2 GiB, 500 MB) or a share of the machine's memory (80%)";

/// Reads a duration; it must be longer than nothing.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = |message: String| UnitError { message, help: DURATION };
    let parsed: SignedDuration =
        text.trim().parse().map_err(|_| wrong(format!("`{text}` is not a duration")))?;
    match Duration::try_from(parsed) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(wrong(format!("a time limit must be longer than nothing, not `{text}`"))),
    }
}

/// An amount of memory: absolute, or a share of the machine's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Memory {
    /// So many bytes.
    Bytes(u64),
    /// So many percent of the machine's memory (or of the control group's limit, when that is lower).
    Percent(f64),
}

/// Reads an amount of memory.
pub fn memory(text: &str) -> Result<Memory, UnitError> {
    let text = text.trim();
    let refused = |message: String| UnitError { message, help: MEMORY };
    let wrong = || refused(format!("`{text}` is not an amount of memory"));
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (text[..split].parse::<f64>().map_err(|_| wrong())?, text[split..].trim());
    if number <= 0.0 {
        return Err(refused(format!("a memory limit must be more than nothing, not `{text}`")));
    }
    let factor: f64 = match unit.to_ascii_lowercase().as_str() {
        "%" if number <= 100.0 => return Ok(Memory::Percent(number)),
        "%" => return Err(refused(format!("a share of the memory is at most 100%, not `{text}`"))),
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" | "k" => 1024.0,
        "mib" | "m" => 1_048_576.0,
        "gib" | "g" => 1_073_741_824.0,
        "tib" | "t" => 1_099_511_627_776.0,
        _ => return Err(wrong()),
    };
    Ok(Memory::Bytes((number * factor) as u64))
}

/// Reads what may be kept of an output stream, in bytes: an absolute amount, in the units of memory.
pub fn output(text: &str) -> Result<u64, UnitError> {
    let wrong =
        |message: String| UnitError { message, help: "write a number and a unit: 512 KiB, 64 MiB, 1 GiB" };
    let text = text.trim();
    if text.ends_with('%') {
        return Err(wrong(format!("an output limit is no share of the memory: `{text}`")));
    }
    match memory(text) {
        Ok(Memory::Bytes(bytes)) if bytes > 0 => Ok(bytes),
        Ok(_) => Err(wrong(format!("an output limit is at least one byte, not `{text}`"))),
        Err(_) => Err(wrong(format!("`{text}` is not an amount of output"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_memory_are_read_as_people_write_them() {
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(memory("80%"), Ok(Memory::Percent(80.0)));
        assert_eq!(memory("2 GiB"), Ok(Memory::Bytes(2 << 30)));
        assert_eq!(memory("1.5k"), Ok(Memory::Bytes(1536)));
        assert_eq!(output("512KiB"), Ok(512 << 10));
        for wrong in ["80%", "110%", "0B", "0.1B", "", "lots", "-1MB"] {
            let error = output(wrong).expect_err(wrong);
            assert!(error.message.contains("output") && !error.help.contains('%'), "{error:?}");
        }
        for wrong in ["", "10", "ten minutes", "-5s", "0s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "10", "110%", "0MB", "5 parsecs", "-1GB"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }
}
