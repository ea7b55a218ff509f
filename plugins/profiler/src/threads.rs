//! The threads of this process as the kernel lists them under `/proc/self/task`.
//!
//! Called by the samplers, which observe every thread but their own. Reads only.

use std::io;

/// The thread ids, in no order. A thread may have ended by the time its id is used.
pub(crate) fn list() -> io::Result<Vec<i32>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task")? {
        if let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The name of a thread; empty when it has ended.
pub(crate) fn name(id: i32) -> String {
    std::fs::read_to_string(format!("/proc/self/task/{id}/comm"))
        .map_or_else(|_| String::new(), |name| name.trim_end().to_owned())
}
