//! [`Source`]: the commands that a file of a bundle tells, with what stands beside each: start, end, exit
//! code, commit.
//!
//! Reads JSON lines, a JSON list, the blocks of our own `commands.txt`, shell scripts, and hand-made lists
//! with comments and pasted output in between. Nothing is executed. Called by `subject`; the rules judge.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::audit::moment;
use crate::audit::shell::{Word, expand, words};
use crate::audit::subject::is_kind;
use crate::audit::text::Text;
use crate::shell::assignment;

/// What is said of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    #[default]
    No,
    /// It is stated as unknown: null, or `no commit`.
    Null,
    /// It is stated.
    Yes,
}

/// A command that was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Where, from 1.
    pub line: usize,
    /// The command, with the variables put in that the file sets.
    pub text: String,
    /// Its words.
    pub words: Vec<Word>,
    /// Its working directory, when that is stated.
    pub cwd: Option<String>,
    /// Whether its start is stated.
    pub start: Said,
    /// Whether its end is stated; a start and a duration are an end.
    pub end: Said,
    /// Whether its exit code or signal is stated.
    pub exit: Said,
    /// Whether the commit stands beside it.
    pub head: Said,
}

/// A file that tells commands.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, relative to the bundle.
    pub file: String,
    /// The commands in order.
    pub commands: Vec<Told>,
    /// A commit that stands for all of them, and its line.
    pub head: Option<(String, usize)>,
    /// A line with a substitution that nobody carried out, such as `$(git rev-parse HEAD)`.
    pub unexpanded: Option<usize>,
    /// The variables that the text sets.
    pub variables: BTreeMap<String, String>,
    /// Whether a program wrote it; a person leaves out what only prepares.
    pub by_program: bool,
}

/// Words that only prepare: nobody needs their times.
const PREPARE: [&str; 16] = [
    "export", "cd", "echo", "printf", "set", "source", ".", "mkdir", "alias", "unset", "true", ":", "cat",
    "date", "pwd", "exit",
];
/// Programs that are known to be programs when a line begins with them.
const PROGRAMS: [&str; 58] = [
    "python",
    "python3",
    "pytest",
    "git",
    "cargo",
    "make",
    "bash",
    "sh",
    "zsh",
    "env",
    "time",
    "timeout",
    "tee",
    "cp",
    "mv",
    "rm",
    "ls",
    "ln",
    "find",
    "grep",
    "sed",
    "awk",
    "jq",
    "diff",
    "cmp",
    "md5sum",
    "sha256sum",
    "pip",
    "pip3",
    "conda",
    "uv",
    "poetry",
    "npm",
    "node",
    "go",
    "java",
    "julia",
    "R",
    "Rscript",
    "perl",
    "ruby",
    "gcc",
    "g++",
    "clang",
    "cmake",
    "ninja",
    "just",
    "ctest",
    "nvidia-smi",
    "nsys",
    "ncu",
    "perf",
    "valgrind",
    "hyperfine",
    "docker",
    "srun",
    "sbatch",
    "mpirun",
];

impl Told {
    /// The first word that is neither an assignment nor a wrapper.
    pub fn program(&self) -> &str {
        let texts = self.words.iter().filter_map(|word| match word {
            Word::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.into_iter().find(|text| assignment(text).is_none()).unwrap_or_default()
    }

    /// Whether it only prepares: sets a variable, makes a directory, prints a text.
    pub fn prepares(&self) -> bool {
        let program = self.program();
        program.is_empty() || PREPARE.contains(&program)
    }
}

impl Source {
    /// The commands of a text; `None` when it tells none. `stamp` is the bundle's, for `$STAMP`.
    pub fn read(text: &Text, stamp: Option<&str>) -> Option<Self> {
        let mut source = Self {
            file: text.name.clone(),
            commands: Vec::new(),
            head: None,
            unexpanded: None,
            variables: stamp.map(|stamp| ("STAMP".to_owned(), stamp.to_owned())).into_iter().collect(),
            by_program: false,
        };
        source.by_program = source.json(text) || source.blocks(text);
        if !source.by_program {
            source.script(text);
        }
        (!source.commands.is_empty()).then_some(source)
    }

    /// The commands that do something.
    pub fn working(&self) -> impl Iterator<Item = &Told> {
        let all = self.by_program || self.commands.iter().all(Told::prepares);
        self.commands.iter().filter(move |told| all || !told.prepares())
    }

    fn json(&mut self, text: &Text) -> bool {
        if let Ok(Value::Array(list)) = serde_json::from_str(&text.content) {
            self.commands.extend(list.iter().filter_map(|value| record(value, 1)));
            return !self.commands.is_empty();
        }
        let mut ids: BTreeMap<String, usize> = BTreeMap::new();
        for (line, content) in text.lines().filter(|(_, content)| content.trim_start().starts_with('{')) {
            let Ok(value) = serde_json::from_str::<Value>(content) else { continue };
            let id = value.get("id").map(Value::to_string);
            let known = id.as_ref().and_then(|id| ids.get(id)).copied();
            if let (Some(index), Some("ended")) = (known, value.get("event").and_then(Value::as_str)) {
                let told = &mut self.commands[index];
                told.end = said(&value, ENDS);
                told.exit = said(&value, EXITS).max_of(said(&value, &["signal"]));
            } else if let Some(told) = record(&value, line) {
                ids.extend(id.map(|id| (id, self.commands.len())));
                self.commands.push(told);
            }
        }
        !self.commands.is_empty()
    }

    /// The blocks of our `commands.txt`: `[N] step ...`, then indented `name value` lines.
    fn blocks(&mut self, text: &Text) -> bool {
        for (number, line) in text.lines() {
            if line.starts_with('[') && line.contains("] step ") {
                self.commands.push(Told { line: number, ..Told::default() });
                continue;
            }
            let (Some(told), Some(field)) = (self.commands.last_mut(), line.strip_prefix("    ")) else {
                continue;
            };
            let (name, value) = field.split_once("  ").unwrap_or((field, ""));
            let value = value.trim();
            match name {
                "command" => {
                    told.words = words(value);
                    value.clone_into(&mut told.text);
                }
                "cwd" => told.cwd = Some(value.to_owned()),
                "start" => told.start = Said::Yes,
                "end" if !value.starts_with("not ended") => told.end = Said::Yes,
                "exit" if value != "unknown" => told.exit = Said::Yes,
                "git" if value.starts_with("no commit") => told.head = Said::Null,
                "git" => told.head = Said::Yes,
                _ => {}
            }
        }
        !self.commands.is_empty()
    }

    /// A script, or a list that a person kept.
    fn script(&mut self, text: &Text) {
        let is_script = is_kind(&text.name, &["sh"]) || text.content.starts_with("#!");
        let markdown = is_kind(&text.name, &["md"]);
        let (mut inside_fence, mut heredoc) = (!markdown, None::<String>);
        let mut joined: Option<(usize, String)> = None;
        // Whether a start stands before its command is told by the first one.
        let (mut starts_before, mut waiting) = (None, false);
        for (number, line) in text.lines() {
            if let Some(end) = &heredoc {
                if line.trim() == end {
                    heredoc = None;
                }
                continue;
            }
            if line.trim_start().starts_with("```") {
                inside_fence = !inside_fence;
                continue;
            }
            self.notes(number, line, &mut starts_before, &mut waiting);
            let trimmed = line.trim();
            let (from, begun) = joined.take().unwrap_or((number, String::new()));
            let whole = format!("{begun}{trimmed}");
            if let Some(begun) = whole.strip_suffix('\\').filter(|_| !trimmed.starts_with('#')) {
                joined = Some((from, format!("{begun} ")));
                continue;
            }
            let Some(command) = command_of(&whole, is_script && inside_fence, inside_fence) else { continue };
            heredoc = heredoc_of(command);
            self.add(from, command, &mut waiting, &whole);
        }
    }

    fn add(&mut self, line: usize, command: &str, waiting: &mut bool, whole: &str) {
        let text = expand(command, &self.variables);
        let words = words(&text);
        for word in &words {
            // `export A=b`, or a line of nothing but assignments.
            if let Word::Text(word) = word
                && let Some((name, value)) = assignment(word)
                && !value.contains('$')
            {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        }
        let said = |yes: bool| if yes { Said::Yes } else { Said::No };
        let timed = moment::all_in(whole).first().is_some_and(|placed| placed.start <= 3);
        let exit = said(exit_in(whole));
        let mut told = Told { line, text, words, start: said(timed), exit, ..Told::default() };
        // A start that stands above is that of the first command that does something.
        if *waiting && !told.prepares() {
            *waiting = false;
            told.start = Said::Yes;
        }
        self.commands.push(told);
    }

    /// What a line says of the commands around it.
    fn notes(&mut self, number: usize, line: &str, starts_before: &mut Option<bool>, waiting: &mut bool) {
        let substitution = ["$(git", "`git rev-parse", "$(date"].iter().any(|known| line.contains(known));
        if substitution && line.trim_start().starts_with('#') {
            self.unexpanded.get_or_insert(number);
        }
        if self.head.is_none() {
            self.head = commit_in(line).map(|commit| (commit.to_owned(), number));
        }
        let lower = line.to_ascii_lowercase();
        let timed = !moment::all_in(line).is_empty();
        let labelled = |labels: &[&str]| {
            labels.iter().any(|label| {
                lower.match_indices(label).any(|(at, _)| {
                    let before = lower[..at].bytes().next_back();
                    let after = lower[at + label.len()..].bytes().next();
                    !before.is_some_and(|byte| byte.is_ascii_alphabetic())
                        && !after.is_some_and(|byte| byte.is_ascii_alphabetic())
                })
            })
        };
        if timed && labelled(&["start", "started", "begin", "began", "start_time"]) {
            let before = *starts_before.get_or_insert(self.commands.is_empty());
            match self.commands.last_mut() {
                Some(last) if !before => last.start = Said::Yes,
                _ => *waiting = true,
            }
        }
        let Some(last) = self.commands.last_mut() else { return };
        if timed && labelled(&["end", "ended", "finish", "finished", "done", "completed", "stop", "end_time"])
        {
            last.end = Said::Yes;
        }
        if exit_in(line) {
            last.exit = Said::Yes;
        }
    }
}

impl Said {
    fn max_of(self, other: Self) -> Self {
        if self == Self::Yes || other == Self::No { self } else { other }
    }
}

const COMMANDS: &[&str] = &["argv", "command", "cmd", "args", "command_line"];
const STARTS: &[&str] = &["start", "started", "start_time", "started_at", "begin", "start_utc"];
const ENDS: &[&str] = &[
    "end",
    "ended",
    "end_time",
    "ended_at",
    "finished",
    "finished_at",
    "stop",
    "end_utc",
    "duration",
    "seconds",
];
const EXITS: &[&str] =
    &["exit", "exit_code", "exitcode", "returncode", "return_code", "rc", "exit_status", "status"];
const HEADS: &[&str] = &["head", "git", "git_head", "git_sha", "git_commit", "commit", "sha", "revision"];

fn said(value: &Value, keys: &[&str]) -> Said {
    match keys.iter().find_map(|key| value.get(key)) {
        None => Said::No,
        Some(Value::Null) => Said::Null,
        Some(Value::String(text)) if text.trim().is_empty() => Said::No,
        // Our own log has the commit in an object.
        Some(Value::Object(object)) if object.contains_key("head") => {
            if object["head"].is_null() {
                Said::Null
            } else {
                Said::Yes
            }
        }
        Some(_) => Said::Yes,
    }
}

fn record(value: &Value, line: usize) -> Option<Told> {
    let command = COMMANDS.iter().find_map(|key| value.get(key))?;
    let (text, words) = match command {
        Value::String(text) => (text.clone(), words(text)),
        Value::Array(argv) => {
            let argv: Vec<&str> = argv.iter().filter_map(Value::as_str).collect();
            let parts = match argv.as_slice() {
                [shell, "-c", script, ..]
                    if shell.rsplit('/').next().is_some_and(|name| name.ends_with("sh")) =>
                {
                    words(script)
                }
                _ => argv.iter().map(|word| Word::Text((*word).to_owned())).collect(),
            };
            (argv.join(" "), parts)
        }
        _ => return None,
    };
    Some(Told {
        line,
        text,
        words,
        cwd: value.get("cwd").and_then(Value::as_str).map(str::to_owned),
        start: said(value, STARTS),
        end: said(value, ENDS),
        exit: said(value, EXITS),
        head: said(value, HEADS),
    })
}

/// The command that a line holds: without a prompt, a leading time, or the `+` of `set -x`.
fn command_of(line: &str, is_script: bool, inside: bool) -> Option<&str> {
    let mut rest = line.trim();
    if let Some(first) = moment::all_in(rest).first().filter(|placed| placed.start <= 1) {
        rest = rest[first.end..].trim_start_matches([']', ':', ' ', '\t', '|']);
    }
    let prompt = ["$ ", "> ", "+ ", "% "].iter().find_map(|prompt| rest.strip_prefix(prompt));
    if !inside || rest.is_empty() || rest.starts_with('#') {
        return None;
    }
    if let Some(command) = prompt {
        return Some(command.trim());
    }
    let parts = words(rest);
    let mut texts = parts.iter().map_while(|word| match word {
        Word::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let mut assigned = false;
    let program = texts.by_ref().find(|text| {
        let is = assignment(text).is_some();
        assigned |= is;
        !is
    });
    let Some(program) = program else {
        return (assigned && !exit_in(rest)).then_some(rest);
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let known = PROGRAMS.contains(&name) || PREPARE.contains(&program);
    let path = program.starts_with("./") || (program.starts_with('/') && !program.ends_with(':'));
    // Pasted output is no command; a script has none.
    let scripted = is_script && !["fi", "done", "then", "else", "do", "esac", "{", "}"].contains(&program);
    (known || path || assigned || scripted).then_some(rest)
}

/// The word that ends the text which follows: `<<'EOF'`.
fn heredoc_of(command: &str) -> Option<String> {
    let (_, rest) = command.split_once("<<")?;
    let rest = rest.trim_start_matches(['-', ' ']).trim_start_matches(['\'', '"']);
    let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// Whether a line states an exit code in digits: `exit code: 0`, `rc=1`, `returncode 2`.
pub fn exit_in(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    ["exit", "rc", "returncode", "return code", "exitcode"].iter().any(|label| {
        lower.match_indices(label).any(|(at, _)| {
            let before = lower[..at].bytes().next_back();
            let rest = lower[at + label.len()..].trim_start_matches(['_', ' ', '\t']);
            let rest = ["code", "status"].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
            let value = rest.trim_start_matches([':', '=', ' ', '\t', '-', '>', '`', '*', '"']);
            !before.is_some_and(|byte| byte.is_ascii_alphanumeric())
                && (value.starts_with("signal") || value.starts_with(|c: char| c.is_ascii_digit()))
                // `exit 1` alone is a command of a script.
                && !(lower.trim_start().starts_with("exit ") && value.len() == rest.trim_start().len())
        })
    })
}

/// The commit that a line states: 40 hexadecimal digits, or at least 7 behind a word that says so.
pub fn commit_in(line: &str) -> Option<&str> {
    let lower = line.to_ascii_lowercase();
    let labelled = ["commit", "sha", "head", "git", "revision"].iter().any(|label| lower.contains(label));
    let bare = line.trim().bytes().all(|byte| byte.is_ascii_hexdigit());
    line.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
        let hex = word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let mixed = word.bytes().any(|byte| byte.is_ascii_alphabetic())
            && word.bytes().any(|byte| byte.is_ascii_digit());
        hex && match word.len() {
            40 => true,
            7..=39 => (labelled || bare) && mixed,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::write_atomic;

    fn source(name: &str, content: &str) -> Option<Source> {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = directory.path().join(name);
        write_atomic(&path, content.as_bytes()).expect("written");
        Source::read(&Text::read(&path, name).expect("read"), Some("20251120T101112Z"))
    }

    fn lines(source: &Source) -> Vec<(usize, &str)> {
        source.commands.iter().map(|told| (told.line, told.program())).collect()
    }

    #[test]
    fn a_list_that_a_person_kept_is_read_with_its_pasted_output() {
        let text = "# Git Commit: $(git rev-parse HEAD)\nexport STAMP=X\nA=1 python run.py \\\n  --out r/$STAMP\n\
                    === 8 passed in 11.36s ===\ntests/a.py::b PASSED [ 12%]\npython - <<'PY'\nmake all\nPY\n\
                    303d47f931cf79d525ddc054306a8efd2473777b\n$ custom --flag\n";
        let source = source("commands.txt", text).expect("commands");
        assert_eq!(lines(&source), [(2, "export"), (3, "python"), (7, "python"), (11, "custom")]);
        assert_eq!(source.unexpanded, Some(1));
        assert_eq!(source.head.as_ref().map(|(_, line)| *line), Some(10));
        assert!(source.commands[1].text.ends_with("--out r/X"), "{}", source.commands[1].text);
        assert_eq!(source.working().count(), 3);
    }

    #[test]
    fn times_and_exit_codes_belong_to_the_command_they_stand_at() {
        let before = "# start: 2025-11-20T10:11:12Z\npytest\n# end: 2025-11-20T10:11:13Z exit code: 0\n\
                      # start: 2025-11-20T10:11:14Z\nmake\n";
        let after = "pytest\nstart 2025-11-20T10:11:12Z\nend 2025-11-20T10:11:13Z\nrc=0\nmake\n\
                     start 2025-11-20T10:11:14Z\n";
        for text in [before, after] {
            let source = source("commands.log", text).expect("commands");
            let told: Vec<(Said, Said, Said)> =
                source.commands.iter().map(|told| (told.start, told.end, told.exit)).collect();
            assert_eq!(told, [(Said::Yes, Said::Yes, Said::Yes), (Said::Yes, Said::No, Said::No)], "{text}");
        }
    }

    #[test]
    fn json_lines_are_read_ours_and_those_of_others() {
        let ours = r#"{"id":1,"event":"started","argv":["sh","-c","ls > x"],"git":{"head":null},"start":"a"}
{"id":1,"event":"ended","exit_code":0,"end":"b"}
{"id":2,"event":"started","argv":["ls"],"git":{"head":"f"},"start":"a"}
"#;
        let source = source("commands.jsonl", ours).expect("commands");
        assert_eq!(source.commands.len(), 2);
        assert_eq!((source.commands[0].exit, source.commands[0].head), (Said::Yes, Said::Null));
        assert!(source.commands[0].words.contains(&Word::Writes));
        assert_eq!((source.commands[1].end, source.commands[1].head), (Said::No, Said::Yes));
        let others = "{\"cmd\": \"make all\", \"started_at\": 1, \"duration\": 2, \"returncode\": 0}\n";
        let source = super::tests::source("commands.jsonl", "{\"cmd\": \"echo x\"}\n{\"cmd\": \"make\"}\n");
        assert_eq!(source.expect("commands").working().count(), 2, "a program leaves nothing out");
        let told = &super::tests::source("commands.jsonl", others).expect("commands").commands[0];
        assert_eq!((told.start, told.end, told.exit, told.head), (Said::Yes, Said::Yes, Said::Yes, Said::No));
    }

    #[test]
    fn an_exit_code_is_digits_and_no_substitution() {
        for yes in
            ["exit code: 0", "(exit code 0)", "exit=1", "# rc=0", "exit status: 137", "# exit signal 9"]
        {
            assert!(exit_in(yes), "{yes}");
        }
        for no in ["echo \"exit code: $?\"", "exit 1", "existing 4", "source 3", "exit"] {
            assert!(!exit_in(no), "{no}");
        }
    }
}
