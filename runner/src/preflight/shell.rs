//! The commands of a line for `sh -c`, as far as they can be told for sure: [`commands`].
//!
//! No shell is written here: words, quotes, lists and pipelines are read; at the first thing that needs more
//! (a here-document, `case`, a function, `eval`, `source`) reading ends, and what follows is not judged.
//! Called by preflight; a word that the shell would change is [`UNKNOWN`](super::words::UNKNOWN).

use std::ops::Range;

use super::words::UNKNOWN;

/// A program and its arguments within a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    /// The words, each with its place in bytes of the line.
    pub words: Vec<(String, Range<usize>)>,
    /// The directory that `cd` went to before it: `None` when that cannot be told.
    pub directory: Option<String>,
}

/// What a line runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The commands that could be told, in order.
    pub commands: Vec<Simple>,
    /// Whether it is one command and nothing else, so that it certainly runs and its failure is the line's.
    pub alone: bool,
    /// Whether the line itself asks if something is there (`||`, `if`, `command -v`): then a missing program
    /// may be meant.
    pub asks: bool,
}

/// Words behind which a command follows.
const OPENERS: [&str; 10] = ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"];
/// Words that stand where a command could and are none.
const CLOSERS: [&str; 4] = ["fi", "done", "}", "esac"];
/// Words that need more than is read here, or after which names mean something else.
const ENDS: [&str; 9] = ["case", "function", "select", "coproc", "eval", ".", "source", "alias", "[["];
/// Words with which a line asks whether something is there.
const QUESTIONS: [&str; 8] = ["if", "elif", "while", "until", "command", "which", "type", "hash"];

/// Commands and keywords that the shell itself knows: those of POSIX and dash, and those of bash, because `sh` is
/// bash on some machines, and there such a word is no missing program.
pub(super) const BUILTINS: [&str; 73] = [
    "!",
    ".",
    ":",
    "[",
    "[[",
    "]]",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cd",
    "chdir",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "in",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "time",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
    "{",
    "}",
];
/// Builtins that set variables.
const DECLARE: [&str; 5] = ["export", "declare", "typeset", "readonly", "local"];

/// Reads a line.
pub(super) fn commands(line: &str) -> Line {
    let mut reader = Reader { line, at: 0, found: Line::default(), directory: Some(String::new()) };
    let operators = reader.read();
    let mut found = reader.found;
    found.alone = found.commands.len() == 1 && !operators;
    found
}

struct Reader<'a> {
    line: &'a str,
    at: usize,
    found: Line,
    directory: Option<String>,
}

impl Reader<'_> {
    /// Reads everything; whether it has more than one plain command.
    fn read(&mut self) -> bool {
        let mut operators = false;
        let mut words: Vec<(String, Range<usize>)> = Vec::new();
        while let Some(next) = self.peek() {
            match next {
                ' ' | '\t' => self.at += 1,
                '\\' if self.rest().starts_with("\\\n") => self.at += 2,
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '\n' | ';' | '&' | '|' | '(' | ')' => {
                    if self.rest().starts_with("||") {
                        self.found.asks = true;
                    }
                    operators |= next != '\n' && (next != ';' || !self.rest()[1..].trim().is_empty());
                    if matches!(next, '(' | ')') {
                        if next == '(' && !words.is_empty() {
                            return true; // a function, or something that is no `sh`
                        }
                        // A directory that is left at the end of a subshell is not followed.
                        self.directory = None;
                    }
                    self.at += 1;
                    if !self.command(&mut words) {
                        return true;
                    }
                }
                '<' | '>' => {
                    if self.rest().starts_with("<<") {
                        self.command(&mut words);
                        return true;
                    }
                    self.redirection();
                }
                _ => {
                    let start = self.at;
                    let Some(word) = self.word() else { return true };
                    let number = word.bytes().all(|byte| byte.is_ascii_digit());
                    if number && self.peek().is_some_and(|next| matches!(next, '<' | '>')) {
                        continue; // the descriptor of a redirection
                    }
                    if words.is_empty() && !self.begins(&word, &mut operators) {
                        continue;
                    }
                    if words.is_empty() && ENDS.contains(&word.as_str()) {
                        return true;
                    }
                    words.push((word, start..self.at));
                }
            }
        }
        self.command(&mut words);
        operators
    }

    /// Whether a word at the place of a command is the command's own.
    fn begins(&mut self, word: &str, operators: &mut bool) -> bool {
        self.found.asks |= QUESTIONS.contains(&word);
        if OPENERS.contains(&word) || CLOSERS.contains(&word) {
            *operators = true;
            return false;
        }
        if word == "for" {
            *operators = true;
            // `for NAME in WORDS`: up to the end of the list.
            self.at += self.rest().find(['\n', ';']).unwrap_or(self.rest().len());
            return false;
        }
        // A search path of its own: what is on it is not known here.
        self.found.asks |= word.starts_with("PATH=");
        !is_assignment(word)
    }

    /// Takes a finished command; whether what follows can still be told.
    fn command(&mut self, words: &mut Vec<(String, Range<usize>)>) -> bool {
        if words.is_empty() {
            return true;
        }
        let words = std::mem::take(words);
        if words[0].0 == "cd" {
            let to = words.get(1).map(|word| word.0.clone()).filter(|to| !to.contains([UNKNOWN, '~', '-']));
            self.directory = match (self.directory.take(), to) {
                (_, Some(to)) if to.starts_with('/') => Some(to),
                (Some(directory), Some(to)) if directory.is_empty() => Some(to),
                (Some(directory), Some(to)) => Some(format!("{directory}/{to}")),
                _ => None,
            };
        } else if words.iter().take(2).any(|word| ["pushd", "popd", "chdir", "cd"].contains(&word.0.as_str()))
        {
            // `pushd x`, `command cd x`: not followed.
            self.directory = None;
        }
        // With another search path nothing is known of the programs behind it.
        let path =
            DECLARE.contains(&words[0].0.as_str()) && words.iter().any(|word| word.0.starts_with("PATH"));
        self.found.commands.push(Simple { words, directory: self.directory.clone() });
        !path
    }

    fn redirection(&mut self) {
        let operator = self.rest().find(|next| !"<>&|".contains(next)).unwrap_or(self.rest().len());
        self.at += operator;
        while self.peek().is_some_and(|next| matches!(next, ' ' | '\t')) {
            self.at += 1;
        }
        // The target: a file or a descriptor.
        let _ = self.word();
    }

    /// One word; `None` when it cannot be told where it ends.
    fn word(&mut self) -> Option<String> {
        let mut word = String::new();
        while let Some(next) = self.peek() {
            self.at += next.len_utf8();
            match next {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => {
                    self.at -= 1;
                    break;
                }
                '\'' => {
                    let end = self.rest().find('\'')?;
                    word.push_str(&self.rest()[..end]);
                    self.at += end + 1;
                }
                '"' => self.quoted(&mut word)?,
                '\\' => {
                    let escaped = self.peek()?;
                    self.at += escaped.len_utf8();
                    if escaped != '\n' {
                        word.push(escaped);
                    }
                }
                '$' => self.expansion(&mut word)?,
                '`' => return None,
                '*' | '?' => word.push(UNKNOWN),
                '~' if word.is_empty() => word.push(UNKNOWN),
                other => word.push(other),
            }
        }
        Some(word)
    }

    fn quoted(&mut self, word: &mut String) -> Option<()> {
        loop {
            let next = self.peek()?;
            self.at += next.len_utf8();
            match next {
                '"' => return Some(()),
                '\\' => {
                    let escaped = self.peek()?;
                    self.at += escaped.len_utf8();
                    match escaped {
                        '\n' => {}
                        '"' | '\\' | '$' | '`' => word.push(escaped),
                        other => word.extend(['\\', other]),
                    }
                }
                '$' => self.expansion(word)?,
                '`' => return None,
                other => word.push(other),
            }
        }
    }

    /// What follows a `$`.
    fn expansion(&mut self, word: &mut String) -> Option<()> {
        match self.peek() {
            Some(open @ ('(' | '{')) => {
                let close = if open == '(' { ')' } else { '}' };
                let mut depth = 0;
                let mut end = None;
                for (at, character) in self.rest().char_indices() {
                    // Quotes within may hide a bracket.
                    if matches!(character, '\'' | '"' | '`' | '\\') {
                        return None;
                    }
                    depth += i32::from(character == open) - i32::from(character == close);
                    if depth == 0 {
                        end = Some(at);
                        break;
                    }
                }
                self.at += end? + 1;
                word.push(UNKNOWN);
            }
            Some(next) if next.is_ascii_alphanumeric() || "_@*#?$!-".contains(next) => {
                let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let len = self.rest().find(|c: char| !name(c)).unwrap_or(self.rest().len());
                self.at += len.max(1);
                word.push(UNKNOWN);
            }
            _ => word.push('$'),
        }
        Some(())
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &str {
        &self.line[self.at..]
    }
}

/// Whether a word sets a variable for the command behind it.
pub(super) fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands of a line, words joined by a blank, unknown parts as `?`.
    fn told(line: &str) -> Vec<String> {
        let show = |command: &Simple| {
            let words: Vec<&str> = command.words.iter().map(|word| word.0.as_str()).collect();
            words.join(" ").replace(UNKNOWN, "?")
        };
        commands(line).commands.iter().map(show).collect()
    }

    #[test]
    fn words_quotes_and_redirections_are_read_as_sh_does() {
        assert_eq!(told("python 'a b.py' --x=\"$Y\" >out 2>&1 # no"), ["python a b.py --x=?"]);
        assert_eq!(told("A=1 B= prog a\\ b \\\n c"), ["prog a b c"]);
        assert_eq!(told("a $(b c) ${d} $e. *.py"), ["a ? ? ?. ?.py"]);
    }

    #[test]
    fn lists_pipelines_and_loops_are_taken_apart() {
        assert_eq!(told("a && b || c | d; e & f\ng"), ["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(told("if a; then b; else c; fi; for x in 1 2; do d $x; done"), ["a", "b", "c", "d ?"]);
        assert_eq!(told("set -eu\ntrap 'c d' EXIT\na"), ["set -eu", "trap c d EXIT", "a"]);
        assert_eq!(told("(cd x && a); ! b"), ["cd x", "a", "b"]);
    }

    #[test]
    fn reading_ends_where_it_would_become_a_guess() {
        assert_eq!(told("cat <<'END'\nnot a command\nEND\n"), ["cat"]);
        assert_eq!(told("a; . venv/bin/activate; b"), ["a"]);
        assert_eq!(told("f() { a; }; f"), [""; 0]);
        assert_eq!(told("a `b` c; d"), [""; 0]);
        assert_eq!(told("export PATH=x; b"), ["export PATH=x"]);
        assert_eq!(told("declare -x PATH=x; b"), ["declare -x PATH=x"]);
        assert_eq!(told("coproc a; b"), [""; 0]);
        assert_eq!(told("a 'open"), [""; 0]);
    }

    #[test]
    fn one_command_is_alone_and_a_line_that_asks_is_known() {
        assert!(commands("a b >c").alone && commands("a;\n").alone && commands("A=1 a\n").alone);
        assert!(!commands("a | b").alone && !commands("a\nb").alone && !commands("if a; then :; fi").alone);
        assert!(commands("a || b").asks && commands("command -v a").asks && !commands("a && b").asks);
    }

    #[test]
    fn cd_is_followed_where_it_can_be() {
        let directories = |line: &str| -> Vec<Option<String>> {
            commands(line).commands.into_iter().map(|command| command.directory).collect()
        };
        assert_eq!(directories("cd a && cd b && x")[2].as_deref(), Some("a/b"));
        assert_eq!(directories("cd $A && x")[1], None);
        assert_eq!(directories("(cd a); x")[1], None);
        assert_eq!(directories("pushd a; x")[1], None);
    }
}
