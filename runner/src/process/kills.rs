//! [`Kills`]: whether the kernel killed for memory while a program ran, by its own counters.
//!
//! Two sources: the count of the runner's own control group (version 1 `memory.oom_control`, version 2
//! `memory.events`; programs run in the runner's group), and that of the whole machine (`/proc/vmstat`), which
//! is the weaker one: somebody else's program may have been meant. Used by [`Process`](super::Process) before
//! and after; must never claim a kill that no counter shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::memory::system_oom_kills;
use super::wait::Status;

/// The exit status with which a shell tells that its command got SIGKILL.
const SHELL_SAW_SIGKILL: i32 = 137;

/// The counters as they stood when a program started.
#[derive(Clone, Debug)]
pub struct Kills {
    group: Option<(PathBuf, u64)>,
    system: Option<u64>,
}

impl Kills {
    /// Reads the counter of the group, before a program is started.
    pub fn so_far() -> Self {
        // Looked for once: a runner stays in its group.
        static COUNTER: OnceLock<Option<PathBuf>> = OnceLock::new();
        let counter = COUNTER.get_or_init(|| {
            let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
            let files = counters(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"));
            files.into_iter().find(|file| counted(file).is_some())
        });
        let group = counter.as_ref().and_then(|file| Some((file.clone(), counted(file)?)));
        Self { group, system: None }
    }

    /// Reads the counter of the machine too. That takes longer, and may be done while the program is on its way: this
    /// counter is the weaker source.
    pub fn and_of_the_system(&mut self) {
        self.system = system_oom_kills();
    }

    /// The source of the claim that a program which ended like this ran out of memory.
    pub fn claim(&self, status: Status) -> Option<String> {
        let how = match status {
            Status::Signalled(9) => "SIGKILL".to_owned(),
            Status::Exited(code) if code != 0 => format!("exit status {code}"),
            _ => return None,
        };
        if let Some((file, before)) = &self.group
            && let Some(after) = counted(file).filter(|after| after > before)
        {
            let file = file.display();
            return Some(format!(
                "{how}; the kernel killed for memory in the runner's control group ({file}: oom_kill {before}, then {after})"
            ));
        }
        let killed = matches!(status, Status::Signalled(9) | Status::Exited(SHELL_SAW_SIGKILL));
        (killed && self.system.is_some() && system_oom_kills() > self.system)
            .then(|| format!("{how} while the system's out-of-memory killer was at work (/proc/vmstat)"))
    }
}

/// The `oom_kill` of such a file; `None` where the file or (before Linux 4.13) the field is not there.
fn counted(file: &Path) -> Option<u64> {
    field(&fs::read_to_string(file).ok()?)
}

/// Both versions write lines of a name and a number.
fn field(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// The files that may count for this process, the better one first: where both versions are mounted, the one
/// with the memory controller counts, and that is version 1. From `/proc/self/cgroup` and
/// `/proc/self/mountinfo` (proc(5), cgroups(7)).
fn counters(groups: &str, mounts: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(group)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if controllers.split(',').any(|controller| controller == "memory") {
            let memory = |mount: &Mount<'_>| {
                mount.kind == "cgroup" && mount.options.split(',').any(|option| option == "memory")
            };
            files.splice(0..0, below(mounts, memory, group).map(|path| path.join("memory.oom_control")));
        } else if number == "0" && controllers.is_empty() {
            let unified = |mount: &Mount<'_>| mount.kind == "cgroup2";
            files.extend(below(mounts, unified, group).map(|path| path.join("memory.events")));
        }
    }
    files
}

/// A line of `mountinfo`.
struct Mount<'a> {
    root: String,
    point: String,
    kind: &'a str,
    options: &'a str,
}

/// Where a group is seen: the mount may show only a part of the tree, in a container mostly just this group.
fn below(mounts: &str, wanted: impl Fn(&Mount<'_>) -> bool, group: &str) -> Option<PathBuf> {
    let mount = mounts.lines().filter_map(mount).find(wanted)?;
    // Outside of its own namespace: nothing of it can be seen.
    if group.split('/').any(|part| part == "..") {
        return None;
    }
    let inside = match group.strip_prefix(mount.root.trim_end_matches('/')) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => "",
    };
    Some(Path::new(&mount.point).join(inside))
}

fn mount(line: &str) -> Option<Mount<'_>> {
    let (place, kind) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, point) = (unescaped(place.next()?), unescaped(place.next()?));
    let mut kind = kind.split(' ');
    Some(Mount { root, point, kind: kind.next()?, options: kind.nth(1).unwrap_or_default() })
}

/// Blanks and backslashes stand as three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
    const V2: &str = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
    const HYBRID: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

    fn found(groups: &str, mounts: &[&str]) -> Vec<String> {
        counters(groups, &mounts.join("\n")).iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_group_is_found_in_every_layout() {
        let v1 = "9:name=systemd:/\n4:memory:/job/7\n1:cpu,cpuacct:/\n";
        assert_eq!(found(v1, &[V1]), ["/sys/fs/cgroup/memory/job/7/memory.oom_control"]);
        assert_eq!(found("0::/user.slice/a\n", &[V2]), ["/sys/fs/cgroup/user.slice/a/memory.events"]);
        assert_eq!(
            found("0::/\n4:memory:/job\n", &[HYBRID, V1]),
            ["/sys/fs/cgroup/memory/job/memory.oom_control", "/sys/fs/cgroup/unified/memory.events"],
            "version 1 has the controller"
        );
    }

    #[test]
    fn a_container_sees_its_own_part_of_the_tree() {
        let part = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";
        assert_eq!(found("4:memory:/docker/abc\n", &[part]), ["/sys/fs/cgroup/memory/memory.oom_control"]);
        assert_eq!(
            found("4:memory:/docker/abc/job\n", &[part]),
            ["/sys/fs/cgroup/memory/job/memory.oom_control"]
        );
        assert_eq!(
            found("4:memory:/docker/abcdef\n", &[part]),
            ["/sys/fs/cgroup/memory/memory.oom_control"],
            "another group with the same beginning"
        );
        let blank = "31 23 0:28 / /mnt/my\\040groups rw - cgroup2 none rw";
        assert_eq!(found("0::/a\n", &[blank]), ["/mnt/my groups/a/memory.events"]);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(found("0::/../../other\n", &[V2]), Vec::<String>::new());
        assert_eq!(found("0::/a\n", &[V1]), Vec::<String>::new());
        assert_eq!(found("", &[V1, V2]), Vec::<String>::new());
        assert_eq!(found("nonsense\n1:2\n", &["nonsense", ""]), Vec::<String>::new());
    }

    #[test]
    fn both_versions_are_read_and_an_old_kernel_is_unknown() {
        assert_eq!(field("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), Some(3));
        assert_eq!(field("low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n"), Some(1));
        assert_eq!(field("oom_kill_disable 0\nunder_oom 0\n"), None);
    }

    #[test]
    fn without_a_kill_nothing_is_claimed_and_a_good_end_is_none() {
        let mut now = Kills::so_far();
        now.and_of_the_system();
        assert_eq!(now.claim(Status::Exited(0)), None);
        let kills = Kills { group: None, system: Some(u64::MAX) };
        assert_eq!(kills.claim(Status::Signalled(9)), None);
        assert_eq!(kills.claim(Status::Exited(SHELL_SAW_SIGKILL)), None);
    }
}
