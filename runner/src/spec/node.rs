//! YAML text to a tree in which every value knows where it stands: [`Node`].
//!
//! This is the only module that talks to the YAML library. It limits what a text may cost (size, nesting,
//! aliases), keeps duplicate keys apart so that the decoder can report them with the other mistakes, and
//! never interprets anything.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Spanned};

use crate::diagnostic::{Diagnostic, Source, Span};

/// A workflow is written by people: what is larger than this is not one.
pub const MAX_BYTES: usize = 1 << 20;

/// A YAML value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the text, duplicate keys included.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// What the value is, in a user's words.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.name.clone(), value.to_json())).collect()
            }
        }
    }

    /// The node below this one at a JSON pointer's segments, or the deepest one that exists on the way.
    pub fn at<'a>(&self, path: impl Iterator<Item = &'a str>) -> &Self {
        let mut node = self;
        for segment in path {
            let next = match &node.value {
                Value::Map(entries) => {
                    entries.iter().find(|(key, _)| key.name == segment).map(|(_, value)| value)
                }
                Value::List(items) => segment.parse().ok().and_then(|index: usize| items.get(index)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

/// Reads one YAML document.
pub fn parse(source: &Source) -> Result<Node, Diagnostic> {
    let text = source.text.as_str();
    if text.len() > MAX_BYTES {
        return Err(too_large());
    }
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_events: 200_000,
            max_nodes: 100_000,
            max_depth: 64,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_documents: 1,
            max_total_scalar_bytes: MAX_BYTES,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 10_000 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_yaml::from_str_with_options::<Spanned<Tree>>(text, options) {
        Ok(tree) => Ok(tree.value.into_node(tree.referenced, source)),
        // Tabs are legal in some places (a block scalar's text), so only a text that is wrong is searched.
        Err(error) => Err(tab_indentation(text).unwrap_or_else(|| syntax_error(&error, source))),
    }
}

/// What is said of a file larger than [`MAX_BYTES`].
pub fn too_large() -> Diagnostic {
    Diagnostic::unplaced("the file is larger than 1 MiB, so it is no workflow")
        .help("data belongs in a file of its own that a step reads")
}

fn tab_indentation(text: &str) -> Option<Diagnostic> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let blank = line.trim().is_empty();
        if let Some(tab) = line[..indent].find('\t').filter(|_| !blank) {
            let span = Span { start: start + tab, end: start + tab + 1 };
            return Some(
                Diagnostic::new(span, "a tab in the indentation")
                    .label("tab")
                    .help("YAML indents with spaces: replace each tab by two spaces"),
            );
        }
        start += line.len();
    }
    None
}

fn syntax_error(error: &serde_yaml::Error, source: &Source) -> Diagnostic {
    let error = error.without_snippet();
    let location = error.location().filter(|location| *location != Location::UNKNOWN);
    let (message, help) = wording(error);
    let mistake = match location {
        Some(location) => Diagnostic::new(span_of(location, source), message),
        None => Diagnostic::unplaced(message),
    };
    mistake.help(help)
}

/// The library's errors in a user's words. Its limits are ours, so their names mean nothing to a user.
fn wording(error: &serde_yaml::Error) -> (String, &'static str) {
    use serde_yaml::Error;
    use serde_yaml::budget::BudgetBreach;

    let too_much = "a workflow is a small file: move data into a file of its own that a step reads";
    let (message, help) = match error {
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } | Error::MultipleDocuments { .. } => (
            "a second document begins here",
            "a file holds one workflow: remove the `---`, or make two files",
        ),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            ("nested too deeply", "a workflow needs no more than a handful of levels")
        }
        Error::Budget {
            breach: BudgetBreach::AliasAnchorRatio { .. } | BudgetBreach::Aliases { .. },
            ..
        }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            ("the aliases expand to too much", "write the values out, or use `vars:`")
        }
        Error::AliasError { error, .. } => return wording(error),
        Error::Budget { .. } => ("this is too much for a workflow", too_much),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            ("merge keys (`<<`) are not supported", "write the keys out, or use `vars:`")
        }
        Error::UnknownAnchor { .. } => (
            "this alias names an anchor that does not exist",
            "define it above with `&name`, or quote the text",
        ),
        Error::Unexpected { .. } => ("a key must be plain text", "write a word, such as `size:`"),
        _ => {
            let message = error.to_string();
            // The place is drawn by the diagnostic; the library's own mention of it would say it twice.
            let message = message.split(" at line ").next().unwrap_or(&message).trim_end_matches(':');
            // The parser's own limits come as plain text.
            if message.contains("recursion limit") {
                return ("nested too deeply".to_owned(), "a workflow needs no more than a handful of levels");
            }
            if message.contains("alias replay limit") {
                return ("the aliases expand to too much".to_owned(), "write the values out, or use `vars:`");
            }
            return (
                format!("not valid YAML: {message}"),
                "look at the indentation, the brackets and the quotes here and on the lines above",
            );
        }
    };
    (message.to_owned(), help)
}

fn span_of(location: Location, source: &Source) -> Span {
    let span = location.span();
    let start = match span.byte_offset() {
        Some(start) => start as usize,
        None => source.byte_at(location.line() as usize, location.column() as usize),
    };
    let len = span.byte_len().unwrap_or(0) as usize;
    Span { start, end: (start + len).min(source.text.len()) }
}

/// The library's view of a value: places are still [`Location`]s.
enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl Tree {
    fn into_node(self, location: Location, source: &Source) -> Node {
        let value = match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Text(value) => Value::Text(value),
            Self::List(items) => Value::List(
                items.into_iter().map(|item| item.value.into_node(item.referenced, source)).collect(),
            ),
            Self::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, item)| {
                        let span = span_of(key.referenced, source);
                        (Key { name: key.value, span }, item.value.into_node(item.referenced, source))
                    })
                    .collect(),
            ),
        };
        Node { value, span: span_of(location, source) }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(i64::try_from(value).map_or(Tree::Float(value as f64), Tree::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}
