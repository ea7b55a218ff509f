//! Finding a workflow and its project root, reading it, and telling its mistakes.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::catalog::Catalog;
use crate::cli::options::Global;
use crate::cli::terminal;
use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span, shown};
use crate::evidence::Secrets;
use crate::exit_code::ExitCode;
use crate::plan::Request;
use crate::preflight;
use crate::spec::{self, Refused, Workflow};

/// A workflow file and the project it belongs to.
#[derive(Debug)]
pub struct Located {
    /// The text.
    pub source: Source,
    /// The project root.
    pub root: PathBuf,
}

/// Why there is no text to check.
#[derive(Debug)]
pub enum Unusable {
    /// There is no such file, or it cannot be read.
    Unreadable(String),
    /// It is not text, or too much of it.
    Mistaken(Diagnostics),
}

/// Finds and reads a workflow file: as it was named, or below `-C DIR`.
pub fn locate(global: &Global, workflow: &Path) -> Result<Located, Unusable> {
    let named = match &global.directory {
        Some(directory) if !workflow.exists() => directory.join(workflow),
        _ => workflow.to_owned(),
    };
    let bytes = start_of(&named).map_err(|error| {
        Unusable::Unreadable(format!("cannot read the workflow `{}`: {error}", named.display()))
    })?;
    let mistaken = |text: String, mistake: Diagnostic| {
        let source = Source { path: named.clone(), text };
        Unusable::Mistaken(Diagnostics::new(source, vec![mistake]))
    };
    if bytes.len() > spec::node::MAX_BYTES {
        return Err(mistaken(String::new(), spec::node::too_large()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let span = Span { start, end: start + char::REPLACEMENT_CHARACTER.len_utf8() };
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let mistake = Diagnostic::new(span, "the workflow is not UTF-8 text")
            .label("not UTF-8 from here on")
            .help("save the file as UTF-8; such a byte is often a letter in Latin-1");
        mistaken(text, mistake)
    })?;
    let root = root(global, &named).map_err(Unusable::Unreadable)?;
    Ok(Located { source: Source { path: named, text }, root })
}

/// A file's bytes, but not more than are needed to see that it is too large: it may be a device.
fn start_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(spec::node::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn root(global: &Global, workflow: &Path) -> Result<PathBuf, String> {
    let canonical =
        |path: &Path| path.canonicalize().map_err(|error| format!("`{}`: {error}", path.display()));
    if let Some(directory) = &global.directory {
        return canonical(directory);
    }
    let workflow = canonical(workflow)?;
    let above = workflow.parent().and_then(crate::git::root_above);
    above.map_or_else(|| canonical(Path::new(".")), Ok)
}

/// Reads a workflow, or prints its mistakes, those of its plan included, and says how to end.
pub fn read(
    global: &Global,
    workflow: &Path,
    set: &[(String, String)],
) -> Result<(Workflow, PathBuf), ExitCode> {
    let secrets = Secrets::of_environment();
    for (name, value) in set {
        secrets.learn_one(name, &serde_json::Value::from(value.as_str()));
    }
    terminal::hide(&secrets);
    let located = locate(global, workflow).map_err(|unusable| match unusable {
        Unusable::Unreadable(message) => complain(global, &message),
        Unusable::Mistaken(mistakes) => refuse(global, &mistakes),
    })?;
    let root = located.root;
    match spec::read(located.source) {
        Ok(workflow) => Ok((workflow, root)),
        Err(Refused { mistakes, draft }) => {
            let catalog = catalog(global);
            let request = Request { root: &root, catalog: &catalog, set, stamp: None, pins: &[] };
            let further = draft.map(|draft| preflight::mistakes(&draft, &request)).unwrap_or_default();
            Err(refuse(global, &mistakes.and(further)))
        }
    }
}

/// Prints mistakes; exit code 5 when all that is wrong is something missing.
pub fn refuse(global: &Global, mistakes: &Diagnostics) -> ExitCode {
    if global.json {
        terminal::out(&to_json(mistakes).to_string());
    } else {
        terminal::err(mistakes.render(terminal::colors()).trim_end());
    }
    if mistakes.only_missing() { ExitCode::Missing } else { ExitCode::Invalid }
}

/// Mistakes for machines.
pub fn to_json(mistakes: &Diagnostics) -> serde_json::Value {
    serde_json::json!({ "event": "invalid", "mistakes": list(mistakes) })
}

/// One object for each mistake, warning and note.
pub fn list(mistakes: &Diagnostics) -> Vec<serde_json::Value> {
    let source = mistakes.source();
    let object = |mistake: &Diagnostic| {
        let place = mistake.span.map(|span| source.line_column(span.start));
        serde_json::json!({
            "level": mistake.severity.word(),
            "id": mistake.id,
            "file": source.path,
            "line": place.map(|(line, _)| line),
            "column": place.map(|(_, column)| column),
            "message": mistake.message,
            "help": mistake.help,
        })
    };
    mistakes.list().iter().map(object).collect()
}

/// Prints warnings and notes for people.
pub fn warn(warnings: &Diagnostics) {
    if !warnings.list().is_empty() {
        terminal::err(warnings.render(terminal::colors()).trim_end());
    }
}

/// Prints one error that has no place in a file.
pub fn complain(global: &Global, message: &str) -> ExitCode {
    if global.json {
        terminal::out(&serde_json::json!({ "event": "error", "message": message }).to_string());
    } else {
        terminal::err(&format!("error: {message}"));
    }
    ExitCode::Invalid
}

/// The plugins on the search path.
pub fn catalog(global: &Global) -> Catalog {
    Catalog::new(&global.plugin_dir)
}

/// A path as it was named, or below `-C DIR`.
pub fn below(global: &Global, path: &Path) -> PathBuf {
    match &global.directory {
        Some(directory) if !path.exists() => directory.join(path),
        _ => path.to_owned(),
    }
}

/// Files of which every bundle has at least one, however early its run was killed.
pub const OURS: [&str; 5] = ["state.json", "plan.json", "workflow.yaml", "commands.jsonl", "manifest.json"];

/// A bundle as it was named, or below `-C DIR`; an exit code when it is none.
pub fn bundle(global: &Global, bundle: &Path) -> Result<PathBuf, ExitCode> {
    let path = below(global, bundle);
    if OURS.iter().any(|name| path.join(name).is_file()) {
        return Ok(path);
    }
    let what = if path.is_dir() { "none of its files" } else { "no such directory" };
    let message = format!(
        "`{}` is not a bundle ({what}): a bundle is a directory named by its stamp, and `runner status` lists them",
        shown(&path)
    );
    Err(complain(global, &message))
}
