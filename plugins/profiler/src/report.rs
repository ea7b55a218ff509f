//! What is written of a profile: [`Report`], the artifacts and the value that the host hands to the runner.
//!
//! `hotspots.json` is the ranking of the profile's model, with what only a sampler knows: the rate that was asked
//! for and the one that was taken, what a sample costs, and how long each thread was on a processor. Made by the
//! plugin at the end. It must never state what was not measured: `null`, and why.

use std::collections::HashMap;

use profile_model::{Hotspots, Profile, flamegraph, folded, speedscope};
use runner_plugin::{Error, Host};
use serde_json::{Map, Value, json};

use crate::activity::Activity;
use crate::cost::Rate;
use crate::sampler::Sampled;

/// Operations in the report; `hotspots.json` has all of them.
const HEAD: usize = 10;
/// Threads without a single sample that are listed, the longest first: they show who slept.
const SLEEPERS: usize = 100;

/// What is said beside the ranking.
pub(crate) struct Report {
    /// `None` for a profile that was read.
    rate: Option<Rate>,
    activity: Result<Vec<Activity>, String>,
    short: Option<String>,
    notes: Vec<String>,
}

/// The report of a profile that there is not.
pub(crate) fn absent(hz: u32, reason: &str) -> Value {
    json!({
        "source": null, "source_reason": reason, "hz": null, "asked_hz": hz, "total": null, "operations": [],
        "artifacts": [], "short": null,
    })
}

impl Report {
    pub(crate) fn of_sampled(ended: &Sampled, short: Option<String>, notes: Vec<String>) -> Self {
        Self { rate: Some(ended.rate.clone()), activity: ended.activity.clone(), short, notes }
    }

    pub(crate) fn of_trace(_profile: &Profile) -> Self {
        let activity = Err("the profile was read from a file".to_owned());
        Self { rate: None, activity, short: None, notes: Vec::new() }
    }

    /// Writes the artifacts below `out`; returns the report.
    pub(crate) fn write(
        &self,
        host: Host,
        out: &str,
        profile: &Profile,
        title: &str,
    ) -> Result<Value, Error> {
        let hotspots = Hotspots::of(profile);
        let mut ranking = serde_json::to_value(&hotspots)?;
        self.enrich(&mut ranking);
        let mut text = serde_json::to_vec_pretty(&ranking)?;
        text.push(b'\n');
        let files = [
            ("hotspots.json", text),
            ("flamegraph.svg", flamegraph(profile, title).into_bytes()),
            ("profile.speedscope.json", serde_json::to_vec(&speedscope(profile, title))?),
            ("stacks.folded", folded(profile).into_bytes()),
        ];
        let mut artifacts = Vec::with_capacity(files.len());
        for (name, bytes) in files {
            let path = format!("{out}/{name}");
            host.write_artifact(&path, &bytes)?;
            artifacts.push(path);
        }
        Ok(self.head(&ranking, &hotspots, &artifacts))
    }

    /// The head of `hotspots.json` (the kernel's own operations first), what it is short of, and the artifacts.
    fn head(&self, ranking: &Value, hotspots: &Hotspots, artifacts: &[String]) -> Value {
        let fields = [
            "source",
            "source_reason",
            "hz",
            "sampling",
            "seconds",
            "unit",
            "total",
            "lost",
            "cut_off_percent",
            "single_frame_percent",
            "on_cpu_s",
            "off_cpu_s",
            "iterations",
        ];
        let mut report: Map<String, Value> =
            fields.iter().map(|field| ((*field).to_owned(), ranking[*field].clone())).collect();
        report.insert("short".to_owned(), json!(self.short));
        report.insert("notes".to_owned(), json!(self.notes));
        report.insert("operations".to_owned(), json!(hotspots.head(HEAD)));
        report.insert("artifacts".to_owned(), json!(artifacts));
        report.into()
    }

    /// Adds what only the sampler knows.
    fn enrich(&self, ranking: &mut Value) {
        ranking["sampling"] = self.rate.as_ref().map_or(Value::Null, |rate| {
            json!({
                "asked_hz": rate.asked,
                "hz": rate.hz,
                "budget_percent": rate.budget,
                "cost_us": rate.cost_us,
                "handling_us": rate.handling_us,
                "cost_unknown": rate.unmeasured,
                "lowered": rate.lowered(),
            })
        });
        ranking["notes"] = json!(self.notes);
        let known = self.activity.as_deref();
        let sum =
            |of: fn(&Activity) -> u64| known.map_or(Value::Null, |all| seconds(all.iter().map(of).sum()));
        ranking["on_cpu_s"] = sum(|one| one.on);
        ranking["off_cpu_s"] = sum(|one| one.off);
        ranking["off_cpu_unknown"] = json!(known.err());
        let Some(rows) = ranking["threads"].as_array_mut() else { return };
        // A thread that was several programs in turn has several rows, in the order of its programs.
        let mut by_tid: HashMap<i64, Vec<&Activity>> = HashMap::new();
        for one in known.unwrap_or_default() {
            by_tid.entry(one.tid.into()).or_default().push(one);
        }
        for row in rows.iter_mut() {
            let candidates = row["tid"].as_i64().and_then(|tid| by_tid.get_mut(&tid));
            let name = row["name"].as_str().unwrap_or_default().to_owned();
            let found = candidates.and_then(|all| {
                let same = |one: &&Activity| shown(one) == name;
                let index = all.iter().position(same).or_else(|| (!all.is_empty()).then_some(0))?;
                Some(all.remove(index))
            });
            describe(row, found);
        }
        let mut sleepers: Vec<&Activity> = by_tid.into_values().flatten().collect();
        sleepers.sort_by_key(|one| (std::cmp::Reverse(one.on + one.off), one.tid, one.image));
        let left_out = sleepers.len().saturating_sub(SLEEPERS);
        for one in sleepers.into_iter().take(SLEEPERS) {
            let mut row = json!({ "tid": one.tid, "name": shown(one), "total": 0 });
            describe(&mut row, Some(one));
            rows.push(row);
        }
        ranking["threads_left_out"] = json!(left_out);
    }
}

/// As the recording names threads.
fn shown(one: &Activity) -> String {
    if one.image == 0 && one.pid == std::process::id().cast_signed() {
        return one.thread.clone();
    }
    if one.thread.is_empty() || one.thread == one.process {
        return one.process.clone();
    }
    format!("{}/{}", one.process, one.thread)
}

fn describe(row: &mut Value, activity: Option<&Activity>) {
    row["pid"] = json!(activity.map(|one| one.pid));
    row["process"] = json!(activity.map(|one| &one.process));
    row["on_cpu_s"] = activity.map_or(Value::Null, |one| seconds(one.on));
    row["off_cpu_s"] = activity.map_or(Value::Null, |one| seconds(one.off));
    row["waited"] = json!(activity.map(|one| one.waited));
    row["preempted"] = json!(activity.map(|one| one.preempted));
}

/// Microseconds are what the figures are good for.
fn seconds(nanoseconds: u64) -> Value {
    json!((nanoseconds as f64 / 1e3).round() / 1e6)
}
