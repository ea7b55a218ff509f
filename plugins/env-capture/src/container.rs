//! Hints that this process runs in a container; called by the capture for its section `container`.
//!
//! Only what was seen: there is no certain sign either way, so it must never conclude "yes" or "no".

use serde_json::{Value, json};

use crate::files::Files;

const MARKERS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
const NAMES: [&str; 6] = ["docker", "containerd", "kubepods", "libpod", "lxc", "machine.slice"];

pub(crate) fn look(files: &dyn Files) -> Value {
    let mut hints: Vec<String> =
        MARKERS.iter().filter(|path| files.read(path).is_ok()).map(|path| format!("{path} exists")).collect();
    let groups = files.read("/proc/self/cgroup").unwrap_or_default();
    let named = NAMES.iter().filter(|name| groups.contains(**name));
    hints.extend(named.map(|name| format!("/proc/self/cgroup names {name}")));
    json!({ "hints": hints })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FakeFiles;

    #[test]
    fn hints_are_listed_and_none_is_none() {
        let files = FakeFiles(&[("/.dockerenv", ""), ("/proc/self/cgroup", "0::/kubepods/x\n")]);
        assert_eq!(
            look(&files),
            json!({ "hints": ["/.dockerenv exists", "/proc/self/cgroup names kubepods"] })
        );
        assert_eq!(look(&FakeFiles(&[("/proc/self/cgroup", "0::/\n")])), json!({ "hints": [] }));
    }
}
