//! The resource limits of this process, which are those of the step, from `/proc/self/limits`.
//!
//! Called by the capture for its section `limits`. `unlimited` is the kernel's own word and stays a word: it
//! must never become a large number.

use serde_json::{Map, Value, json};

use crate::files::Files;
use crate::unknown::Unknown;

pub(crate) fn look(files: &dyn Files, unknown: &mut Unknown) -> Value {
    let limits = files.read("/proc/self/limits").and_then(|text| read(&text));
    unknown.or_null("limits", limits)
}

/// `Max open files  1024  4096  files` becomes `"max_open_files": {"soft": 1024, "hard": 4096, "unit": "files"}`.
fn read(text: &str) -> Result<Map<String, Value>, String> {
    let mut limits = Map::new();
    for line in text.lines().skip(1) {
        // A name holds single spaces; columns are at least two apart, or fill their width.
        let mut words = line.split("  ").map(str::trim).filter(|word| !word.is_empty());
        let (Some(name), Some(soft), Some(hard)) = (words.next(), words.next(), words.next()) else {
            return Err(format!("/proc/self/limits holds the line {line:?}"));
        };
        let name = name.to_lowercase().replace(' ', "_");
        limits.insert(name, json!({ "soft": value(soft), "hard": value(hard), "unit": words.next() }));
    }
    Ok(limits)
}

/// A number, or the word `unlimited`.
fn value(word: &str) -> Value {
    word.parse::<u64>().map_or_else(|_| word.into(), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_numbers_or_unlimited() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max cpu time              unlimited            unlimited            seconds   \n\
                    Max open files            1024                 1048576              files     \n\
                    Max nice priority         0                    0                    \n";
        let limits = read(text).expect("readable");
        assert_eq!(
            limits["max_cpu_time"],
            json!({ "soft": "unlimited", "hard": "unlimited", "unit": "seconds" })
        );
        assert_eq!(limits["max_open_files"], json!({ "soft": 1024, "hard": 1_048_576, "unit": "files" }));
        assert_eq!(limits["max_nice_priority"]["unit"], Value::Null);
        assert!(read("Limit\nnonsense\n").is_err());
    }
}
