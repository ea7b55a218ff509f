//! The commands of a line for `sh -c`, as far as they can be told for sure: [`commands`].
//!
//! No shell is written here: the tokens are those of [`crate::shell`], and lists and pipelines are read; at the first thing that needs more
//! (a here-document, `case`, a function, `eval`, `source`) reading ends, and what follows is not judged.
//! Called by preflight; a word that the shell would change is [`UNKNOWN`](super::words::UNKNOWN).

use std::ops::Range;

use super::words::UNKNOWN;
use crate::shell::{self, Kind, Piece, Token, Tokens, assignment};

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
    let mut reader = Reader { found: Line::default(), directory: Some(String::new()) };
    let operators = reader.read(line);
    let mut found = reader.found;
    found.alone = found.commands.len() == 1 && !operators;
    found
}

/// The commands of a line as they are found.
struct Reader {
    found: Line,
    directory: Option<String>,
}

impl Reader {
    /// Reads everything; whether it has more than one plain command.
    fn read(&mut self, line: &str) -> bool {
        let Tokens { list: tokens, complete } = shell::tokens(line);
        let mut operators = false;
        let mut words: Vec<(String, Range<usize>)> = Vec::new();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match &token.kind {
                Kind::Comment => {}
                Kind::Operator(operator) => {
                    self.found.asks |= *operator == "||";
                    let last = *operator == ";" && line[token.range.end..].trim().is_empty();
                    operators |= *operator != "\n" && !last;
                    if matches!(*operator, "(" | ")") {
                        if *operator == "(" && !words.is_empty() {
                            return true; // a function, or something that is no `sh`
                        }
                        // A directory that is left at the end of a subshell is not followed.
                        self.directory = None;
                    }
                    if !self.command(&mut words) {
                        return true;
                    }
                }
                Kind::Redirection(operator) => {
                    // bash redirects with `&>`; elsewhere the command ends there.
                    let ends = operator.starts_with('&');
                    operators |= ends;
                    if operator.starts_with("<<") {
                        self.command(&mut words);
                        return true;
                    }
                    if ends && !self.command(&mut words) {
                        return true;
                    }
                    // The target: a file or a descriptor.
                    at += usize::from(tokens.get(at).is_some_and(|next| matches!(next.kind, Kind::Word(_))));
                }
                Kind::Word(pieces) => {
                    let word = text(pieces);
                    if word.bytes().all(|byte| byte.is_ascii_digit()) && redirects(&tokens[at..], token) {
                        continue; // the descriptor of a redirection
                    }
                    if words.is_empty() && word == "for" {
                        operators = true;
                        // `for NAME in WORDS`: up to the end of the list.
                        let end = |token: &Token<'_>| matches!(token.kind, Kind::Operator(";" | "\n"));
                        at += tokens[at..].iter().position(end).unwrap_or(tokens.len() - at);
                        continue;
                    }
                    if words.is_empty() && !self.begins(&word, &mut operators) {
                        continue;
                    }
                    if words.is_empty() && ENDS.contains(&word.as_str()) {
                        return true;
                    }
                    words.push((word, token.range.clone()));
                }
            }
        }
        if complete {
            self.command(&mut words);
        }
        operators || !complete
    }

    /// Whether a word at the place of a command is the command's own.
    fn begins(&mut self, word: &str, operators: &mut bool) -> bool {
        self.found.asks |= QUESTIONS.contains(&word);
        if OPENERS.contains(&word) || CLOSERS.contains(&word) {
            *operators = true;
            return false;
        }
        // A search path of its own: what is on it is not known here.
        self.found.asks |= word.starts_with("PATH=");
        assignment(word).is_none()
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
}

/// A word as it will be, as far as it can be told.
fn text(pieces: &[Piece]) -> String {
    let known = |(at, piece): (usize, &Piece)| match piece {
        Piece::Variable | Piece::Output | Piece::Plain('*' | '?') => UNKNOWN,
        Piece::Plain('~') if at == 0 => UNKNOWN,
        Piece::Plain(c) | Piece::Quoted(c) => *c,
    };
    pieces.iter().enumerate().map(known).collect()
}

/// Whether a redirection follows a word without a blank.
fn redirects(behind: &[Token<'_>], word: &Token<'_>) -> bool {
    behind.first().is_some_and(|next| {
        next.range.start == word.range.end
            && matches!(next.kind, Kind::Redirection(operator) if !operator.starts_with('&'))
    })
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
        assert_eq!(told("a b &>c; d 2>&1 >>e f"), ["a b", "d f"]);
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
