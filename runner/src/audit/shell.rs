//! Words of a command line as a person wrote it: enough of a shell's grammar to see programs, arguments and
//! redirections. Nothing is executed or substituted here, except variables that the same text sets.

use std::collections::BTreeMap;

/// A piece of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A word, without its quotes.
    Text(String),
    /// `>`, `>>`, `2>`, `&>`: the next word is written to.
    Writes,
    /// `|`, `;`, `&&`, `||`, `&`: another command begins.
    Next,
}

/// Takes a line apart.
pub fn words(line: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(characters.by_ref().take_while(|next| *next != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(next) = characters.next().filter(|next| *next != '"') {
                    word.push(if next == '\\' { characters.next().unwrap_or('\\') } else { next });
                }
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            '#' if word.is_none() => break,
            '>' => {
                // `2>` and `&>` name what is redirected, not a file.
                let number = word.take_if(|word| word.chars().all(|c| c.is_ascii_digit() || c == '&'));
                if number.is_none() {
                    found.extend(word.take().map(Word::Text));
                }
                while characters.next_if(|next| matches!(next, '>' | '|')).is_some() {}
                // `>&2` goes to another stream.
                if characters.next_if_eq(&'&').is_some() {
                    while characters.next_if(char::is_ascii_digit).is_some() {}
                } else {
                    found.push(Word::Writes);
                }
            }
            '&' if characters.peek() == Some(&'>') => {
                found.extend(word.take().map(Word::Text));
                word = Some("&".to_owned());
            }
            '|' | ';' | '&' => {
                found.extend(word.take().map(Word::Text));
                if found.last() != Some(&Word::Next) {
                    found.push(Word::Next);
                }
            }
            space if space.is_whitespace() => found.extend(word.take().map(Word::Text)),
            other => word.get_or_insert_default().push(other),
        }
    }
    found.extend(word.map(Word::Text));
    found
}

/// The text with the variables that are known put in; an unknown one stays as it is written.
pub fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '<']) {
        expanded.push_str(&rest[..at]);
        let tail = &rest[at..];
        let (name, length) = variable(tail);
        let (put, behind) = variables.get(name).map_or((&tail[..1], 1), |value| (value.as_str(), length));
        expanded.push_str(put);
        rest = &tail[behind..];
    }
    expanded.push_str(rest);
    expanded
}

/// The name of the variable that a text begins with, and the length of `$NAME`, `${NAME}` or `<NAME>`.
fn variable(text: &str) -> (&str, usize) {
    let (open, close) = if text.starts_with("${") {
        (2, "}")
    } else if text.starts_with('<') {
        (1, ">")
    } else {
        (1, "")
    };
    let body = &text[open..];
    let length = body.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    if body[length..].starts_with(close) { (&body[..length], open + length + close.len()) } else { ("", 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let shown = words(line).into_iter().map(|word| match word {
            Word::Text(text) => format!("[{text}]"),
            Word::Writes => ">".to_owned(),
            Word::Next => ";".to_owned(),
        });
        shown.collect()
    }

    #[test]
    fn a_command_line_is_taken_apart_as_a_shell_would() {
        assert_eq!(shown("A=1 python 'a b'.py --x=\"y z\" # no"), "[A=1][python][a b.py][--x=y z]");
        assert_eq!(shown("pytest -q > a.log 2>&1"), "[pytest][-q]>[a.log]");
        assert_eq!(shown("x 2>err.log &>all.log >>more"), "[x]>[err.log]>[all.log]>[more]");
        assert_eq!(shown("a | tee b && c; d"), "[a];[tee][b];[c];[d]");
        assert_eq!(shown("echo \">\" '>' \\> |& x"), "[echo][>][>][>];[x]");
    }

    #[test]
    fn only_known_variables_are_put_in() {
        let known = BTreeMap::from([("STAMP".to_owned(), "S".to_owned())]);
        assert_eq!(expand("a/$STAMP/${STAMP}/<STAMP>/$OTHER/$(x)/<y", &known), "a/S/S/S/$OTHER/$(x)/<y");
    }
}
