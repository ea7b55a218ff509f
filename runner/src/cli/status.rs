//! `runner status`: where runs stand, read from `state.json` alone.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::options::{Global, StatusOptions};
use crate::cli::{terminal, workflow};
use crate::clock::Stamp;
use crate::diagnostic::shown;
use crate::evidence::{EvidenceRecord, RunStatus};
use crate::exit_code::ExitCode;
use crate::verify::verify;

/// How deep bundles are looked for below `reports/`.
const DEPTH: usize = 6;
/// How many bundles are listed.
const LISTED: usize = 20;

/// Lists the project's bundles, or shows one.
pub fn run(global: &Global, options: &StatusOptions) -> ExitCode {
    if let Some(bundle) = &options.bundle {
        return one(global, &workflow::below(global, bundle));
    }
    let here = global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let root = here.canonicalize().ok().and_then(|here| crate::git::root_above(&here)).unwrap_or(here);
    let mut found = Vec::new();
    bundles(&root.join("reports"), DEPTH, &mut found);
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.truncate(LISTED);
    if found.is_empty() {
        terminal::out(&format!("There are no bundles below {}.", shown(&root.join("reports"))));
    }
    for (_, path) in &found {
        match EvidenceRecord::load(path) {
            Ok(record) if global.json => terminal::out(&to_json(&record).to_string()),
            Ok(record) => {
                let reason =
                    record.state.reason.as_deref().map_or_else(String::new, |reason| format!("  {reason}"));
                terminal::out(&format!("{:<11}  {}{reason}", standing(&record), shown(path)));
            }
            Err(error) => terminal::out(&format!("{:<11}  {}  {error}", "unreadable", shown(path))),
        }
    }
    ExitCode::Complete
}

fn bundles(directory: &Path, depth: usize, found: &mut Vec<(Stamp, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in
        entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        let path = entry.path();
        match entry.file_name().to_str().and_then(Stamp::parse) {
            Some(stamp) if path.join("state.json").is_file() => found.push((stamp, path)),
            _ if depth > 0 => bundles(&path, depth - 1, found),
            _ => {}
        }
    }
}

fn one(global: &Global, path: &Path) -> ExitCode {
    let record = match EvidenceRecord::load(path) {
        Ok(record) => record,
        Err(error) => {
            return workflow::complain(global, &format!("`{}` is not a bundle: {error}", path.display()));
        }
    };
    if global.json {
        terminal::out(&serde_json::to_string_pretty(&to_json(&record)).unwrap_or_default());
        return ExitCode::Complete;
    }
    terminal::out(&format!("{}: {}", record.plan.workflow.title, standing(&record)));
    if let Some(reason) = &record.state.reason {
        terminal::out(reason);
    }
    for step in &record.state.steps {
        let status = serde_json::to_value(step.status).unwrap_or_default();
        let word = step
            .outcome
            .map_or_else(|| status.as_str().unwrap_or("").to_owned(), |outcome| outcome.to_string());
        let reason = step.reason.as_deref().map_or_else(String::new, |reason| format!("  {reason}"));
        terminal::out(&format!("  {:<12} {word}{reason}", step.id));
    }
    let seal = match (record.manifest.is_some(), verify(path)) {
        (false, _) => "not sealed".to_owned(),
        (true, Ok(findings)) if findings.is_empty() => "sealed, and as it was sealed".to_owned(),
        (true, _) => format!("sealed, but changed since: see `runner verify {}`", path.display()),
    };
    terminal::out(&seal);
    for next in &record.state.next {
        terminal::out(&format!("  - {next}"));
    }
    ExitCode::Complete
}

/// The status in a word. A run that says `running` although its process is gone was killed.
fn standing(record: &EvidenceRecord) -> &'static str {
    let state = &record.state;
    if state.status == RunStatus::Running && !is_runner(state.pid) { "killed" } else { state.status.word() }
}

/// Whether a process of that number is a runner; numbers are used again.
fn is_runner(pid: u32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim() == "runner"
}

fn to_json(record: &EvidenceRecord) -> Value {
    json!({
        "bundle": record.path,
        "workflow": record.plan.workflow.id,
        "status": standing(record),
        "reason": record.state.reason,
        "sealed": record.manifest.is_some(),
        "started": record.state.started,
        "ended": record.state.ended,
        "steps": record.state.steps,
        "next": record.state.next,
    })
}
