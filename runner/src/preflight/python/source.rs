//! Python text as tokens: [`tokens`]. Enough to find calls, names and string literals that are no comments and
//! stand in no other string; no grammar.
//!
//! Called by the checks of Python scripts. The text is only read, never run; nothing here can fail.

/// A token and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its line, from 1.
    pub line: usize,
    /// Its column, from 0; for the first token of a statement the indentation.
    pub column: usize,
    /// Whether it begins a statement.
    pub first: bool,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Name(String),
    /// A plain string, its content as it is written.
    Text(String),
    /// An f-string, or bytes: its value is not known.
    Formatted,
    /// A number.
    Number,
    /// One character of punctuation.
    Symbol(char),
}

impl Token {
    /// Its name, when it is one.
    pub fn name(&self) -> Option<&str> {
        if let Kind::Name(name) = &self.kind { Some(name) } else { None }
    }

    /// Whether it is this name.
    pub fn is(&self, name: &str) -> bool {
        self.name() == Some(name)
    }

    /// Whether it is this punctuation.
    pub fn symbol(&self, symbol: char) -> bool {
        self.kind == Kind::Symbol(symbol)
    }

    /// The content of a plain string.
    pub fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }
}

/// Takes a text apart.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut reader = Reader { rest: text, line: 1, column: 0 };
    let (mut depth, mut first) = (0_usize, true);
    while let Some(next) = reader.rest.chars().next() {
        let (line, column) = (reader.line, reader.column);
        let kind = match next {
            '\n' => {
                reader.take(1);
                first |= depth == 0;
                continue;
            }
            '\\' => {
                reader.take(1);
                if reader.rest.starts_with('\n') {
                    reader.take(1);
                }
                continue;
            }
            '#' => {
                let end = reader.rest.find('\n').unwrap_or(reader.rest.len());
                reader.take(end);
                continue;
            }
            ';' if depth == 0 => {
                reader.take(1);
                first = true;
                continue;
            }
            _ if next.is_whitespace() => {
                reader.take(next.len_utf8());
                continue;
            }
            '"' | '\'' => Kind::Text(reader.string()),
            _ if next.is_alphabetic() || next == '_' => {
                let name = reader.word();
                let prefix = name.to_ascii_lowercase();
                let quote = reader.rest.starts_with(['"', '\'']);
                if quote && prefix.len() <= 2 && prefix.bytes().all(|byte| b"rbfut".contains(&byte)) {
                    let content = reader.string();
                    if prefix.contains(['f', 'b', 't']) { Kind::Formatted } else { Kind::Text(content) }
                } else {
                    Kind::Name(name)
                }
            }
            _ if next.is_ascii_digit() => {
                reader.word();
                Kind::Number
            }
            _ => {
                match next {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                reader.take(next.len_utf8());
                Kind::Symbol(next)
            }
        };
        found.push(Token { kind, line, column, first });
        first = false;
    }
    found
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        match taken.rfind('\n') {
            Some(newline) => {
                self.line += taken.matches('\n').count();
                self.column = taken.len() - newline - 1;
            }
            None => self.column += taken.len(),
        }
        self.rest = rest;
    }

    fn word(&mut self) -> String {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let len = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let word = self.rest[..len].to_owned();
        self.take(len);
        word
    }

    /// A string from its opening quote; an open one ends with its line, or with the text.
    fn string(&mut self) -> String {
        let quote = &self.rest[..1];
        let long = self.rest.starts_with(&quote.repeat(3));
        let close = if long { quote.repeat(3) } else { quote.to_owned() };
        let (mut at, start) = (close.len(), close.len());
        let bytes = self.rest.as_bytes();
        while at < bytes.len() && !self.rest[at..].starts_with(&close) {
            if !long && bytes[at] == b'\n' {
                break;
            }
            let escape = bytes[at] == b'\\';
            at += self.rest[at..].chars().next().map_or(1, char::len_utf8);
            if escape {
                at += self.rest.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            }
        }
        let content = self.rest[start..at].to_owned();
        let end = if self.rest[at..].starts_with(&close) { at + close.len() } else { at };
        self.take(end);
        content
    }
}

/// Texts of random tokens, the same each time: what no person wrote must be read without harm, too.
#[cfg(test)]
pub(in crate::preflight) fn soups() -> impl Iterator<Item = String> {
    const PARTS: [&str; 44] = [
        "async ",
        "def ",
        "class ",
        "foo",
        "parser",
        "f",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "=",
        ".",
        "*",
        "@",
        "\n",
        "\n",
        "\n    ",
        "\n  ",
        ";",
        "\\",
        "'--x'",
        "\"\"\"",
        "'",
        "#",
        "1",
        " ",
        "self",
        "parents",
        "argparse.ArgumentParser",
        "ArgumentParser()",
        "add_argument",
        "parse_args()",
        "parents=[f]",
        "argv",
        "sys.argv[1:]",
        "import ",
        "from ",
        "click.option",
        "click.command()",
        "\u{e9}",
    ];
    // A linear congruential generator (Knuth's MMIX): its upper bits are random enough to mix words.
    let mut state = 1_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    (0..4000).map(move |_| {
        let parts = next(24);
        (0..parts).map(|_| PARTS[next(PARTS.len())]).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_hide_what_is_in_them() {
        let text = "# a\nx = 'b # c' ; y(\n  r\"d\", f'{e}',\n)\n\"\"\"\nz\n\"\"\"\n  if w: pass\n";
        let found = tokens(text);
        let names: Vec<&str> = found.iter().filter_map(Token::name).collect();
        assert_eq!(names, ["x", "y", "if", "w", "pass"]);
        let texts: Vec<&str> = found.iter().filter_map(Token::text).collect();
        assert_eq!(texts, ["b # c", "d", "\nz\n"]);
        let firsts: Vec<(usize, usize)> =
            found.iter().filter(|token| token.first).map(|token| (token.line, token.column)).collect();
        assert_eq!(firsts, [(2, 0), (2, 14), (5, 0), (8, 2)]);
    }

    #[test]
    fn any_text_has_an_end() {
        for text in ["'", "\"\"\"a", "'a\\", "f'", "(((", "\\", "a = '\u{e9}\\\u{e9}", "async", "def\nfoo\n"]
        {
            let _ = tokens(text);
        }
        for text in soups() {
            let _ = tokens(&text);
        }
    }
}
