//! What of the shell's language must be known to take a command line of a note apart: where its parts end, and
//! whether a shell is needed at all. Anything else is left to `sh` itself.
//!
//! The words and operators are those of [`crate::shell`], which preflight reads, too. Called by
//! [`super::command`]; a line of which nobody can tell where it ends must stay one.

use crate::shell::{self, Kind, Piece, Token, Tokens};

/// A part of a line and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) operator: Operator,
}

/// What joins two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// The end of the line.
    End,
    /// `&&` or `;`.
    Then,
    /// `|`.
    Pipe,
    /// `||`, or `&` alone.
    Other,
}

/// Splits a line at `&&`, `;` and `|`; `None` when that cannot be told.
pub(super) fn split(line: &str) -> Option<Vec<Part>> {
    let Tokens { list, complete } = shell::tokens(line);
    let together = |token: &Token<'_>| match &token.kind {
        Kind::Word(pieces) => pieces.contains(&Piece::Output),
        Kind::Operator(mark) => matches!(*mark, "(" | ")"),
        Kind::Redirection(_) | Kind::Comment => false,
    };
    if !complete {
        return None;
    }
    // A group belongs together, and so do the output of a command and what uses it.
    if list.iter().any(together) {
        return Some(vec![Part { text: line.to_owned(), operator: Operator::End }]);
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for token in list {
        let Kind::Operator(mark) = token.kind else { continue };
        let operator = match mark {
            "|" => Operator::Pipe,
            "||" | "&" => Operator::Other,
            _ => Operator::Then,
        };
        parts.push(Part { text: line[start..token.range.start].trim().to_owned(), operator });
        start = token.range.end;
    }
    parts.push(Part { text: line[start..].trim().to_owned(), operator: Operator::End });
    parts.retain(|part| !part.text.is_empty());
    Some(parts)
}

/// Whether only a shell understands a simple command: expansions, patterns, redirections.
pub(super) fn needs_one(text: &str) -> bool {
    const BUILTINS: [&str; 7] = ["source", ".", "set", "for", "if", "while", "{"];
    let first = text.split_whitespace().next().unwrap_or_default();
    let Tokens { list, complete } = shell::tokens(text);
    let plain = |piece: &Piece| match piece {
        Piece::Plain(c) => !"$*?[]{}~#!".contains(*c),
        Piece::Quoted(_) => true,
        Piece::Variable | Piece::Output => false,
    };
    let plain = |token: &Token<'_>| matches!(&token.kind, Kind::Word(pieces) if pieces.iter().all(plain));
    !complete || !list.iter().all(plain) || BUILTINS.contains(&first)
}

/// The command lines of a block of code: prompts and comments left out, continued lines joined.
pub(super) fn logical_lines(code: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in code.lines() {
        let line = line.trim();
        let line = line.strip_prefix("$ ").unwrap_or(line);
        if !open && (line.is_empty() || line.starts_with('#')) {
            continue;
        }
        let (text, continued) = match line.strip_suffix('\\') {
            Some(text) => (text.trim_end(), true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| open) {
            Some(last) => *last = format!("{last} {text}"),
            None => lines.push(text.to_owned()),
        }
        open = continued;
    }
    // A here-document or a loop cannot be taken line by line.
    let whole = code.contains("<<")
        || lines.iter().any(|line| line.ends_with(" do") || line == "done" || line == "fi");
    if whole { vec![code.trim().to_owned()] } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Option<Vec<String>> {
        let shown = |part: Part| format!("{} {:?}", part.text, part.operator);
        Some(split(line)?.into_iter().map(shown).collect())
    }

    #[test]
    fn a_line_is_split_where_sh_would() {
        let shown = |line: &str| parts(line).expect("it can be told").join(", ");
        assert_eq!(shown("a 'b; c' && d | e; f"), "a 'b; c' Then, d Pipe, e Then, f End");
        assert_eq!(shown("a 2>&1 <&3 | b &>c"), "a 2>&1 <&3 Pipe, b &>c End");
        assert_eq!(shown("a || b & c"), "a Other, b Other, c End");
        assert_eq!(shown("a # b; c"), "a # b; c End", "a comment has no parts");
        assert_eq!(shown("x=\"$(a)\"; b $x"), "x=\"$(a)\"; b $x End", "the second part needs the first");
        assert_eq!(parts("a 'b; c"), None);
    }

    #[test]
    fn a_shell_is_needed_for_what_it_alone_understands() {
        for plain in ["a --b=c 'd*' \"e f\" \\$g", "A=b c", "a ''"] {
            assert!(!needs_one(plain), "{plain}");
        }
        for shell in ["a *", "a \"$b\"", "a >b", "a $", "set -e", "a {b,c}", "a ~/b", "a 'b", "a `b`", "! a"]
        {
            assert!(needs_one(shell), "{shell}");
        }
    }
}
