//! [`TemplateTree`]: a value of the workflow (such as `with:`) in which any text may be a template.

use serde_json::Value as Json;

use crate::diagnostic::Span;
use crate::spec::expression::{ExpressionError, Template};
use crate::spec::node::{Key, Node, Value};

/// A JSON-like value whose texts are templates, and where each part stands.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateTree {
    value: TreeValue,
    span: Span,
}

#[derive(Clone, Debug, PartialEq)]
enum TreeValue {
    Literal(Json),
    Template(Template),
    List(Vec<TemplateTree>),
    Map(Vec<(Key, TemplateTree)>),
}

impl TemplateTree {
    /// An empty mapping, for a `with:` that is not there.
    pub fn empty(span: Span) -> Self {
        Self { value: TreeValue::Map(Vec::new()), span }
    }

    /// Builds the tree; `compile` turns a text and its place into a template and reports what is wrong.
    pub fn build(node: &Node, compile: &mut dyn FnMut(&str, Span) -> Option<Template>) -> Option<Self> {
        let value = match &node.value {
            Value::Text(text) => TreeValue::Template(compile(text, node.span)?),
            Value::List(items) => {
                TreeValue::List(items.iter().map(|item| Self::build(item, compile)).collect::<Option<_>>()?)
            }
            Value::Map(entries) => {
                let entries =
                    entries.iter().map(|(key, item)| Some((key.clone(), Self::build(item, compile)?)));
                TreeValue::Map(entries.collect::<Option<_>>()?)
            }
            _ => TreeValue::Literal(node.to_json()),
        };
        Some(Self { value, span: node.span })
    }

    /// The value in a scope; an error says where it stands.
    pub fn resolve(&self, scope: &Json) -> Result<Json, (ExpressionError, Span)> {
        match &self.value {
            TreeValue::Literal(value) => Ok(value.clone()),
            TreeValue::Template(template) => template.value(scope).map_err(|error| (error, template.span)),
            TreeValue::List(items) => items.iter().map(|item| item.resolve(scope)).collect(),
            TreeValue::Map(entries) => entries
                .iter()
                .map(|(key, item)| item.resolve(scope).map(|value| (key.name.clone(), value)))
                .collect::<Result<_, _>>()
                .map(Json::Object),
        }
    }

    /// The templates in it.
    pub fn templates(&self) -> Vec<&Template> {
        match &self.value {
            TreeValue::Literal(_) => Vec::new(),
            TreeValue::Template(template) => vec![template],
            TreeValue::List(items) => items.iter().flat_map(Self::templates).collect(),
            TreeValue::Map(entries) => entries.iter().flat_map(|(_, item)| item.templates()).collect(),
        }
    }

    /// The part at a path of keys and indices, or the deepest part that exists on the way to it.
    pub fn part<'a>(&self, mut path: impl Iterator<Item = &'a str>) -> &Self {
        let Some(segment) = path.next() else { return self };
        let next = match &self.value {
            TreeValue::Map(entries) => {
                entries.iter().find(|(key, _)| key.name == segment).map(|(_, item)| item)
            }
            TreeValue::List(items) => segment.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        next.map_or(self, |next| next.part(path))
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where the key of an entry stands.
    pub fn key_span(&self, name: &str) -> Option<Span> {
        let TreeValue::Map(entries) = &self.value else { return None };
        entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.span)
    }
}
