//! The processor: model, flags, caches, cores, which of them this process may use, frequency and governor.
//!
//! Called by the capture for its section `cpu`; reads `/proc/cpuinfo` and `/sys/devices/system/cpu`. What a
//! machine does not list (an ARM core has no model name, a guest no governor) is unknown, never derived.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::files::Files;
use crate::unknown::Unknown;

const SYS: &str = "/sys/devices/system/cpu";

pub(crate) fn look(files: &dyn Files, unknown: &mut Unknown) -> Value {
    let mut cpu = Map::new();
    let mut add = |name: &str, result: Result<Value, String>| {
        let value = unknown.or_null(&format!("cpu.{name}"), result);
        cpu.insert(name.to_owned(), value);
    };
    let info = files.read("/proc/cpuinfo");
    let info = info.as_deref().map_err(Clone::clone);
    let first = |keys: &[&str]| -> Result<String, String> {
        let text = info.clone()?;
        let found = keys.iter().find_map(|key| values(text, key).next());
        found.map(str::to_owned).ok_or_else(|| format!("/proc/cpuinfo has no `{}`", keys.join("` or `")))
    };
    add("model", first(&["model name", "cpu model", "Model"]).map(Value::from));
    add("vendor", first(&["vendor_id", "CPU implementer"]).map(Value::from));
    add(
        "flags",
        first(&["flags", "Features"]).map(|flags| flags.split_whitespace().collect::<Vec<_>>().into()),
    );
    add("logical_cores", info.clone().and_then(logical_cores).map(Value::from));
    add("physical_cores", info.clone().and_then(physical_cores).map(Value::from));
    add("mhz", info.clone().and_then(megahertz));
    let online = files.line(&format!("{SYS}/online"));
    add("governor", online.clone().and_then(|online| governors(files, &online)));
    add("online", online.map(Value::from));
    add("affinity", affinity(files).map(Value::from));
    add("turbo", turbo(files).map(Value::from));
    add("smt", files.line(&format!("{SYS}/smt/control")).map(Value::from));
    add("caches", caches(files));
    Value::Object(cpu)
}

/// The values of a key of `/proc/cpuinfo`, one for each logical core that has it.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

fn logical_cores(text: &str) -> Result<usize, String> {
    match values(text, "processor").count() {
        0 => Err("/proc/cpuinfo lists no processor".to_owned()),
        count => Ok(count),
    }
}

/// Different pairs of `physical id` and `core id`; machines that list none do not say.
fn physical_cores(text: &str) -> Result<usize, String> {
    let pairs: BTreeSet<_> = values(text, "physical id").zip(values(text, "core id")).collect();
    match pairs.len() {
        0 => Err("/proc/cpuinfo lists no core ids".to_owned()),
        count => Ok(count),
    }
}

fn megahertz(text: &str) -> Result<Value, String> {
    let all: Vec<f64> = values(text, "cpu MHz").filter_map(|value| value.parse().ok()).collect();
    if all.is_empty() {
        return Err("/proc/cpuinfo lists no frequency".to_owned());
    }
    let min = all.iter().copied().fold(f64::INFINITY, f64::min);
    let max = all.iter().copied().fold(0.0, f64::max);
    Ok(json!({ "min": min, "max": max }))
}

/// Governor to number of online cores: mixed governors are a reason for noise.
fn governors(files: &dyn Files, online: &str) -> Result<Value, String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for core in listed(online)? {
        let governor = files.line(&format!("{SYS}/cpu{core}/cpufreq/scaling_governor"))?;
        *counts.entry(governor).or_default() += 1;
    }
    Ok(json!(counts))
}

/// The numbers of a list like `0-3,8`.
fn listed(list: &str) -> Result<Vec<u32>, String> {
    let mut numbers = Vec::new();
    for part in list.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (Ok(from), Ok(to)) = (from.trim().parse::<u32>(), to.trim().parse::<u32>()) else {
            return Err(format!("{list:?} is no list of cores"));
        };
        if to < from || to > 1 << 16 {
            return Err(format!("{list:?} is no list of cores"));
        }
        numbers.extend(from..=to);
    }
    Ok(numbers)
}

fn affinity(files: &dyn Files) -> Result<String, String> {
    let status = files.read("/proc/self/status")?;
    let list = values(&status, "Cpus_allowed_list").next().map(str::to_owned);
    list.ok_or_else(|| "/proc/self/status has no Cpus_allowed_list".to_owned())
}

/// Whether the processor may clock above its base frequency. Two drivers say it in opposite words.
fn turbo(files: &dyn Files) -> Result<bool, String> {
    match files.number(&format!("{SYS}/intel_pstate/no_turbo")) {
        Ok(no_turbo) => Ok(no_turbo == 0),
        Err(_) => files.number(&format!("{SYS}/cpufreq/boost")).map(|boost| boost != 0),
    }
}

/// The caches of the first core: `{"level": 1, "type": "Data", "size": "32K"}`.
fn caches(files: &dyn Files) -> Result<Value, String> {
    let mut caches = Vec::new();
    for index in 0..8 {
        let directory = format!("{SYS}/cpu0/cache/index{index}");
        let size = match files.line(&format!("{directory}/size")) {
            Ok(size) => size,
            Err(reason) if caches.is_empty() => return Err(reason),
            Err(_) => break,
        };
        let level = files.number(&format!("{directory}/level"))?;
        let kind = files.line(&format!("{directory}/type"))?;
        caches.push(json!({ "level": level, "type": kind, "size": size }));
    }
    Ok(caches.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FakeFiles;

    #[test]
    fn a_processor_with_two_cores_and_four_threads_is_described() {
        let files = FakeFiles(&[
            (
                "/proc/cpuinfo",
                "processor\t: 0\nvendor_id\t: Acme\nmodel name\t: Acme 9000\nphysical id\t: 0\ncore id\t: 0\n\
                 cpu MHz\t\t: 2200.5\nflags\t\t: fpu avx2\n\nprocessor\t: 1\nphysical id\t: 0\ncore id\t: 0\n\
                 cpu MHz\t\t: 3000.0\n\nprocessor\t: 2\nphysical id\t: 0\ncore id\t: 1\n\n\
                 processor\t: 3\nphysical id\t: 0\ncore id\t: 1\n",
            ),
            ("/sys/devices/system/cpu/online", "0-1,3\n"),
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"),
            ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n"),
            ("/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "performance\n"),
            ("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
            ("/proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-1\n"),
            ("/sys/devices/system/cpu/cpu0/cache/index0/size", "32K\n"),
            ("/sys/devices/system/cpu/cpu0/cache/index0/level", "1\n"),
            ("/sys/devices/system/cpu/cpu0/cache/index0/type", "Data\n"),
        ]);
        let mut unknown = Unknown::default();
        let cpu = look(&files, &mut unknown);
        assert_eq!(cpu["model"], "Acme 9000");
        assert_eq!(cpu["flags"], json!(["fpu", "avx2"]));
        assert_eq!((&cpu["logical_cores"], &cpu["physical_cores"]), (&json!(4), &json!(2)));
        assert_eq!(cpu["mhz"], json!({ "min": 2200.5, "max": 3000.0 }));
        assert_eq!(cpu["governor"], json!({ "performance": 2, "powersave": 1 }));
        assert_eq!(cpu["affinity"], "0-1");
        assert_eq!(cpu["turbo"], false);
        assert_eq!(cpu["caches"], json!([{ "level": 1, "type": "Data", "size": "32K" }]));
        assert!(unknown.reason("cpu.smt").is_some(), "not in this test, and not guessed");
    }

    #[test]
    fn a_processor_that_says_little_is_not_guessed() {
        let files = FakeFiles(&[
            ("/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"),
            ("/sys/devices/system/cpu/online", "zero\n"),
        ]);
        let mut unknown = Unknown::default();
        let cpu = look(&files, &mut unknown);
        assert_eq!(cpu["flags"], json!(["fp", "asimd"]));
        for name in ["model", "physical_cores", "mhz", "governor", "turbo", "affinity"] {
            assert_eq!(cpu[name], Value::Null, "{name}");
            assert!(unknown.reason(&format!("cpu.{name}")).is_some(), "{name}");
        }
        assert_eq!(unknown.reason("cpu.governor"), Some("\"zero\" is no list of cores"));
    }
}
