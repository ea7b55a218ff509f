//! Python: `for`, `async for`, `while`, and comprehensions, with headers as `ast.unparse` of Python writes them.
//!
//! A function has the name that Python itself gives it (`__qualname__`), so that a profile says the same.

use loop_inventory_model::Kind;
use tree_sitter::Node;

use crate::syntax::{Head, Scope, Syntax, Test, parts, source};
use crate::{hint, unparse};

pub(crate) struct Python;

impl Syntax for Python {
    fn head(&self, node: Node<'_>, text: &str) -> Option<Head> {
        match node.kind() {
            "for_statement" => {
                let (target, iterable) =
                    (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
                let body = node.child_by_field_name("body")?;
                let iterable = unparse::expression(iterable, text);
                let is_async = node.child(0)?.kind() == "async";
                let word = if is_async { "async for" } else { "for" };
                Some(Head {
                    loop_type: if is_async { "async_for" } else { "for" },
                    kind: Kind::Loop,
                    header: format!("{word} {} in {iterable}", unparse::expression(target, text)),
                    hint: hint::python(&iterable),
                    repeated: body.byte_range(),
                    end: body.end_position(),
                })
            }
            "while_statement" => {
                let (condition, body) =
                    (node.child_by_field_name("condition")?, node.child_by_field_name("body")?);
                Some(Head {
                    loop_type: "while",
                    kind: Kind::Loop,
                    header: format!("while {}", unparse::expression(condition, text)),
                    hint: hint::WHILE,
                    repeated: node.start_byte()..body.end_byte(),
                    end: body.end_position(),
                })
            }
            kind => {
                let loop_type = match kind {
                    "list_comprehension" => "list_comprehension",
                    "set_comprehension" => "set_comprehension",
                    "dictionary_comprehension" => "dict_comprehension",
                    "generator_expression" => "generator_expression",
                    _ => return None,
                };
                let first = parts(node).into_iter().find(|part| part.kind() == "for_in_clause")?;
                let iterable = unparse::expression(first.child_by_field_name("right")?, text);
                Some(Head {
                    loop_type,
                    kind: Kind::Comprehension,
                    header: unparse::clauses(node, text),
                    hint: hint::python(&iterable),
                    repeated: node.byte_range(),
                    end: node.end_position(),
                })
            }
        }
    }

    fn scope(&self, node: Node<'_>, text: &str) -> Option<Scope> {
        let is_function = match node.kind() {
            "function_definition" => true,
            "class_definition" => false,
            _ => return None,
        };
        Some(Scope { name: source(node.child_by_field_name("name")?, text).to_owned(), is_function })
    }

    fn unseen<'t>(&self, _node: Node<'t>, _text: &str) -> Option<(Node<'t>, String)> {
        None
    }

    /// As pytest finds them.
    fn test(&self, node: Node<'_>, text: &str) -> Test {
        let name = (node.kind() == "function_definition").then(|| node.child_by_field_name("name")).flatten();
        match name {
            Some(name) if source(name, text).starts_with("test_") => Test::Itself,
            _ => Test::Silent,
        }
    }

    fn is_test_file(&self, name: &str) -> bool {
        let stem = name.strip_suffix(".py").unwrap_or(name);
        stem == "conftest" || stem.starts_with("test_") || stem.ends_with("_test")
    }

    fn qualify(&self, outer: &Scope, inner: &str) -> String {
        if outer.is_function { format!(".<locals>.{inner}") } else { format!(".{inner}") }
    }
}
