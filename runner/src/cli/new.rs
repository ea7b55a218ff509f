//! `runner new`: drafts a workflow from a handoff note, or writes a template with its example.
//!
//! Never overwrites anything: a draft goes to standard output, and `--output` refuses what is there already.
//! Exit code 0: a whole draft; 3: a draft that a person must complete; 2: nothing was made.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::cli::options::{Global, NewOptions};
use crate::cli::{terminal, workflow};
use crate::diagnostic::did_you_mean;
use crate::draft::template::{ALL, Template};
use crate::draft::{HandoffNote, SHORTEST, draft};
use crate::exit_code::ExitCode;
use crate::{fs, git};

/// A note is a page or two; more than that is something else.
const MAX_BYTES: u64 = 1 << 20;

/// Drafts, writes or lists.
pub fn run(global: &Global, options: &NewOptions) -> ExitCode {
    let ended = if options.list {
        list(global);
        Ok(ExitCode::Complete)
    } else if let Some(note) = &options.from {
        from(global, note, options.output.as_deref())
    } else if let Some(name) = &options.template {
        template(global, name, options.output.as_deref())
    } else {
        Err("name a note (`--from FILE`) or a template (`--template NAME`)".to_owned())
    };
    ended.unwrap_or_else(|message| workflow::complain(global, &message))
}

fn list(global: &Global) {
    if global.json {
        let list: Vec<serde_json::Value> = ALL
            .iter()
            .map(|template| serde_json::json!({ "name": template.name, "what": template.what }))
            .collect();
        terminal::out(&serde_json::Value::from(list).to_string());
        return;
    }
    let width = ALL.iter().map(|template| template.name.len()).max().unwrap_or(0);
    for template in ALL {
        terminal::out(&format!("{:<width$}  {}", template.name, template.what));
    }
}

fn from(global: &Global, path: &Path, output: Option<&Path>) -> Result<ExitCode, String> {
    let name = path.display().to_string();
    let text = text_of(path).map_err(|error| format!("the handoff note `{name}` {error}"))?;
    let note = HandoffNote::parse(&name, &text).map_err(|error| {
        let shortest: Vec<String> = SHORTEST.lines().map(|line| format!("    {line}")).collect();
        format!(
            "the handoff note `{name}` {error}\n  the shortest note that makes a workflow:\n\n{}",
            shortest.join("\n")
        )
    })?;
    let root = root(global, Path::new("."))?;
    let draft = draft(&note, &|path| root.join(path).exists());
    if let Some(output) = output {
        fs::create_new(output, draft.yaml.as_bytes()).map_err(|error| error.to_string())?;
        if !global.quiet {
            terminal::err(&format!("wrote {0}; read it, then: runner validate {0}", output.display()));
        }
    } else {
        terminal::out(draft.yaml.trim_end());
    }
    for missing in &draft.missing {
        terminal::err(&format!("missing: {missing}"));
    }
    Ok(if draft.missing.is_empty() { ExitCode::Complete } else { ExitCode::Blocked })
}

/// A file's text, or what is wrong with it.
fn text_of(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is larger than 1 MiB: a note is a page or two".to_owned());
    }
    if let Some(place) = bytes.iter().position(|byte| *byte == 0) {
        return Err(format!("is no text: byte {} is NUL", place + 1));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let line = memchr::memchr_iter(b'\n', &error.as_bytes()[..place]).count() + 1;
        format!("is not UTF-8 text from line {line} on: save it as UTF-8")
    })
}

fn template(global: &Global, name: &str, output: Option<&Path>) -> Result<ExitCode, String> {
    let template = Template::named(name).ok_or_else(|| {
        let near = did_you_mean(name, ALL.iter().map(|template| template.name));
        format!("there is no template `{name}`: {near}; `runner new --list` shows all")
    })?;
    let Some(output) = output else {
        for (name, text) in template.files_in(name).into_iter().take(1) {
            terminal::out(text.trim_end());
            if template.files.len() > 1 && !global.quiet {
                let others: Vec<&str> = template.files.iter().skip(1).map(|(name, _)| *name).collect();
                let others = others.join(", ");
                terminal::err(&format!(
                    "note: {name} runs its example with {others}; `--output DIR` writes them too"
                ));
            }
        }
        return Ok(ExitCode::Complete);
    };
    let only_workflow = output.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let directory = if only_workflow { output.parent().unwrap_or(Path::new("")) } else { output };
    let here = below_root(global, directory)?;
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    for (name, text) in template.files_in(&here) {
        if !only_workflow {
            files.push((output.join(name), text));
        } else if name == "workflow.yaml" {
            files.push((output.to_owned(), text));
        }
    }
    // All or nothing: half an example is worse than a message.
    if let Some((taken, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        return Err(format!("`{}` exists already; nothing was written: name another place", taken.display()));
    }
    if !directory.as_os_str().is_empty() {
        std::fs::create_dir_all(directory)
            .map_err(|error| format!("cannot make the directory `{}`: {error}", directory.display()))?;
    }
    for (path, text) in &files {
        fs::create_new(path, text.as_bytes()).map_err(|error| error.to_string())?;
    }
    if !global.quiet {
        let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        terminal::err(&format!("wrote {}", names.join(", ")));
        let first = names.first().map_or("", String::as_str);
        terminal::err(&format!("next: runner run {first}"));
    }
    Ok(ExitCode::Complete)
}

/// The project root: the named directory, or the git root above `start`, or the current directory.
fn root(global: &Global, start: &Path) -> Result<PathBuf, String> {
    let canonical =
        |path: &Path| path.canonicalize().map_err(|error| format!("`{}`: {error}", path.display()));
    if let Some(directory) = &global.directory {
        return canonical(directory);
    }
    let start = canonical(start)?;
    let current = canonical(Path::new("."))?;
    Ok(git::root_above(&start).unwrap_or(current))
}

/// A directory that may not exist yet, relative to the project root.
fn below_root(global: &Global, directory: &Path) -> Result<String, String> {
    let mut there = PathBuf::from(".");
    let mut below = PathBuf::new();
    for part in directory.components() {
        if matches!(part, Component::CurDir) {
            continue;
        }
        let next = there.join(part);
        if below.as_os_str().is_empty()
            && (next.exists() || matches!(part, Component::RootDir | Component::ParentDir))
        {
            there = next;
        } else if matches!(part, Component::ParentDir) {
            return Err(format!("`{}`: `..` below a directory that does not exist", directory.display()));
        } else {
            below.push(part);
        }
    }
    let root = root(global, &there)?;
    let there = there.canonicalize().map_err(|error| format!("`{}`: {error}", there.display()))?;
    let path = there.join(below);
    let relative = path.strip_prefix(&root).map_err(|_| {
        format!("`{}` is outside of the project root `{}`", directory.display(), root.display())
    })?;
    let relative = relative
        .to_str()
        .filter(|text| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./+".contains(c)));
    relative.map(str::to_owned).ok_or_else(|| {
        format!(
            "`{}`: use letters, digits and `_-./+` in the path: the workflow names it in commands",
            path.display()
        )
    })
}
