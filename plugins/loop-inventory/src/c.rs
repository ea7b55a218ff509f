//! C and C++: `for`, `while`, `do`, and the range-based `for`. `goto` is no loop.
//!
//! One implementation for both grammars, which call the same things the same. A loop in a macro's definition
//! has no place of its own; it is told.

use loop_inventory_model::Kind;
use tree_sitter::Node;

use crate::hint;
use crate::syntax::{Head, Scope, Syntax, Test, one_line, source};

pub(crate) struct C;

impl Syntax for C {
    fn head(&self, node: Node<'_>, text: &str) -> Option<Head> {
        let (loop_type, hint) = match node.kind() {
            "for_statement" => ("for", counted(node, text)),
            "for_range_loop" => ("range_for", hint::UNKNOWN),
            "while_statement" => ("while", while_hint(node, text)),
            "do_statement" => ("do", while_hint(node, text)),
            _ => return None,
        };
        let header = if loop_type == "do" {
            let condition = node.child_by_field_name("condition")?;
            format!("do while {}", one_line(condition, condition.end_byte(), text))
        } else {
            one_line(node, node.child_by_field_name("body")?.start_byte(), text)
        };
        let (repeated, end) = (node.byte_range(), node.end_position());
        Some(Head { loop_type, kind: Kind::Loop, header, hint, repeated, end })
    }

    fn scope(&self, node: Node<'_>, text: &str) -> Option<Scope> {
        let is_function = match node.kind() {
            "function_definition" => true,
            "class_specifier" | "struct_specifier" | "union_specifier" | "namespace_definition" => false,
            _ => return None,
        };
        let name = if is_function {
            declared(node.child_by_field_name("declarator")?)
        } else {
            // A type without a body is only mentioned.
            node.child_by_field_name("body")?;
            node.child_by_field_name("name")?
        };
        Some(Scope { name: one_line(name, name.end_byte(), text), is_function })
    }

    fn unseen<'t>(&self, node: Node<'t>, text: &str) -> Option<(Node<'t>, String)> {
        if !matches!(node.kind(), "preproc_function_def" | "preproc_def") {
            return None;
        }
        let (name, value) = (node.child_by_field_name("name")?, node.child_by_field_name("value")?);
        has_loop(source(value, text)).then(|| {
            (
                node,
                format!(
                    "the macro `{}` holds a loop: it is not listed where the macro is used",
                    source(name, text)
                ),
            )
        })
    }

    fn test(&self, _node: Node<'_>, _text: &str) -> Test {
        Test::Silent
    }

    fn is_test_file(&self, _name: &str) -> bool {
        false
    }

    fn qualify(&self, _outer: &Scope, inner: &str) -> String {
        format!("::{inner}")
    }
}

/// The name in a declarator: pointers, references and parameters around it are passed over.
fn declared(declarator: Node<'_>) -> Node<'_> {
    let mut at = declarator;
    loop {
        let inner = at.child_by_field_name("declarator").or_else(|| {
            let is_wrapper = matches!(at.kind(), "reference_declarator" | "parenthesized_declarator");
            at.named_child(0).filter(|_| is_wrapper)
        });
        match inner {
            Some(inner) => at = inner,
            None => return at,
        }
    }
}

fn counted(node: Node<'_>, text: &str) -> &'static str {
    let part = |name| node.child_by_field_name(name).map(|part| source(part, text));
    match (part("condition"), part("update")) {
        (None, _) => hint::ENDLESS,
        (Some(_), Some(update)) if update.contains("->") => hint::POINTERS,
        (Some(_), Some(_)) => hint::RANGE,
        (Some(_), None) => hint::WHILE,
    }
}

fn while_hint(node: Node<'_>, text: &str) -> &'static str {
    let condition = node.child_by_field_name("condition").map(|part| source(part, text)).unwrap_or_default();
    match condition.trim_matches(['(', ')', ' ']) {
        "0" | "false" => hint::ONCE,
        "1" | "true" => hint::ENDLESS,
        _ => hint::WHILE,
    }
}

/// Whether the text of a macro holds a loop; `do { } while (0)` is only its wrapping.
fn has_loop(value: &str) -> bool {
    let mut words = value.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let mut has = false;
    while let Some(word) = words.next() {
        has |= word == "for" || word == "while" && !matches!(words.clone().next(), Some("0" | "false"));
    }
    has
}
