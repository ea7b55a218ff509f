//! The program of a `run:` step with a profiler beside it: [`run_profiled`].
//!
//! The program is run and judged exactly as without a profiler. Only then the profiler's own end is looked at: a
//! program that succeeded while its profile could not be made has failed as a step, because the evidence is
//! missing; a program that failed keeps its own reason.

use std::time::Duration;

use runner_plugin_host::protocol::{Job, RoleJob};
use serde_json::{Map, Value};

use super::{Place, Work, library, run_alone};
use crate::client::{PluginCall, PluginRun, profile_program, unchanged};
use crate::evidence::{AttemptRecord, EvidenceError};
use crate::launch::Command;
use crate::outcome::Outcome;
use crate::plan::{PlanPlugin, ResolvedLimits};

/// How much longer than its program a profiler may take, to name and to write what it saw.
const AFTERWARDS: Duration = Duration::from_mins(5);

pub(super) fn run_profiled(
    work: Work<'_>,
    profiler: &PlanPlugin,
    with: &Value,
    mut command: Command,
    record: &mut AttemptRecord,
) -> Result<Map<String, Value>, EvidenceError> {
    let Work { engine, step, attempt, place, .. } = work;
    if let Err(message) = unchanged(&[profiler]) {
        record.fail("the profiler is not the one that was planned", message);
        return Ok(Map::new());
    }
    let bundle = engine.launcher.bundle();
    let time_s = attempt.limits.time_s.map(|seconds| seconds + AFTERWARDS.as_secs_f64());
    let call = PluginCall {
        step: &step.id,
        attempt: record.number,
        job: Job {
            plugin: library(profiler, with),
            profiler: None,
            root: engine.launcher.root().to_owned(),
            bundle: place.below.map_or_else(|| bundle.path().to_owned(), |below| bundle.file(below)),
            role: RoleJob::Capture, // set by `profile_program`
        },
        plugins: vec![profiler],
        env: Map::new(),
        // The program's limits are the program's.
        limits: ResolvedLimits { time_s, ..ResolvedLimits::default() },
        writes: Vec::new(),
        reads: Vec::new(),
    };
    let (ran, run) = profile_program(&engine.launcher, &engine.events, call, |wire| {
        command.wire = wire;
        run_alone(work, command, record)
    })?;
    take_profile(record, run, ran.is_some(), place);
    Ok(ran.unwrap_or_default())
}

/// What the profiler came to, added to a record of how the program ended.
fn take_profile(record: &mut AttemptRecord, run: PluginRun, ran: bool, place: &Place) {
    record.commands.insert(0, run.launched.id);
    record.logs.extend(run.launched.logs);
    record.artifacts.extend(run.artifacts.iter().map(|artifact| place.name(artifact)));
    record.warnings.extend(run.warnings);
    record.attempted.extend(run.launched.attempts);
    record.attempted.extend(run.attempts);
    record.left_behind.extend(run.launched.ended.left_behind);
    if let Some(report) = run.result {
        record.profile = Some(report);
        return;
    }
    let reason = run.reason.unwrap_or(run.claim);
    match (ran, run.outcome) {
        (false, Outcome::Cancelled) => {
            record.outcome = Outcome::Cancelled;
            record.claim.clone_from(&reason);
            record.reason = Some(reason);
        }
        (false, _) => {
            record.fail("the profiler could not be attached, so the program was not run", reason);
        }
        (true, _) if record.outcome == Outcome::Ok => {
            record.fail("exit status 0, but its profile could not be made", format!("no profile: {reason}"));
        }
        (true, _) => record.warnings.push(format!("no profile: {reason}")),
    }
}
