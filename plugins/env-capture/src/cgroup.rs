//! The limits of the control groups around this process: memory, cores, processes.
//!
//! A limit may stand in any ancestor, so the tightest on the way up to the mounted root counts. Both versions
//! are read. `unlimited` is a finding; `null` means that it could not be read.

use serde_json::{Value, json};

use crate::files::Files;
use crate::unknown::Unknown;

const MOUNT: &str = "/sys/fs/cgroup";
/// Version 1 says "unlimited" with the largest number of whole pages that fits.
const ENDLESS: u64 = 1 << 62;

/// Where one kind of limit is found: the directory of its controller, and this process's group in it.
struct Place {
    mount: String,
    group: String,
}

pub(crate) fn look(files: &dyn Files, unknown: &mut Unknown) -> Value {
    let groups = match files.read("/proc/self/cgroup") {
        Ok(groups) => groups,
        Err(reason) => {
            unknown.note("cgroup", &reason);
            return Value::Null;
        }
    };
    let unified = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let legacy = |controller: &str| {
        groups.lines().find_map(|line| {
            let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
            let found = controllers.split(',').any(|name| name == controller);
            found.then(|| Place { mount: format!("{MOUNT}/{controller}"), group: group.to_owned() })
        })
    };
    // A hybrid machine has a line of version 2 without controllers; version 1 then holds the limits.
    let is_legacy = legacy("memory").is_some();
    let place = |controller: &str| -> Result<Place, String> {
        let group = unified.map(str::to_owned);
        let unified = group.map(|group| Place { mount: MOUNT.to_owned(), group });
        let place = if is_legacy { legacy(controller) } else { unified };
        place.ok_or_else(|| format!("/proc/self/cgroup names no group for `{controller}`"))
    };
    let limit = |controller: &str, unified: &str, legacy: &str| {
        let file = if is_legacy { legacy } else { unified };
        place(controller)
            .and_then(|place| tightest(&place, |directory| amount(files, &format!("{directory}/{file}"))))
    };
    let memory = limit("memory", "memory.max", "memory.limit_in_bytes");
    let pids = limit("pids", "pids.max", "pids.max");
    let cores = place("cpu").and_then(|place| {
        tightest(
            &place,
            |directory| if is_legacy { legacy_cores(files, directory) } else { cores(files, directory) },
        )
    });
    let group =
        if is_legacy { legacy("memory").map(|place| place.group) } else { unified.map(str::to_owned) };
    json!({
        "version": if is_legacy { 1 } else { 2 },
        "group": group,
        "memory_max_bytes": unknown.or_null("cgroup.memory_max_bytes", memory.map(whole)),
        "cpu_max_cores": unknown.or_null("cgroup.cpu_max_cores", cores.map(real)),
        "pids_max": unknown.or_null("cgroup.pids_max", pids.map(whole)),
    })
}

/// The smallest limit of the group and its ancestors. Groups that cannot be seen from here (a container shows
/// its own part only) are passed over; when none can be read, the first reason counts.
fn tightest(place: &Place, read: impl Fn(&str) -> Result<f64, String>) -> Result<f64, String> {
    let mut found: Option<f64> = None;
    let mut reason = None;
    let mut group = place.group.trim_end_matches('/');
    loop {
        match read(&format!("{}{group}", place.mount)) {
            Ok(limit) => found = Some(found.map_or(limit, |found| found.min(limit))),
            Err(error) => reason = reason.or(Some(error)),
        }
        match group.rsplit_once('/') {
            Some((parent, _)) => group = parent,
            None => break,
        }
    }
    found.ok_or_else(|| reason.unwrap_or_else(|| "no group can be read".to_owned()))
}

/// A file with a number or `max`; infinite when there is no limit. Amounts below 2^53 stay exact.
fn amount(files: &dyn Files, path: &str) -> Result<f64, String> {
    let line = files.line(path)?;
    if line == "max" {
        return Ok(f64::INFINITY);
    }
    let amount: u64 = line.parse().map_err(|_| format!("{path} holds {line:?}"))?;
    Ok(if amount >= ENDLESS { f64::INFINITY } else { amount as f64 })
}

/// `cpu.max` holds quota and period in microseconds, or `max` and the period.
fn cores(files: &dyn Files, directory: &str) -> Result<f64, String> {
    let path = format!("{directory}/cpu.max");
    let line = files.line(&path)?;
    let bad = || format!("{path} holds {line:?}");
    let (quota, period) = line.split_once(' ').ok_or_else(bad)?;
    if quota == "max" {
        return Ok(f64::INFINITY);
    }
    match (quota.parse::<f64>(), period.parse::<f64>()) {
        (Ok(quota), Ok(period)) if period > 0.0 => Ok(quota / period),
        _ => Err(bad()),
    }
}

/// Version 1: a quota of -1 means no limit.
fn legacy_cores(files: &dyn Files, directory: &str) -> Result<f64, String> {
    let quota = files.number(&format!("{directory}/cpu.cfs_quota_us"))?;
    let period = files.number(&format!("{directory}/cpu.cfs_period_us"))?;
    Ok(if quota < 0 || period <= 0 { f64::INFINITY } else { quota as f64 / period as f64 })
}

fn whole(limit: f64) -> Value {
    if limit.is_finite() { (limit as u64).into() } else { "unlimited".into() }
}

fn real(limit: f64) -> Value {
    if limit.is_finite() { limit.into() } else { "unlimited".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FakeFiles;

    #[test]
    fn in_version_2_the_tightest_ancestor_counts() {
        let files = FakeFiles(&[
            ("/proc/self/cgroup", "0::/user.slice/job\n"),
            ("/sys/fs/cgroup/user.slice/job/memory.max", "max\n"),
            ("/sys/fs/cgroup/user.slice/memory.max", "8589934592\n"),
            ("/sys/fs/cgroup/user.slice/job/cpu.max", "150000 100000\n"),
            ("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/user.slice/job/pids.max", "max\n"),
        ]);
        let mut unknown = Unknown::default();
        assert_eq!(
            look(&files, &mut unknown),
            json!({
                "version": 2, "group": "/user.slice/job", "memory_max_bytes": 8_589_934_592_u64,
                "cpu_max_cores": 1.5, "pids_max": "unlimited",
            })
        );
    }

    #[test]
    fn in_a_container_of_version_1_the_visible_root_counts() {
        let files = FakeFiles(&[
            ("/proc/self/cgroup", "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n0::/docker/ab\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"),
            ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        let mut unknown = Unknown::default();
        let cgroup = look(&files, &mut unknown);
        assert_eq!(cgroup["version"], 1);
        assert_eq!(cgroup["memory_max_bytes"], "unlimited");
        assert_eq!(cgroup["cpu_max_cores"], 2.0);
        assert_eq!(cgroup["pids_max"], Value::Null);
        assert_eq!(unknown.reason("cgroup.pids_max"), Some("/proc/self/cgroup names no group for `pids`"));
    }

    #[test]
    fn what_cannot_be_read_is_not_unlimited() {
        let files = FakeFiles(&[("/proc/self/cgroup", "0::/\n")]);
        let mut unknown = Unknown::default();
        let cgroup = look(&files, &mut unknown);
        assert_eq!(cgroup["memory_max_bytes"], Value::Null);
        assert!(
            unknown.reason("cgroup.memory_max_bytes").expect("why").contains("/sys/fs/cgroup/memory.max")
        );
        assert_eq!(look(&FakeFiles(&[]), &mut unknown), Value::Null);
    }
}
