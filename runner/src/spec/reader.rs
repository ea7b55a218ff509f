//! Typed reading of [`Node`]s that never stops at the first mistake: [`Reader`] collects them all.
//!
//! The decoder asks for what it expects (`text`, `list`, `map`); what does not fit becomes a diagnostic and
//! a `None`, and reading goes on.

use crate::diagnostic::{Diagnostic, Span, did_you_mean, one_of};
use crate::spec::node::{Key, Node, Value};

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// Collects mistakes.
#[derive(Debug)]
pub struct Reader<'t> {
    text: &'t str,
    /// The mistakes so far.
    pub mistakes: Vec<Diagnostic>,
}

impl<'t> Reader<'t> {
    /// A reader of the nodes of a text.
    pub fn new(text: &'t str) -> Self {
        Self { text, mistakes: Vec::new() }
    }

    /// Notes a mistake.
    pub fn mistake(&mut self, mistake: Diagnostic) {
        self.mistakes.push(mistake);
    }

    fn wrong_type<T>(&mut self, node: &Node, what: &str, expected: &str) -> Option<T> {
        let mistake = Diagnostic::new(node.span, format!("{what} must be {expected}, not {}", node.kind()))
            .label(format!("this is {}", node.kind()));
        self.mistake(match expected {
            "a list" => mistake.help("write the items in brackets, `[a, b]`, or each behind a `- `"),
            "a mapping" => mistake.help("write `key: value` lines below it, or `{ key: value }`"),
            "true or false" => mistake.help("write `true` or `false`, without quotes"),
            "a whole number" => mistake.help("write digits only, without quotes"),
            _ => mistake.help("write one line of text"),
        });
        None
    }

    /// A mapping as its entries; duplicate keys are reported, the first one counts.
    pub fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<Vec<(&'n Key, &'n Node)>> {
        let Value::Map(entries) = &node.value else { return self.wrong_type(node, what, "a mapping") };
        let mut seen: Vec<(&Key, &Node)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if seen.iter().any(|(first, _)| first.name == key.name) {
                self.mistake(
                    Diagnostic::new(key.span, format!("the key `{}` stands twice in {what}", key.name))
                        .label("the second one")
                        .help("keep one of them; a second value would silently replace the first"),
                );
            } else {
                seen.push((key, value));
            }
        }
        Some(seen)
    }

    /// A mapping whose keys are known: unknown ones are reported with the nearest known name.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Fields<'n>> {
        let entries = self.map(node, what)?;
        for (key, _) in &entries {
            if !known.contains(&key.name.as_str()) {
                self.mistake(
                    Diagnostic::new(key.span, format!("unknown key `{}` in {what}", key.name))
                        .label("unknown key")
                        .help(did_you_mean(&key.name, known.iter().copied())),
                );
            }
        }
        Some(Fields { entries, span: node.span })
    }

    /// A list's items.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) => Some(items),
            _ => self.wrong_type(node, what, "a list"),
        }
    }

    /// Text. Numbers and booleans are taken as they were written only where `text_like` is used.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<Placed<String>> {
        match &node.value {
            Value::Text(text) => Some(Placed { value: text.clone(), span: node.span }),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
                self.mistake(
                    Diagnostic::new(node.span, format!("{what} must be text, not {}", node.kind()))
                        .label(format!("this is {}", node.kind()))
                        .help("put it in quotes"),
                );
                None
            }
            _ => self.wrong_type(node, what, "text"),
        }
    }

    /// Text, or a number as text: arguments such as `4096` need no quotes.
    pub fn text_like(&mut self, node: &Node, what: &str) -> Option<Placed<String>> {
        let value = match &node.value {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            _ => return self.text(node, what),
        };
        // A program gets `1.0` and `007` as they were written, not as the number they stand for.
        let written = self.text.get(node.span.start..node.span.end).map(str::trim);
        let value = match written {
            Some(written) if written.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
                written.to_owned()
            }
            _ => value,
        };
        Some(Placed { value, span: node.span })
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => self.wrong_type(node, what, "true or false"),
        }
    }

    /// A whole number in a range.
    pub fn integer(&mut self, node: &Node, what: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        match node.value {
            Value::Int(value) if range.contains(&value) => Some(value),
            Value::Int(value) => {
                let (low, high) = (range.start(), range.end());
                let wanted = if low == high { low.to_string() } else { format!("{low} to {high}") };
                let message = format!("{what} must be {wanted}, not {value}");
                self.mistake(Diagnostic::new(node.span, message).help(format!("write {wanted}")));
                None
            }
            _ => self.wrong_type(node, what, "a whole number"),
        }
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let known = words.iter().map(|(word, _)| *word);
        self.mistake(
            Diagnostic::new(
                node.span,
                format!("{what} must be {}, not `{}`", one_of(known.clone()), text.value),
            )
            .help(did_you_mean(&text.value, known)),
        );
        None
    }
}

/// A mapping whose keys were checked.
#[derive(Debug)]
pub struct Fields<'n> {
    entries: Vec<(&'n Key, &'n Node)>,
    /// Where the mapping stands.
    pub span: Span,
}

impl<'n> Fields<'n> {
    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| *node)
    }

    /// The key itself.
    pub fn key(&self, name: &str) -> Option<&'n Key> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| *key)
    }

    /// The value of a key that must be there.
    pub fn required(&self, reader: &mut Reader<'_>, name: &str, what: &str) -> Option<&'n Node> {
        let found = self.get(name);
        if found.is_none() {
            let span = self.entries.first().map_or(self.span, |(key, _)| key.span);
            reader.mistake(
                Diagnostic::new(span, format!("{what} has no `{name}`"))
                    .label(format!("`{name}` belongs beside this"))
                    .help(format!("add `{name}: ...`")),
            );
        }
        found
    }
}
