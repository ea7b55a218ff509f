//! [`peak_rss`]: the most memory that this process has held, as the kernel of Linux counts it.
//!
//! Asked by [`crate::plugin`] when it reports. Where it cannot be known it says why; it never guesses.

/// The peak of the resident set in bytes: `VmHWM` of `/proc/self/status` (`proc_pid_status(5)`). It counts
/// the whole process, so also the plugin host and a profiler beside the kernel.
pub fn peak_rss() -> Result<u64, String> {
    let path = "/proc/self/status";
    let status = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    high_water_mark(&status).ok_or_else(|| format!("{path} states no VmHWM in kB"))
}

fn high_water_mark(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::high_water_mark;

    #[test]
    fn the_mark_is_read_in_bytes() {
        let status = "Name:\trunner\nVmPeak:\t  9000 kB\nVmHWM:\t    4096 kB\nVmRSS:\t 12 kB\n";
        assert_eq!(high_water_mark(status), Some(4096 * 1024));
    }

    #[test]
    fn a_status_without_a_usable_mark_is_unknown() {
        for status in ["", "VmRSS:\t12 kB\n", "VmHWM:\t12 MB\n", "VmHWM:\tmuch kB\n"] {
            assert_eq!(high_water_mark(status), None, "{status:?}");
        }
    }
}
