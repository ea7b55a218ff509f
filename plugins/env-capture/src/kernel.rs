//! The operating system, the kernel and its settings that move measurements, and the load.
//!
//! Called by the capture for its sections `os`, `kernel` and `load`. It must never start a program: the load
//! is read before the capture makes one of its own.

use serde_json::{Map, Value, json};

use crate::files::Files;
use crate::unknown::Unknown;

/// Distribution: name, version and id of `/etc/os-release`.
pub(crate) fn os(files: &dyn Files, unknown: &mut Unknown) -> Value {
    let text = files.read("/etc/os-release").or_else(|_| files.read("/usr/lib/os-release"));
    let text = match text {
        Ok(text) => text,
        Err(reason) => {
            unknown.note("os", &reason);
            return Value::Null;
        }
    };
    let mut os = Map::new();
    for (name, key) in [("name", "PRETTY_NAME"), ("id", "ID"), ("version", "VERSION_ID")] {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let value = value.map(|value| value.trim_matches(['"', '\'']).to_owned());
        let value = value.ok_or_else(|| format!("os-release has no {key}"));
        os.insert(name.to_owned(), unknown.or_null(&format!("os.{name}"), value));
    }
    Value::Object(os)
}

/// Release, version, machine, host name, uptime, and the settings that move measurements.
pub(crate) fn look(files: &dyn Files, unknown: &mut Unknown) -> Value {
    let mut kernel = Map::new();
    for (name, path) in [
        ("release", "/proc/sys/kernel/osrelease"),
        ("version", "/proc/sys/kernel/version"),
        ("hostname", "/proc/sys/kernel/hostname"),
    ] {
        kernel.insert(name.to_owned(), unknown.or_null(&format!("kernel.{name}"), files.line(path)));
    }
    kernel.insert("machine".to_owned(), std::env::consts::ARCH.into());
    let uptime = files.line("/proc/uptime").and_then(|line| floats(&line, 1).map(|values| values[0]));
    kernel.insert("uptime_s".to_owned(), unknown.or_null("kernel.uptime_s", uptime));
    let pages = files.line("/sys/kernel/mm/transparent_hugepage/enabled").and_then(|line| chosen(&line));
    kernel.insert("transparent_hugepages".to_owned(), unknown.or_null("kernel.transparent_hugepages", pages));
    for (name, path) in [
        ("address_space_randomization", "/proc/sys/kernel/randomize_va_space"),
        ("perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid"),
    ] {
        kernel.insert(name.to_owned(), unknown.or_null(&format!("kernel.{name}"), files.number(path)));
    }
    Value::Object(kernel)
}

/// Load averages over 1, 5 and 15 minutes, and how many of all threads were running.
pub(crate) fn load(files: &dyn Files, unknown: &mut Unknown) -> Value {
    let load = files.line("/proc/loadavg").and_then(|line| {
        let values = floats(&line, 3)?;
        let threads = line.split_whitespace().nth(3).and_then(|field| field.split_once('/'));
        let running = threads.and_then(|(running, _)| running.parse::<u64>().ok());
        Ok(json!({
            "minutes_1": values[0], "minutes_5": values[1], "minutes_15": values[2],
            "running_threads": running,
        }))
    });
    unknown.or_null("load", load)
}

fn floats(line: &str, count: usize) -> Result<Vec<f64>, String> {
    let values: Option<Vec<f64>> =
        line.split_whitespace().take(count).map(|word| word.parse().ok()).collect();
    values
        .filter(|values| values.len() == count)
        .ok_or_else(|| format!("{line:?} does not hold {count} numbers"))
}

/// The word in brackets of a line like `always [madvise] never`.
fn chosen(line: &str) -> Result<String, String> {
    let word =
        line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(word, _)| word.to_owned());
    word.ok_or_else(|| format!("{line:?} marks no choice"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FakeFiles;

    #[test]
    fn a_linux_machine_is_described() {
        let files = FakeFiles(&[
            (
                "/etc/os-release",
                "NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID='12'\n",
            ),
            ("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
            ("/proc/uptime", "350735.47 234388.90\n"),
            ("/proc/loadavg", "0.52 0.58 0.59 2/813 12345\n"),
            ("/proc/sys/kernel/randomize_va_space", "2\n"),
            ("/proc/sys/kernel/perf_event_paranoid", "lots\n"),
            ("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
        ]);
        let mut unknown = Unknown::default();
        let os = os(&files, &mut unknown);
        assert_eq!(os, json!({ "name": "Debian GNU/Linux 12", "id": "debian", "version": "12" }));
        let kernel = look(&files, &mut unknown);
        assert_eq!(kernel["release"], "6.1.0-18-amd64");
        assert_eq!(kernel["uptime_s"], 350_735.47);
        assert_eq!(kernel["transparent_hugepages"], "madvise");
        assert_eq!(kernel["address_space_randomization"], 2);
        assert_eq!(kernel["perf_event_paranoid"], Value::Null);
        assert!(unknown.reason("kernel.perf_event_paranoid").expect("why").contains("not a whole number"));
        assert!(unknown.reason("kernel.hostname").expect("why").contains("not in this test"));
        let load = load(&files, &mut unknown);
        assert_eq!((&load["minutes_1"], &load["running_threads"]), (&json!(0.52), &json!(2)));
    }

    #[test]
    fn without_its_files_everything_is_null_with_a_reason() {
        let mut unknown = Unknown::default();
        assert_eq!(os(&FakeFiles(&[]), &mut unknown), Value::Null);
        assert_eq!(load(&FakeFiles(&[("/proc/loadavg", "0.1 0.2")]), &mut unknown), Value::Null);
        assert_eq!(unknown.reason("load"), Some("\"0.1 0.2\" does not hold 3 numbers"));
    }
}
