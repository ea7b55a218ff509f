//! [`summary`]: `summary.md`. Status first; what was asked and what was run; the top operations; surprises;
//! what there is to read and to do. ASCII.

use std::fmt::Write;

use serde_json::Value;

use crate::diagnostic::counted;
use crate::evidence::{
    AttemptKind, AttemptRecord, CommandRecord, EvidenceRecord, GuardRecord, InputsRecord, RunStatus,
    StepInputs, ascii, one_line, with_line,
};
use crate::guard::Confinement;
use crate::outcome::Outcome;
use crate::process::bytes;
use crate::report::operations::{profiled, ranked};
use crate::report::table::Table;
use crate::report::{Comparison, Mapping};

/// How many operations are shown.
const OPERATIONS: usize = 10;
/// Files that are made after, or from, the summary.
const NOT_LISTED: [&str; 2] = ["summary.md", "manifest.json"];

/// The summary of a bundle.
pub fn summary(record: &EvidenceRecord) -> String {
    let mut text = String::new();
    head(&mut text, record);
    resumed(&mut text, record);
    asked_and_run(&mut text, record);
    findings(&mut text, record);
    figures(&mut text, record);
    operations(&mut text, record);
    compared(&mut text, record);
    surprises(&mut text, record);
    commands(&mut text, record);
    artifacts(&mut text, record);
    next(&mut text, record);
    ascii(&text)
}

/// Writing into a String cannot fail.
macro_rules! line {
    ($text:expr) => { $text.push('\n') };
    ($text:expr, $($part:tt)*) => {{ let _ = writeln!($text, $($part)*); }};
}

fn head(text: &mut String, record: &EvidenceRecord) {
    let (plan, state) = (&record.plan, &record.state);
    line!(text, "# {}", plan.workflow.title);
    line!(text);
    line!(text, "**Status: {}**", state.status.word());
    if state.status == RunStatus::Running {
        line!(text, "\nNo end was recorded: the run is going on, or its runner was killed.");
    }
    if let Some(reason) = &state.reason {
        line!(text);
        line!(text, "Why: {reason}");
    }
    line!(text);
    let mut table = Table::new(["", ""]);
    table.row(["Bundle".into(), format!("`{}`", plan.bundle)]);
    let mode = plan.workflow.mode.as_deref().map_or_else(String::new, |mode| format!(", mode {mode}"));
    let focus = plan.workflow.focus.as_deref().map_or_else(String::new, |focus| format!(", focus {focus}"));
    table.row(["Workflow".into(), format!("`{}` ({}{mode}{focus})", plan.workflow.path, plan.workflow.id)]);
    let ended = state.ended.map_or_else(
        || "not ended".to_owned(),
        |ended| {
            let pauses = if state.resumed.is_empty() { "" } else { ", pauses included" };
            format!("{ended} ({:.1} s{pauses})", ended.seconds_since(state.started))
        },
    );
    table.row(["Run (UTC)".into(), format!("{} to {ended}", state.started)]);
    if let Some(original) = &plan.rerun_of {
        table.row(["Repeats".into(), format!("`{original}`")]);
    }
    if let Some(note) = &state.note {
        table.row(["Note".into(), note.clone()]);
    }
    table.row(["Commit".into(), commit(record)]);
    table.row(["Variables".into(), with_line(&Value::Object(plan.vars.clone()))]);
    for input in &state.inputs {
        let how = if input.unchanged() { "read only, unchanged" } else { "CHANGED DURING THE RUN" };
        table.row([format!("Input {}", input.name), format!("`{}` ({how})", input.path)]);
    }
    if let Some(ledger) = &state.ledger {
        let files: Vec<String> = ledger.files.iter().map(|file| format!("`{file}`")).collect();
        table.row(["Ledger".into(), format!("{} ({})", ledger.summary, files.join(", "))]);
    }
    if !state.redacted.is_empty() {
        table.row(["Redacted".into(), format!("the values of {}", state.redacted.join(", "))]);
    }
    // What nobody watched is said, so that silence cannot pass for an assurance.
    table.row(["Writes outside".into(), writes(&state.guard)]);
    table.row(["Reads".into(), reads(record.inputs.as_ref())]);
    text.push_str(&table.render());
}

/// How the run was taken up again.
fn resumed(text: &mut String, record: &EvidenceRecord) {
    if record.state.resumed.is_empty() {
        return;
    }
    line!(text, "\n## Resumed\n");
    for (index, resumed) in record.state.resumed.iter().enumerate() {
        let note = resumed.note.as_deref().map_or_else(
            || "No note was given.".to_owned(),
            |note| format!("Note: {}", note.replace('\n', " ")),
        );
        line!(text, "{}. {}, from `{}`. {note}", index + 1, resumed.at, resumed.from);
        if let Some(reason) = &resumed.reason {
            line!(text, "   - it stood so because: {}", reason.replace('\n', " "));
        }
        if let Some(cut) = &resumed.unfinished {
            let files = match cut.files.as_slice() {
                [] => "it left no files".to_owned(),
                files => {
                    format!(
                        "its files: {}",
                        files.iter().map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", ")
                    )
                }
            };
            line!(
                text,
                "   - attempt {} of step `{}` was cut off and has no end; {files}",
                cut.attempt,
                cut.step
            );
        }
        let kept: Vec<String> = resumed.kept.iter().map(|step| format!("`{step}`")).collect();
        let kept = if kept.is_empty() { "none".to_owned() } else { kept.join(", ") };
        line!(text, "   - steps that stayed as they were: {kept}");
        if let (Some(name), Some(sha256)) = (&resumed.manifest, &resumed.manifest_sha256) {
            line!(text, "   - the manifest until then is `{name}` (sha256 {sha256})");
        }
    }
}

/// The run that this one repeats, from `comparison.json` alone.
fn compared(text: &mut String, record: &EvidenceRecord) {
    let Some(comparison) = Comparison::stored(record) else { return };
    let stamp = comparison.before.stamp.as_deref().unwrap_or("an unnamed bundle");
    line!(text, "\n## Compared with {stamp}\n");
    text.push_str(&comparison.render());
}

fn commit(record: &EvidenceRecord) -> String {
    let git = &record.state.git;
    let head = git.head.as_deref().map_or_else(|| "none".to_owned(), |head| format!("`{head}`"));
    match (git.dirty, git.changed_files) {
        (Some(false), _) => format!("{head}, clean"),
        (Some(true), Some(count)) => {
            format!("{head}, dirty ({})", counted(count, "changed or untracked file"))
        }
        _ => format!(
            "{head}, clean or dirty: unknown ({})",
            git.reason.as_deref().unwrap_or("git was not asked")
        ),
    }
}

/// How writes outside were kept away, and what the comparison shows.
fn writes(guard: &GuardRecord) -> String {
    let kept = match guard.confinement {
        Confinement::Enforced => "prevented",
        Confinement::DetectOnly => "detect-only",
    };
    let compared = match (guard.compared, guard.changes.len()) {
        (None, _) if guard.not_compared.is_empty() => "not compared".to_owned(),
        (None, _) => format!("not compared: {}", guard.not_compared.join("; ")),
        (Some(1), 0) => "1 file or directory is as it was".to_owned(),
        (Some(files), 0) => format!("{files} files and directories are as they were"),
        (Some(files), changed) => format!("{changed} of {files} files and directories changed"),
    };
    let unseen = match guard.not_compared.len() {
        count if count > 0 && guard.compared.is_some() => {
            format!("; {} may not be looked at", counted(count, "directory"))
        }
        _ => String::new(),
    };
    format!("{kept} ({}); {compared}{unseen}", guard.how)
}

/// Whether what was read is known.
fn reads(inputs: Option<&InputsRecord>) -> String {
    let Some(inputs) = inputs else { return "unrecorded".to_owned() };
    let sum = |count: fn(&StepInputs) -> u64| inputs.steps.iter().map(count).sum::<u64>();
    let listed = sum(|step| step.files.len() as u64);
    let others = sum(|step| step.system_files + step.toolchain_files);
    let missing: Vec<String> = inputs
        .steps
        .iter()
        .filter_map(|step| Some(format!("step `{}`: {}", step.step, step.incomplete.as_ref()?)))
        .collect();
    if missing.is_empty() {
        format!(
            "recorded: {} (`inputs.json`), {others} of the system and toolchains",
            counted(listed, "file")
        )
    } else {
        format!("incomplete: {} ({} in `inputs.json`)", missing.join("; "), counted(listed, "file"))
    }
}

fn asked_and_run(text: &mut String, record: &EvidenceRecord) {
    line!(text, "\n## Asked and run\n");
    let mut table = Table::new(["Step", "Attempt", "Command", "Outcome", "Wall", "Peak memory"]);
    for step in &record.state.steps {
        if step.attempts.is_empty() {
            let status = serde_json::to_value(step.status).unwrap_or_default();
            let status = status.as_str().unwrap_or("not run").to_owned();
            table.row([format!("`{}`", step.id), "-".into(), "-".into(), status, "-".into(), "-".into()]);
        }
        for attempt in &step.attempts {
            let kind = match attempt.kind {
                AttemptKind::Fallback => {
                    let (actual, asked) = (object(&attempt.actual), object(&attempt.requested));
                    format!("fallback: {actual} (asked: {asked})")
                }
                other => other.word().to_owned(),
            };
            table.row([
                format!("`{}`", step.id),
                format!("{} {kind}", attempt.number),
                format!("`{}`", attempt.command),
                if attempt.outcome == Outcome::Ok {
                    attempt.outcome.to_string()
                } else {
                    format!("{} ({})", attempt.outcome, attempt.claim)
                },
                format!("{:.3} s", attempt.seconds),
                attempt.peak_rss_bytes.map_or_else(|| "unknown".to_owned(), bytes),
            ]);
        }
    }
    text.push_str(&table.render());
}

fn object(values: &serde_json::Map<String, Value>) -> String {
    with_line(&Value::Object(values.clone()))
}

/// What captures found, in their own words: the list `findings` of their JSON.
fn findings(text: &mut String, record: &EvidenceRecord) {
    /// Of one step; the file has all.
    const SHOWN: usize = 12;
    for step in &record.state.steps {
        let Some(attempt) = step.attempts.last().filter(|attempt| attempt.outcome == Outcome::Ok) else {
            continue;
        };
        let own = [format!("{}.result.json", step.id), format!("{}.json", step.id)];
        let Some(name) = own.iter().find(|name| attempt.artifacts.contains(name)) else { continue };
        let read = std::fs::read(record.path.join(name)).ok();
        let value: Option<Value> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let lines = value.as_ref().and_then(|value| value["findings"].as_array());
        let lines: Vec<&str> = lines.into_iter().flatten().filter_map(Value::as_str).collect();
        if lines.is_empty() {
            continue;
        }
        line!(text, "\n## Findings of step `{}`\n", step.id);
        for finding in lines.iter().take(SHOWN) {
            // One line each, whatever a plugin says.
            line!(text, "- {}", finding.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if lines.len() > SHOWN {
            line!(text, "- {} more in `{name}`", lines.len() - SHOWN);
        }
    }
}

fn figures(text: &mut String, record: &EvidenceRecord) {
    for step in &record.state.steps {
        let measured = || step.attempts.iter().filter(|attempt| !attempt.metrics.is_empty());
        let several = measured().filter(|attempt| attempt.kind != AttemptKind::Fallback).count() > 1;
        for attempt in measured() {
            let nth = if several { format!(", attempt {}", attempt.number) } else { String::new() };
            line!(text, "\n## Figures of step `{}`{nth}{}\n", step.id, instead(attempt));
            if let Some(kernel) = &attempt.kernel {
                line!(
                    text,
                    "Device {}; {} warm-up and {} measured iterations ({} asked).{}\n",
                    kernel.device,
                    kernel.warmup,
                    kernel.run,
                    kernel.asked,
                    kernel.repeated.as_ref().map_or_else(String::new, |reason| format!(
                        " After those asked, the profile had {reason}."
                    ))
                );
            }
            let mut table = Table::new(["Metric", "Value", "Unit"]);
            for (name, metric) in &attempt.metrics {
                let value = value_text(metric);
                table.row([name.clone(), value, metric["unit"].as_str().unwrap_or_default().to_owned()]);
            }
            text.push_str(&table.render());
            if !attempt.gates.is_empty() {
                line!(text);
            }
            for gate in &attempt.gates {
                let verdict = if gate.holds { "holds" } else { "DOES NOT HOLD" };
                let reason = gate.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
                line!(text, "- Gate `{}` {verdict}: {}{reason}", gate.expression, object(&gate.values));
            }
        }
    }
}

/// What keeps the figures of a fallback from passing for what was asked.
fn instead(attempt: &AttemptRecord) -> String {
    if attempt.kind != AttemptKind::Fallback {
        return String::new();
    }
    format!(" - FALLBACK, {} instead of the asked {}", object(&attempt.actual), object(&attempt.requested))
}

fn value_text(metric: &Value) -> String {
    match &metric["value"] {
        Value::Null => format!("unknown: {}", metric["reason"].as_str().unwrap_or("no reason given")),
        Value::Array(values) => {
            let shown: Vec<String> = values.iter().take(5).map(number).collect();
            let more = values.len().saturating_sub(5);
            if more > 0 {
                format!("{}, ... ({more} more in state.json)", shown.join(", "))
            } else {
                shown.join(", ")
            }
        }
        value => number(value),
    }
}

/// Six significant digits are enough for people; `state.json` has all of them.
pub(super) fn number(value: &Value) -> String {
    match value {
        Value::Number(whole) if whole.is_i64() || whole.is_u64() => whole.to_string(),
        Value::Number(float) => {
            let float = float.as_f64().unwrap_or(f64::NAN);
            let magnitude = float.abs();
            if magnitude != 0.0 && !(1e-4..1e9).contains(&magnitude) {
                format!("{float:.6e}")
            } else if magnitude >= 1000.0 {
                format!("{float:.3}")
            } else if (magnitude - 1.0).abs() < 1e-3 {
                // Correlations and ratios: the digits that matter are far behind the point, and rounding
                // would make 1 of what is not 1.
                float.to_string()
            } else {
                format!("{float:.6}")
            }
        }
        other => other.to_string(),
    }
}

fn operations(text: &mut String, record: &EvidenceRecord) {
    line!(text, "\n## Top operations by inclusive time\n");
    let Some((step, attempt, hotspots)) = profiled(&record.path, &record.state) else {
        line!(text, "No profile: {}.", no_profile(record));
        return;
    };
    if attempt.kind == AttemptKind::Fallback {
        line!(
            text,
            "**This is the profile of the fallback**{}.\n",
            instead(attempt).replace(" - FALLBACK,", ":")
        );
    }
    line!(
        text,
        "Step `{step}`, {}. {}",
        recorded(&hotspots),
        "Frames that enclose everything (thread start, thread pool, plugin host) are only in `hotspots.json`. \
         What a pool's other threads run does not count for the function that handed it to the pool."
    );
    line!(text);
    let mut table = Table::new(["#", "Inclusive", "Self", "Operation", "Where"]);
    for (index, operation) in ranked(&hotspots, OPERATIONS).iter().enumerate() {
        table.row([
            (index + 1).to_string(),
            format!("{:.1} %", operation.inclusive_percent),
            format!("{:.1} %", operation.self_percent),
            format!("`{}`", operation.function),
            format!("`{}`", operation.place()),
        ]);
    }
    if table.is_empty() {
        let nothing = hotspots["total"].as_u64() == Some(0);
        let words =
            if nothing { "The profile is empty." } else { "It names no function outside the runtime." };
        line!(text, "{words}");
    } else {
        text.push_str(&table.render());
    }
    line!(text, "\n### Mapping to the loop inventory\n");
    match Mapping::stored(record) {
        Some(mapping) => text.push_str(&mapping.render()),
        None if record.plan.inputs.is_empty() => {
            line!(
                text,
                "Not mapped: the workflow has no input with a `loop_inventory.json` (docs/guide/loops.md)."
            );
        }
        None => {
            let paths: Vec<String> =
                record.plan.inputs.iter().map(|input| format!("`{}`", input.path)).collect();
            line!(text, "Not mapped: no usable `loop_inventory.json` in {}.", paths.join(", "));
        }
    }
}

/// How a profile was recorded, as far as its file says: `interval timer at 999 Hz: 500 samples in 1.00 s over 3
/// iterations, 0 lost`.
fn recorded(hotspots: &Value) -> String {
    let figure = |name: &str| hotspots[name].as_f64();
    let mut text = hotspots["source"].as_str().unwrap_or("unknown source").to_owned();
    let _ = figure("hz").map(|hz| write!(text, " at {hz} Hz"));
    let total = figure("total").unwrap_or(0.0);
    let _ = match hotspots["unit"].as_str() {
        Some("nanoseconds") => write!(text, ": {:.3} s of events", total / 1e9),
        unit => write!(text, ": {total} {}", unit.unwrap_or("units of weight")),
    };
    let _ = figure("seconds").map(|seconds| write!(text, " in {seconds:.2} s"));
    let _ = figure("iterations").map(|iterations| write!(text, " over {}", counted(iterations, "iteration")));
    let _ = figure("lost").map(|lost| write!(text, ", {lost} lost"));
    text
}

fn no_profile(record: &EvidenceRecord) -> &'static str {
    if record.plan.steps.iter().all(|step| step.profiler.is_none()) {
        "no step asks for one"
    } else if record.state.status == RunStatus::Complete {
        "the profiler wrote no hotspots.json"
    } else {
        "the step that asks for one did not get that far"
    }
}

fn surprises(text: &mut String, record: &EvidenceRecord) {
    line!(text, "\n## Surprises\n");
    for surprise in &record.state.surprises {
        line!(text, "- {surprise}");
    }
    if record.state.surprises.is_empty() {
        line!(text, "None.");
    }
}

fn commands(text: &mut String, record: &EvidenceRecord) {
    line!(text, "\n## Commands\n");
    let mut table = Table::new(["#", "Step", "Command", "Exit", "Wall"]);
    for command in &record.commands {
        let (exit, wall) = command.end.as_ref().map_or_else(
            || ("not ended".to_owned(), "-".to_owned()),
            |end| {
                let exit = match (end.exit_code, end.signal) {
                    (Some(code), _) => code.to_string(),
                    (None, Some(signal)) => format!("signal {signal}"),
                    (None, None) => "unknown".to_owned(),
                };
                (exit, format!("{:.3} s", end.seconds))
            },
        );
        table.row([command.id.to_string(), command.start.step.clone(), shown(command), exit, wall]);
    }
    text.push_str(&table.render());
    line!(text, "\nTimes, environment, memory and commit of each: `commands.txt`, `commands.jsonl`.");
}

fn shown(command: &CommandRecord) -> String {
    let mut line = one_line(&command.start.argv);
    if let Some(plugin) = command.start.plugins.first() {
        // The whole path of the runner's executable is in commands.txt.
        line = format!("runner plugin-host: {} {}", plugin.name, plugin.version);
    }
    if line.chars().count() > 100 {
        line = format!("{}...", line.chars().take(97).collect::<String>());
    }
    format!("`{line}`")
}

fn artifacts(text: &mut String, record: &EvidenceRecord) {
    line!(text, "\n## Files\n");
    let (logs, others): (Vec<&String>, Vec<&String>) =
        record.files.iter().partition(|file| file.starts_with("logs/"));
    for file in others.into_iter().filter(|file| !NOT_LISTED.contains(&file.as_str())) {
        line!(text, "- `{file}`");
    }
    line!(text, "- `logs/` ({}: what each command printed)", counted(logs.len(), "file"));
}

fn next(text: &mut String, record: &EvidenceRecord) {
    line!(text, "\n## Next\n");
    for step in &record.state.next {
        line!(text, "- {step}");
    }
}
