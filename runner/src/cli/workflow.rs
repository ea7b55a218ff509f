//! Finding a workflow and its project root, reading it, and telling its mistakes.

use std::path::{Path, PathBuf};

use crate::catalog::Catalog;
use crate::cli::options::Global;
use crate::cli::terminal;
use crate::diagnostic::{Diagnostics, Source};
use crate::exit_code::ExitCode;
use crate::spec::{self, Workflow};

/// A workflow file and the project it belongs to.
#[derive(Debug)]
pub struct Located {
    /// The text.
    pub source: Source,
    /// The project root.
    pub root: PathBuf,
}

/// Finds and reads a workflow file: as it was named, or below `-C DIR`.
pub fn locate(global: &Global, workflow: &Path) -> Result<Located, String> {
    let named = match &global.directory {
        Some(directory) if !workflow.exists() => directory.join(workflow),
        _ => workflow.to_owned(),
    };
    let text = std::fs::read(&named)
        .map_err(|error| format!("cannot read the workflow `{}`: {error}", named.display()))?;
    let text = String::from_utf8(text).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}: the workflow is not UTF-8 text", named.display())
    })?;
    let root = root(global, &named)?;
    Ok(Located { source: Source { path: named, text }, root })
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

/// Reads a workflow, or prints its mistakes and says how to end.
pub fn read(global: &Global, workflow: &Path) -> Result<(Workflow, PathBuf), ExitCode> {
    let located = locate(global, workflow).map_err(|message| complain(global, &message))?;
    let root = located.root;
    spec::read(located.source).map(|workflow| (workflow, root)).map_err(|mistakes| refuse(global, &mistakes))
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
    let source = mistakes.source();
    let list: Vec<serde_json::Value> = mistakes
        .list()
        .iter()
        .map(|mistake| {
            let (line, column) = source.line_column(mistake.span.start);
            serde_json::json!({
                "file": source.path,
                "line": line,
                "column": column,
                "message": mistake.message,
                "help": mistake.help,
            })
        })
        .collect();
    serde_json::json!({ "event": "invalid", "mistakes": list })
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
