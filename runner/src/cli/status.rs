//! `runner status`: where runs stand, read from the bundles alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::options::{Global, StatusOptions};
use crate::cli::{terminal, workflow};
use crate::clock::Stamp;
use crate::diagnostic::{Source, counted, shown};
use crate::evidence::{EvidenceRecord, RunStatus, StepStatus};
use crate::exit_code::ExitCode;
use crate::spec;
use crate::verify::verify;

/// How deep bundles are looked for below `reports/`.
const DEPTH: usize = 6;
/// How many bundles are listed.
const LISTED: usize = 20;

/// Lists the project's bundles, or shows one.
pub fn run(global: &Global, options: &StatusOptions) -> ExitCode {
    if let Some(bundle) = &options.bundle {
        return match workflow::bundle(global, bundle) {
            Ok(path) => one(global, &path),
            Err(code) => code,
        };
    }
    let here = global.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    if !here.is_dir() {
        return workflow::complain(global, &format!("`-C {}`: there is no such directory", shown(&here)));
    }
    let root = here.canonicalize().ok().and_then(|here| crate::git::root_above(&here)).unwrap_or(here);
    let mut found = BTreeSet::new();
    let places = places(&root);
    for place in &places {
        bundles(place, DEPTH, &mut found);
    }
    let newest: Vec<&PathBuf> = found.iter().rev().map(|(_, path)| path).take(LISTED).collect();
    if newest.is_empty() {
        let list: Vec<String> = places.iter().map(|place| shown(place)).collect();
        terminal::out(&format!("There are no bundles below {}.", list.join(", ")));
    }
    for path in &newest {
        match EvidenceRecord::load(path) {
            Ok(record) if global.json => terminal::out(&to_json(&record).to_string()),
            Ok(record) => {
                let reason = why(&record).map_or_else(String::new, |reason| format!("  {reason}"));
                terminal::out(&format!("{:<11}  {}{reason}", standing(&record), shown(path)));
            }
            Err(error) if global.json => {
                let value = json!({ "bundle": path, "status": "unreadable", "reason": error.to_string() });
                terminal::out(&value.to_string());
            }
            Err(error) => terminal::out(&format!("{:<11}  {}  {error}", "unreadable", shown(path))),
        }
    }
    let older = found.len() - newest.len();
    if older > 0 {
        terminal::err(&format!("{} not shown: name one to see it", counted(older, "older bundle")));
    }
    ExitCode::Complete
}

/// Where bundles may be: `reports/`, and where the workflows of the project put them.
fn places(root: &Path) -> Vec<PathBuf> {
    let reports = root.join("reports");
    let mut places = vec![reports.clone()];
    for directory in [root.to_owned(), root.join("workflows")] {
        let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort();
        let yaml = |path: &PathBuf| path.extension().is_some_and(|name| name == "yaml" || name == "yml");
        for file in files.into_iter().filter(|path| yaml(path) && path.is_file()) {
            let small = file.metadata().is_ok_and(|found| found.len() <= spec::node::MAX_BYTES as u64);
            let Some(text) = std::fs::read_to_string(&file).ok().filter(|_| small) else { continue };
            // Another YAML file than a workflow has nothing to say here.
            let Ok(workflow) = spec::read(Source { path: file, text }) else { continue };
            let place = root.join(&workflow.root.value);
            if !place.starts_with(&reports) && !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

fn bundles(directory: &Path, depth: usize, found: &mut BTreeSet<(Stamp, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in
        entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        let path = entry.path();
        match entry.file_name().to_str().and_then(Stamp::parse) {
            Some(stamp) if workflow::OURS.iter().any(|name| path.join(name).is_file()) => {
                found.insert((stamp, path));
            }
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
    if let Some(reason) = why(&record) {
        terminal::out(&reason);
    }
    for step in &record.state.steps {
        let status = serde_json::to_value(step.status).unwrap_or_default();
        let word = step
            .outcome
            .map_or_else(|| status.as_str().unwrap_or("").to_owned(), |outcome| outcome.to_string());
        let reason = step.reason.as_deref().map_or_else(String::new, |reason| format!("  {reason}"));
        terminal::out(&format!("  {:<12} {word}{reason}", step.id));
    }
    for resumed in &record.state.resumed {
        let note = resumed.note.as_deref().map_or_else(String::new, |note| format!(": {note}"));
        terminal::out(&format!("resumed at {} from {}{note}", resumed.at, resumed.from));
    }
    let seal = match (record.manifest.is_some(), verify(path)) {
        (false, _) => "not sealed".to_owned(),
        (true, Ok(verified)) if verified.findings.is_empty() => "sealed, and as it was sealed".to_owned(),
        (true, _) => format!("sealed, but changed since: see `runner verify {}`", path.display()),
    };
    terminal::out(&seal);
    for next in next(&record) {
        terminal::out(&format!("  - {next}"));
    }
    ExitCode::Complete
}

fn killed(record: &EvidenceRecord) -> bool {
    record.state.status == RunStatus::Running && !record.state.is_alive()
}

/// The status in a word. A run that says `running` although its process is gone was killed.
fn standing(record: &EvidenceRecord) -> &'static str {
    if killed(record) { "killed" } else { record.state.status.word() }
}

/// Why it stands so; of a killed run, what can be known.
fn why(record: &EvidenceRecord) -> Option<String> {
    let unsealed = record.manifest.is_none();
    if !killed(record) {
        let ended = !matches!(record.state.status, RunStatus::Running | RunStatus::Interrupted);
        let seal = (unsealed && ended).then(|| "killed before it was sealed".to_owned());
        return record.state.reason.clone().or(seal);
    }
    let running = record.state.steps.iter().find(|step| step.status == StepStatus::Running);
    let begun = record.state.steps.iter().any(|step| step.status != StepStatus::Pending);
    let place = match running {
        Some(step) => format!("in step `{}`", step.id),
        None if begun => "between two steps".to_owned(),
        None => "before its first step".to_owned(),
    };
    Some(format!("killed {place}; `runner resume {}` goes on", shown(&record.path)))
}

/// What to do next. A killed run could not say it.
fn next(record: &EvidenceRecord) -> Vec<String> {
    let state = &record.state;
    let ended = !matches!(state.status, RunStatus::Running | RunStatus::Interrupted);
    if killed(record) || (ended && record.manifest.is_none()) {
        let bundle = shown(&record.path);
        return vec![
            format!("go on with it: `runner resume {bundle}`"),
            format!("or run its plan again into a new bundle: `runner rerun {bundle}`"),
        ];
    }
    state.next.clone()
}

fn to_json(record: &EvidenceRecord) -> Value {
    json!({
        "bundle": record.path,
        "workflow": record.plan.workflow.id,
        "status": standing(record),
        "reason": why(record),
        "sealed": record.manifest.is_some(),
        "started": record.state.started,
        "ended": record.state.ended,
        "steps": record.state.steps,
        "resumed": record.state.resumed,
        "next": next(record),
    })
}
