//! The grammar of a line for `sh`, as far as this crate reads any: [`tokens`] and [`assignment`].
//!
//! Used by the drafts of notes, which split lines into steps, and by preflight, which looks for what lines name;
//! so both see the same words and operators. Nothing is run, expanded or looked up here, and what this grammar
//! does not have (a backtick, a quote that never ends) ends the reading instead of becoming a guess.

use std::ops::Range;

/// A word or a mark of a line, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'l> {
    /// What it is.
    pub kind: Kind<'l>,
    /// Its place in bytes of the line.
    pub range: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'l> {
    /// A word: its pieces, without quotes. An empty one was written as `''`.
    Word(Vec<Piece>),
    /// One of `&& || | & ; ;; ( )` or the end of a line.
    Operator(&'l str),
    /// `>`, `2>&`, `<<`, `&>` without the number before it; the word behind it is its target.
    Redirection(&'l str),
    /// From `#` to the end of the line.
    Comment,
}

/// A piece of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A character outside of quotes: `*` is a pattern.
    Plain(char),
    /// A character in quotes or behind a backslash: `*` is an asterisk.
    Quoted(char),
    /// A variable or a `${...}`.
    Variable,
    /// What a command prints: `$(...)`.
    Output,
}

/// The tokens of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens<'l> {
    /// The tokens, in order.
    pub list: Vec<Token<'l>>,
    /// Whether they are all: `false` when a word begins behind them of which nobody can tell here where it ends.
    pub complete: bool,
}

/// Takes a line apart. A text of several lines is one, too.
pub fn tokens(line: &str) -> Tokens<'_> {
    let mut reader = Reader { line, at: 0 };
    let mut list = Vec::new();
    while let Some(next) = reader.peek() {
        let (start, rest) = (reader.at, reader.rest());
        let fixed = |mark: usize| &rest[..mark];
        let kind = match next {
            ' ' | '\t' => {
                reader.at += 1;
                continue;
            }
            '\\' if rest.starts_with("\\\n") => {
                reader.at += 2;
                continue;
            }
            '#' => {
                reader.at += rest.find('\n').unwrap_or(rest.len());
                Kind::Comment
            }
            '<' | '>' => Kind::Redirection(fixed(rest.find(|c| !"<>&|".contains(c)).unwrap_or(rest.len()))),
            '&' if rest.starts_with("&>") => {
                Kind::Redirection(fixed(if rest.starts_with("&>>") { 3 } else { 2 }))
            }
            '&' | '|' | ';' => Kind::Operator(fixed(if rest[1..].starts_with(next) { 2 } else { 1 })),
            '\n' | '(' | ')' => Kind::Operator(fixed(1)),
            _ => match reader.word() {
                Some(pieces) => Kind::Word(pieces),
                None => return Tokens { list, complete: false },
            },
        };
        if let Kind::Operator(mark) | Kind::Redirection(mark) = kind {
            reader.at += mark.len();
        }
        list.push(Token { kind, range: start..reader.at });
    }
    Tokens { list, complete: true }
}

/// The name and the value, when a word sets a variable: `NAME=value`.
pub fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (named && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())).then_some((name, value))
}

struct Reader<'l> {
    line: &'l str,
    at: usize,
}

impl<'l> Reader<'l> {
    /// One word; `None` when it cannot be told where it ends.
    fn word(&mut self) -> Option<Vec<Piece>> {
        let mut word = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>') {
                break;
            }
            self.at += next.len_utf8();
            match next {
                '\'' => {
                    let end = self.rest().find('\'')?;
                    word.extend(self.rest()[..end].chars().map(Piece::Quoted));
                    self.at += end + 1;
                }
                '"' => self.quoted(&mut word)?,
                '\\' => {
                    let escaped = self.take()?;
                    word.extend((escaped != '\n').then_some(Piece::Quoted(escaped)));
                }
                '$' => word.push(self.expansion()?),
                '`' => return None,
                other => word.push(Piece::Plain(other)),
            }
        }
        Some(word)
    }

    fn quoted(&mut self, word: &mut Vec<Piece>) -> Option<()> {
        loop {
            match self.take()? {
                '"' => return Some(()),
                '\\' => match self.take()? {
                    '\n' => {}
                    escaped @ ('"' | '\\' | '$' | '`') => word.push(Piece::Quoted(escaped)),
                    other => word.extend(['\\', other].map(Piece::Quoted)),
                },
                '$' => word.push(self.expansion()?),
                '`' => return None,
                other => word.push(Piece::Quoted(other)),
            }
        }
    }

    /// What follows a `$`.
    fn expansion(&mut self) -> Option<Piece> {
        match self.peek() {
            Some('(') => self.bracket('(', ')').map(|()| Piece::Output),
            Some('{') => self.bracket('{', '}').map(|()| Piece::Variable),
            Some(next) if next.is_ascii_alphanumeric() || "_@*#?$!-".contains(next) => {
                let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let len = self.rest().find(|c: char| !name(c)).unwrap_or(self.rest().len());
                self.at += len.max(1);
                Some(Piece::Variable)
            }
            _ => Some(Piece::Plain('$')),
        }
    }

    /// Goes behind the bracket that closes the next one.
    fn bracket(&mut self, open: char, close: char) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            let next = self.take()?;
            // Quotes within may hide a bracket.
            if matches!(next, '\'' | '"' | '`' | '\\') {
                return None;
            }
            depth += usize::from(next == open);
            depth -= usize::from(next == close);
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'l str {
        &self.line[self.at..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a line: words in brackets, quoted characters as `'`, variables as `$`, outputs as `@`.
    fn told(line: &str) -> String {
        let Tokens { list, complete } = tokens(line);
        let piece = |piece: &Piece| match piece {
            Piece::Plain(c) => *c,
            Piece::Quoted(_) => '\'',
            Piece::Variable => '$',
            Piece::Output => '@',
        };
        let token = |token: &Token<'_>| match &token.kind {
            Kind::Word(pieces) => format!("[{}]", pieces.iter().map(piece).collect::<String>()),
            Kind::Operator(mark) | Kind::Redirection(mark) => (*mark).to_owned(),
            Kind::Comment => "#".to_owned(),
        };
        let shown: String = list.iter().map(token).collect();
        if complete { shown } else { format!("{shown} ...") }
    }

    #[test]
    fn words_keep_what_was_quoted() {
        assert_eq!(told("a 'b*'\"c $d\"\\* e\\\nf *.py ''"), "[a][''''$'][ef][*.py][]");
        assert_eq!(told("x=$(a; b) ${c:-d} $? $"), "[x=@][$][$][$]");
    }

    #[test]
    fn operators_and_redirections_are_told_apart() {
        assert_eq!(told("a && b||c|d;e&f;; (g)\nh"), "[a]&&[b]||[c]|[d];[e]&[f];;([g])\n[h]");
        assert_eq!(told("a >x 2>&1 <y &>z &>>z <<E # a; b"), "[a]>[x][2]>&[1]<[y]&>[z]&>>[z]<<[E]#");
    }

    #[test]
    fn reading_ends_where_a_word_has_no_end() {
        for line in ["a 'b", "a \"b", "a `b`", "a $(b", "a $(b ')')", "a \\", "a \"$(b", "a \"\\"] {
            assert_eq!(told(line), "[a] ...", "{line}");
        }
    }

    #[test]
    fn every_part_of_a_line_is_read_to_its_end_without_harm() {
        let line = "a='\u{e9} b' \"$(c \\\"d) ${e}\" && \\f|& g &>>h\n;; 2>&1 <<(i) `j` #\u{e9} $\\\nk\\";
        let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
        for (index, start) in places.iter().enumerate() {
            for end in &places[index..] {
                let part = &line[*start..*end];
                let mut before = 0;
                for token in tokens(part).list {
                    assert!(before <= token.range.start && token.range.start < token.range.end, "{part}");
                    assert!(part.get(token.range.clone()).is_some(), "{part}");
                    before = token.range.end;
                }
            }
        }
    }

    #[test]
    fn an_assignment_has_a_name_that_a_shell_takes() {
        assert_eq!(assignment("A_1=b=c"), Some(("A_1", "b=c")));
        assert_eq!(assignment("_="), Some(("_", "")));
        for word in ["=b", "1A=b", "A-B=c", "--x=y", "A", "\u{e9}=b"] {
            assert_eq!(assignment(word), None, "{word}");
        }
    }
}
