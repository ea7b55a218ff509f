//! Resident memory of a process tree, from `/proc`.

use std::fs;
use std::io::Read;

use rustix::process::Pid;

/// The most processes of a tree that are added up; a fork bomb must not stop the monitor.
const MAX_PROCESSES: usize = 4096;

/// Bytes of resident memory of a process and all its descendants, added up. Shared pages count in each, so
/// this is an upper bound; 0 when nothing could be read.
pub fn tree_rss(root: Pid) -> u64 {
    let mut total = 0;
    let mut pending = vec![root.as_raw_nonzero().get()];
    let mut seen = 0;
    while let Some(pid) = pending.pop() {
        seen += 1;
        if seen > MAX_PROCESSES {
            break;
        }
        total += rss(pid);
        pending.extend(children(pid));
    }
    total
}

/// The second field of `statm`, in pages. Cheaper to read than `status`, and the tree's peak is watched over
/// time anyway.
fn rss(pid: i32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/statm")) else { return 0 };
    let pages: u64 = text.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

/// The children of a process: those of all its threads.
pub fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    threads
        .filter_map(Result::ok)
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .collect()
}

/// How many processes the system's out-of-memory killer has ended since boot.
pub fn system_oom_kills() -> Option<u64> {
    // In one read: the kernel counts everything anew for each.
    let mut text = String::with_capacity(1 << 14);
    fs::File::open("/proc/vmstat").ok()?.read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}
