//! What of the shell's language must be known to take a command line apart: quotes, operators, and whether
//! a shell is needed at all. Anything else is left to `sh` itself.

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

/// The characters of a line that stand in no quotes, with their places; `None` when a quote never ends.
/// Inside double quotes `$` and backticks still mean something, so they are among them.
fn bare(line: &str) -> Option<Vec<(usize, char)>> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut chars = line.char_indices();
    while let Some((index, c)) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                chars.next();
            }
            (Some(_), '$' | '`') => found.push((index, c)),
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, _) => found.push((index, c)),
        }
    }
    quote.is_none().then_some(found)
}

/// Splits a line at `&&`, `;` and `|`.
pub(super) fn split(line: &str) -> Option<Vec<Part>> {
    let bare = bare(line)?;
    // A group or a substitution belongs together.
    if bare.iter().any(|(_, c)| matches!(c, '(' | ')' | '`')) {
        return Some(vec![Part { text: line.to_owned(), operator: Operator::End }]);
    }
    let mut parts = Vec::new();
    let mut start = 0;
    let mut bare = bare.into_iter().peekable();
    let mut before = ' ';
    while let Some((index, c)) = bare.next() {
        let doubled = bare.peek().is_some_and(|(next, follows)| *next == index + 1 && *follows == c);
        let redirects =
            before == '>' || bare.peek().is_some_and(|(next, follows)| *next == index + 1 && *follows == '>');
        let operator = match (c, doubled) {
            ('&', true) | (';', _) => Operator::Then,
            ('|', false) => Operator::Pipe,
            ('|', true) => Operator::Other,
            ('&', false) if !redirects => Operator::Other,
            _ => {
                before = c;
                continue;
            }
        };
        parts.push(Part { text: line[start..index].trim().to_owned(), operator });
        start = index + if doubled { 2 } else { 1 };
        if doubled {
            bare.next();
        }
        before = ' ';
    }
    parts.push(Part { text: line[start..].trim().to_owned(), operator: Operator::End });
    parts.retain(|part| !part.text.is_empty());
    Some(parts)
}

/// Whether only a shell understands a simple command: expansions, patterns, redirections.
pub(super) fn needs_one(text: &str) -> bool {
    const BUILTINS: [&str; 7] = ["source", ".", "set", "for", "if", "while", "{"];
    let first = text.split_whitespace().next().unwrap_or_default();
    bare(text).is_none_or(|bare| bare.iter().any(|(_, c)| "$`*?[]<>(){}~#!&|".contains(*c)))
        || BUILTINS.contains(&first)
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
