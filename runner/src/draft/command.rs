//! [`ShellCommand`]: a command of a note, taken apart so that a step can hold it.
//!
//! [`commands`] finds the commands of an item: in code spans, in code blocks, or in plain prose behind a verb.
//! [`steps_of`] takes a line apart: assignments, `cd`, `tee` and redirections become keys of a step; what only
//! a shell understands stays a line for `sh -c`. Nothing is guessed: prose that is no command is no command.

use crate::draft::lazy_regex::{LazyRegex, group};
use crate::draft::note::Item;
use crate::draft::places::BUNDLE;
use crate::draft::shell::{self, Operator};

/// A step's worth of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShellCommand {
    /// Variables in front of it, or exported before it.
    pub env: Vec<(String, String)>,
    /// The program and its arguments; empty when only a shell can run the line.
    pub argv: Vec<String>,
    /// The line for `sh -c`, when it needs one.
    pub line: String,
    /// Where its output goes in the bundle.
    pub log: Option<String>,
    /// Its working directory.
    pub cwd: Option<String>,
}

/// Programs by which a text is known as a command.
const PROGRAMS: &[&str] = &[
    "python",
    "python3",
    "pytest",
    "py.test",
    "cargo",
    "make",
    "cmake",
    "ctest",
    "ninja",
    "bash",
    "sh",
    "git",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "node",
    "go",
    "julia",
    "Rscript",
    "java",
    "mvn",
    "gradle",
    "uv",
    "uvx",
    "poetry",
    "pixi",
    "conda",
    "tox",
    "nox",
    "hatch",
    "ruff",
    "mypy",
    "env",
    "time",
    "nice",
    "timeout",
    "taskset",
    "perf",
    "hyperfine",
    "nsys",
    "ncu",
    "mpirun",
    "srun",
    "docker",
    "cc",
    "gcc",
    "g++",
    "clang",
    "rustc",
    "bazel",
    "just",
    "runner",
    "export",
    "cd",
    "mkdir",
    "cp",
    "grep",
    "rg",
    "diff",
    "awk",
    "sed",
    "cat",
    "find",
    "nb-compare",
    "test",
];

static ASSIGNMENTS: LazyRegex =
    LazyRegex::new(r#"^(?:env +)?(?:[A-Za-z_][A-Za-z0-9_]*=(?:"[^"]*"|'[^']*'|[^ \t\n"']*) +)+"#);
static VERB: LazyRegex = LazyRegex::new(
    r"(?:^|[^A-Za-z])(?:[Rr]un|[Rr]erun|[Ee]xecute|[Ii]nvoke|[Ll]aunch|[Cc]all|[Uu]se|via|with):? *$",
);
static SPAN: LazyRegex = LazyRegex::new(r"``([^`]+(?:`[^`]+)*)``|`([^`\n]+)`");
static SENTENCE_END: LazyRegex =
    LazyRegex::new(r"[.;]? *$|\. |; then |, then |, and |, expecting |; | then | \u{2014} | \(|\n|\.[ \t]*$");
static MAKES_STAMP: LazyRegex = LazyRegex::new(
    r#"(?:export +)?[A-Za-z_]*(?:STAMP|stamp)="?(?:\$\(date[^)]*\)|`date[^`]*`)"? *(?:&&|;)? *"#,
);

/// The command lines of an item, in order.
pub fn commands(item: &Item) -> Vec<String> {
    if item.code {
        return shell::logical_lines(&item.text);
    }
    let mut found: Vec<String> = Vec::new();
    for span in SPAN.all(&item.text) {
        let text = format!("{}{}", group(&span, 1), group(&span, 2)).trim().to_owned();
        let before = span.get(0).map_or("", |whole| &item.text[..whole.start()]);
        if is_command(&text, VERB.is_in(before)) {
            found.push(text);
        }
    }
    if found.is_empty() { in_prose(&item.text).into_iter().collect() } else { found }
}

/// Whether a text is a command; behind a verb less is asked of it.
fn is_command(text: &str, behind_a_verb: bool) -> bool {
    let assigned = ASSIGNMENTS.first(text).map_or(0, |found| group(&found, 0).len());
    let words: Vec<&str> = text[assigned..].split_whitespace().collect();
    let Some(program) = words.first() else { return false };
    let plausible = |c: char| c.is_ascii_alphanumeric() || "_./+$-{}~".contains(c);
    if !program.chars().all(plausible) || program.starts_with('-') || program.contains('=') {
        return false;
    }
    let known = PROGRAMS.contains(program) || program.starts_with("./");
    let path = program.contains('/') && words.len() > 1;
    assigned > 0 || known && (words.len() > 1 || behind_a_verb) || (path || behind_a_verb) && words.len() > 1
}

/// A command in plain prose: from a program that is known to the end of the sentence.
fn in_prose(text: &str) -> Option<String> {
    let heredoc = text.contains("<<");
    let starts = std::iter::once(0).chain(text.match_indices([' ', '\n']).map(|(index, _)| index + 1));
    for start in starts {
        let rest = &text[start..];
        let assigned = ASSIGNMENTS.first(rest).map_or(0, |found| group(&found, 0).len());
        let program = rest[assigned..].split_whitespace().next().unwrap_or_default();
        let bare = ["test", "time", "make", "find", "just", "call", "use", "go", "env"].contains(&program);
        let at_start = start == 0 || VERB.is_in(&text[..start]);
        let known = PROGRAMS.contains(&program) || program.starts_with("./") && program.len() > 2;
        // `make` and `test` are words of English too.
        if !(known && (!bare || at_start) || assigned > 0 && !program.is_empty()) {
            continue;
        }
        let end = if heredoc { None } else { SENTENCE_END.first(rest) };
        let end = end.and_then(|found| found.get(0)).map_or(rest.len(), |found| found.start());
        let command = rest[..end].trim();
        if is_command(command, at_start) {
            return Some(command.to_owned());
        }
    }
    None
}

/// What earlier lines of a note leave behind for later ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    env: Vec<(String, String)>,
    cwd: Option<String>,
}

impl Session {
    /// Forgets where earlier lines went.
    pub(super) fn back_home(&mut self) {
        self.cwd = None;
    }
}

/// Takes a command line apart, one part for each step; the places of the bundle are marked already.
pub(super) fn steps_of(line: &str, session: &mut Session) -> Vec<ShellCommand> {
    let Session { env, cwd } = session;
    let whole =
        ShellCommand { env: env.clone(), line: line.to_owned(), cwd: cwd.clone(), ..Default::default() };
    if line.contains('\n') {
        return vec![whole];
    }
    let Some(parts) = shell::split(line) else { return vec![whole] };
    // `a || b`, `a & b`: one step can only mean all of it.
    if parts.iter().any(|part| part.operator == Operator::Other) {
        return vec![whole];
    }
    let mut steps = Vec::new();
    let mut index = 0;
    while index < parts.len() {
        let mut pipeline = vec![parts[index].text.as_str()];
        while parts[index].operator == Operator::Pipe && index + 1 < parts.len() {
            index += 1;
            pipeline.push(&parts[index].text);
        }
        index += 1;
        let mut log = None;
        if let Some(name) = pipeline.last().filter(|_| pipeline.len() > 1).and_then(|last| tee(last)) {
            log = Some(name);
            pipeline.pop();
        }
        let mut text = pipeline.join(" | ");
        if log.is_none()
            && let Some((rest, name)) = redirected(&text)
        {
            (text, log) = (rest, Some(name));
        }
        let words = shlex::split(&text).unwrap_or_default();
        match words.first().map(String::as_str) {
            None => continue,
            Some("export") => {
                for (name, value) in words.iter().skip(1).filter_map(|word| assignment(word)) {
                    env.retain(|(known, _)| *known != name);
                    env.push((name, value));
                }
                continue;
            }
            Some("cd") if words.len() == 2 && below(&words[1]) => {
                *cwd = Some(below_each_other(cwd.as_deref(), &words[1]));
                continue;
            }
            // The runner makes the bundle.
            Some("mkdir")
                if words.iter().skip(1).all(|word| word.starts_with('-') || bundle_itself(word)) =>
            {
                continue;
            }
            Some(_) => {}
        }
        let mut step = ShellCommand { env: env.clone(), log, cwd: cwd.clone(), ..Default::default() };
        if pipeline.len() > 1 || shell::needs_one(&text) {
            step.line = text;
        } else {
            let mut words = words.into_iter().peekable();
            words.next_if(|word| word == "env");
            while let Some((name, value)) = words.peek().and_then(|word| assignment(word)) {
                step.env.retain(|(known, _)| *known != name);
                step.env.push((name, value));
                words.next();
            }
            step.argv = words.collect();
            if step.argv.is_empty() {
                env.clone_from(&step.env);
                continue;
            }
        }
        steps.push(step);
    }
    steps
}

/// A line without what makes the stamp: the runner does that.
pub fn without_stamp(line: &str) -> String {
    MAKES_STAMP.replaced(line, |_| String::new()).trim().to_owned()
}

/// `cd b` after `cd a`.
fn below_each_other(first: Option<&str>, then: &str) -> String {
    let then = then.trim_end_matches('/');
    first.map_or_else(|| then.to_owned(), |first| format!("{first}/{then}"))
}

fn bundle_itself(word: &str) -> bool {
    word.trim_end_matches('/').chars().eq([BUNDLE])
}

fn below(path: &str) -> bool {
    !path.starts_with(['/', '~', '$', BUNDLE]) && !path.split('/').any(|part| matches!(part, ".." | "."))
}

fn assignment(word: &str) -> Option<(String, String)> {
    crate::shell::assignment(word).map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// The name in the bundle of what `tee` writes.
fn tee(text: &str) -> Option<String> {
    let words = shlex::split(text)?;
    match words.as_slice() {
        [program, file] if program == "tee" => in_bundle(file),
        [program, option, file] if program == "tee" && option == "-a" => in_bundle(file),
        _ => None,
    }
}

/// A line without its redirection into the bundle, and the name of the file there.
fn redirected(text: &str) -> Option<(String, String)> {
    let text = text.trim().trim_end_matches("2>&1").trim_end();
    let (rest, file) = text.rsplit_once('>')?;
    let rest = rest.trim_end_matches(['>', '&']).trim_end();
    let name = in_bundle(file.trim().trim_matches('"'))?;
    (!rest.ends_with(['1', '2']) && !rest.contains(['>', '<'])).then(|| (rest.to_owned(), name))
}

fn in_bundle(file: &str) -> Option<String> {
    let name = file.strip_prefix(BUNDLE)?.strip_prefix('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    (!name.is_empty() && name.chars().all(plain) && !name.contains("..")).then(|| name.to_owned())
}
