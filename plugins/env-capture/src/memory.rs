//! Memory in bytes, from `/proc/meminfo`.
//!
//! Called by the capture for its section `memory`. These are the machine's figures; what the control group
//! allows is the business of `cgroup`, and the two are never mixed.

use serde_json::{Map, Value};

use crate::files::Files;
use crate::unknown::Unknown;

const FIELDS: [(&str, &str); 5] = [
    ("total_bytes", "MemTotal"),
    ("available_bytes", "MemAvailable"),
    ("free_bytes", "MemFree"),
    ("swap_total_bytes", "SwapTotal"),
    ("swap_free_bytes", "SwapFree"),
];

pub(crate) fn look(files: &dyn Files, unknown: &mut Unknown) -> Value {
    let text = match files.read("/proc/meminfo") {
        Ok(text) => text,
        Err(reason) => {
            unknown.note("memory", &reason);
            return Value::Null;
        }
    };
    let mut memory = Map::new();
    for (name, key) in FIELDS {
        let bytes = bytes(&text, key).ok_or_else(|| format!("/proc/meminfo has no {key}"));
        memory.insert(name.to_owned(), unknown.or_null(&format!("memory.{name}"), bytes));
    }
    Value::Object(memory)
}

/// The file says `kB` and means 1024 bytes.
fn bytes(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FakeFiles;

    #[test]
    fn kilobytes_become_bytes_and_a_missing_line_is_unknown() {
        let files = FakeFiles(&[("/proc/meminfo", "MemTotal:  2048 kB\nMemFree: 1 kB\nSwapTotal: 0 kB\n")]);
        let mut unknown = Unknown::default();
        let memory = look(&files, &mut unknown);
        assert_eq!(memory["total_bytes"], 2048 * 1024);
        assert_eq!(memory["swap_total_bytes"], 0);
        assert_eq!(memory["available_bytes"], Value::Null);
        assert_eq!(unknown.reason("memory.available_bytes"), Some("/proc/meminfo has no MemAvailable"));
    }
}
