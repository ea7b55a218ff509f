//! What a command really runs: [`calls`] takes it apart, from the outermost program inwards
//! (`env A=b timeout 5 python -u x.py --size 1` runs `env`, `timeout`, `python`, and the script `x.py`).
//!
//! Called by preflight. An option of a wrapper that is not in the tables here ends the reading: then nobody
//! knows where the wrapped command begins.

use std::path::Path;

use super::words::{UNKNOWN, Word};
use crate::shell::assignment;

/// Something that a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call<'w> {
    /// A program, looked for on PATH or as a path.
    Program { word: &'w Word, arguments: &'w [Word] },
    /// A program that a tool such as `uv run` looks for in an environment of its own.
    Managed { word: &'w Word, arguments: &'w [Word] },
    /// A file that an interpreter reads.
    Script { word: &'w Word, arguments: &'w [Word], python: bool },
    /// A module for `python -m`.
    Module { word: &'w Word, arguments: &'w [Word] },
}

/// A program that starts the one behind it.
struct Wrapper {
    name: &'static str,
    /// Options that take the next word.
    values: &'static [&'static str],
    /// Options that stand alone.
    flags: &'static [&'static str],
    /// How many words of its own stand before the program.
    own: usize,
}

const WRAPPERS: [Wrapper; 11] = [
    Wrapper { name: "nice", values: &["-n", "--adjustment"], flags: &[], own: 0 },
    Wrapper { name: "nohup", values: &[], flags: &[], own: 0 },
    Wrapper { name: "exec", values: &[], flags: &[], own: 0 },
    Wrapper {
        name: "time",
        values: &["-f", "--format", "-o", "--output"],
        flags: &["-p", "-v", "-a", "-q", "--portability", "--verbose", "--append", "--quiet"],
        own: 0,
    },
    Wrapper {
        name: "timeout",
        values: &["-k", "--kill-after", "-s", "--signal"],
        flags: &["--foreground", "--preserve-status", "-v", "--verbose"],
        own: 1,
    },
    Wrapper { name: "taskset", values: &[], flags: &["-c", "--cpu-list"], own: 1 },
    Wrapper {
        name: "numactl",
        values: &["-C", "-N", "-m", "-p", "-i", "-w"],
        flags: &["-l", "--localalloc", "-a", "--all"],
        own: 0,
    },
    Wrapper { name: "stdbuf", values: &["-i", "-o", "-e"], flags: &[], own: 0 },
    Wrapper { name: "setsid", values: &[], flags: &["-w", "--wait", "-f", "--fork", "-c", "--ctty"], own: 0 },
    Wrapper {
        name: "ionice",
        values: &["-c", "--class", "-n", "--classdata"],
        flags: &["-t", "--ignore"],
        own: 0,
    },
    Wrapper { name: "env", values: &["-u", "--unset"], flags: &["-i", "-", "--ignore-environment"], own: 0 },
];

/// Tools that run a program in an environment which they manage: `uv run`.
const MANAGERS: [Wrapper; 3] = [
    Wrapper {
        name: "uv",
        values: &["--with", "--python", "-p", "--extra", "--group", "--package", "--index-url", "--env-file"],
        flags: &["--no-sync", "--frozen", "--locked", "--isolated", "--all-extras", "--offline", "-q", "-v"],
        own: 0,
    },
    Wrapper { name: "poetry", values: &[], flags: &["-q", "-v", "-n"], own: 0 },
    Wrapper { name: "pdm", values: &[], flags: &["-q", "-v"], own: 0 },
];

/// Takes a command apart.
pub(super) fn calls(words: &[Word]) -> Vec<Call<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut managed) = (words, false);
    while let Some((program, arguments)) = rest.split_first() {
        if program.text.contains(UNKNOWN) || program.text.is_empty() {
            break;
        }
        found.push(if managed {
            Call::Managed { word: program, arguments }
        } else {
            Call::Program { word: program, arguments }
        });
        let name = program.base();
        if let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == name) {
            let Some(behind) = behind(wrapper, arguments) else { break };
            rest = behind;
        } else if let Some(manager) = MANAGERS.iter().find(|manager| manager.name == name) {
            let Some((_, arguments)) = arguments.split_first().filter(|(word, _)| word.text == "run") else {
                break;
            };
            let Some(behind) = behind(manager, arguments) else { break };
            if behind.first().is_some_and(|word| is_python_file(&word.text)) {
                found.push(Call::Script { word: &behind[0], arguments: &behind[1..], python: true });
                break;
            }
            (rest, managed) = (behind, true);
        } else {
            found.extend(interpreted(name, arguments));
            break;
        }
    }
    found
}

/// The command that a wrapper starts.
fn behind<'w>(wrapper: &Wrapper, mut words: &'w [Word]) -> Option<&'w [Word]> {
    let env = wrapper.name == "env";
    loop {
        let (first, rest) = words.split_first()?;
        let text = first.known()?;
        if text == "--" {
            words = rest;
            break;
        }
        if env && assignment(text).is_some() {
            // Another search path: where the program is looked for cannot be told.
            if text.starts_with("PATH=") {
                return None;
            }
            words = rest;
        } else if !text.starts_with('-') {
            break;
        } else if wrapper.values.contains(&text) {
            words = rest.get(1..)?;
        } else if wrapper.flags.contains(&text) || joined(wrapper, text) {
            words = rest;
        } else {
            return None;
        }
    }
    words.get(wrapper.own..)
}

/// Whether an option and its value are one word: `--signal=KILL`, `-n10`, and `-10` for `nice`.
fn joined(wrapper: &Wrapper, text: &str) -> bool {
    let short = |value: &str| value.len() == 2 && text.starts_with(value) && text.len() > 2;
    text.starts_with("--") && text.contains('=')
        || wrapper.values.iter().any(|value| short(value))
        || wrapper.name == "nice" && text[1..].bytes().all(|byte| byte.is_ascii_digit())
}

/// What an interpreter runs.
fn interpreted<'w>(name: &str, arguments: &'w [Word]) -> Option<Call<'w>> {
    if is_python(name) {
        return python(arguments);
    }
    let extensions: &[&str] = match name {
        "bash" | "sh" | "dash" | "zsh" => return shell_script(arguments),
        "node" => &["js", "mjs", "cjs", "ts"],
        "ruby" => &["rb"],
        "perl" => &["pl"],
        "julia" => &["jl"],
        "Rscript" => &["R", "r"],
        _ => return None,
    };
    let at = arguments.iter().position(|word| !word.text.starts_with("--"))?;
    let word = &arguments[at];
    let (_, extension) = word.known()?.rsplit_once('.')?;
    extensions.contains(&extension).then_some(Call::Script {
        word,
        arguments: &arguments[at + 1..],
        python: false,
    })
}

/// Whether a program is Python, by its name: `python`, `python3.12`, `pypy3`.
pub(super) fn is_python(name: &str) -> bool {
    ["python", "pypy"].iter().any(|start| {
        name.strip_prefix(start)
            .is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
    })
}

/// Whether a path names a file of Python text.
pub(super) fn is_python_file(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "py")
}

fn python(arguments: &[Word]) -> Option<Call<'_>> {
    let mut at = 0;
    loop {
        let word = arguments.get(at)?;
        let text = word.known()?;
        match text {
            "-m" => {
                let module = arguments.get(at + 1)?;
                return Some(Call::Module { word: module, arguments: &arguments[at + 2..] });
            }
            "-X" | "-W" => at += 2,
            _ if text.starts_with("-X") || text.starts_with("-W") => at += 1,
            _ if text.len() > 1 && text.starts_with('-') => {
                // Flags that stand alone; `-c` and what is unknown end the reading.
                if !text[1..].chars().all(|flag| "uBOIsSEvqbdixP".contains(flag)) {
                    return None;
                }
                at += 1;
            }
            "-" => return None,
            _ => return Some(Call::Script { word, arguments: &arguments[at + 1..], python: true }),
        }
    }
}

fn shell_script(arguments: &[Word]) -> Option<Call<'_>> {
    let mut at = 0;
    loop {
        let word = arguments.get(at)?;
        let text = word.known()?;
        let Some(flags) = text.strip_prefix(['-', '+']) else {
            return Some(Call::Script { word, arguments: &arguments[at + 1..], python: false });
        };
        if flags.is_empty() || flags.contains(['c', 's', '-']) {
            return None;
        }
        at += if flags.ends_with('o') { 2 } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    /// What a command runs: each call with its number of arguments.
    fn told(line: &str) -> Vec<String> {
        let words: Vec<Word> = line
            .split_whitespace()
            .map(|text| Word { text: text.replace('?', &UNKNOWN.to_string()), span: Span::default() })
            .collect();
        let show = |call: &Call<'_>| match call {
            Call::Program { word, arguments } => format!("{}/{}", word.text, arguments.len()),
            Call::Managed { word, arguments } => format!("managed {}/{}", word.text, arguments.len()),
            Call::Script { word, arguments, .. } => format!("script {}/{}", word.text, arguments.len()),
            Call::Module { word, arguments } => format!("module {}/{}", word.text, arguments.len()),
        };
        calls(&words).iter().map(show).collect()
    }

    #[test]
    fn wrappers_and_interpreters_are_looked_through() {
        assert_eq!(
            told("env A=b timeout -k 5 10 nice -10 python3.12 -u -X dev x.py --size 1")[1..],
            ["timeout/12", "nice/8", "python3.12/6", "script x.py/2"]
        );
        assert_eq!(told("python -m pkg.mod --x"), ["python/3", "module pkg.mod/1"]);
        assert_eq!(told("bash -euo pipefail x.sh a"), ["bash/4", "script x.sh/1"]);
        assert_eq!(told("uv run --frozen pytest -q"), ["uv/4", "managed pytest/1"]);
        assert_eq!(told("uv run x.py -q"), ["uv/3", "script x.py/1"]);
        assert_eq!(told("node --max-old-space-size=4 a.js"), ["node/2", "script a.js/0"]);
    }

    #[test]
    fn what_cannot_be_told_ends_the_reading() {
        assert_eq!(told("timeout --no-such 5 x"), ["timeout/3"]);
        assert_eq!(told("env PATH=/x prog"), ["env/2"]);
        assert_eq!(told("python -c code x.py"), ["python/3"]);
        assert_eq!(told("bash -c x"), ["bash/2"]);
        assert_eq!(told("python ? x.py"), ["python/2"]);
        assert_eq!(told("? x"), [""; 0]);
    }
}
