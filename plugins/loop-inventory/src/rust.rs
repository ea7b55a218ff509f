//! Rust: `for`, `while`, `loop`, and consumed chains of iterators (`chain`).
//!
//! A closure belongs to its function. What stands in a macro call is words for the parser, so a loop there is
//! told and not listed.

use loop_inventory_model::Kind;
use tree_sitter::Node;

use crate::syntax::{Head, Scope, Syntax, one_line, source};
use crate::{chain, hint};

pub(crate) struct Rust;

impl Syntax for Rust {
    fn head(&self, node: Node<'_>, text: &str) -> Option<Head> {
        let (loop_type, hint) = match node.kind() {
            "for_expression" => ("for", chain::hint(node.child_by_field_name("value")?, text)),
            "while_expression" => ("while", hint::WHILE),
            "loop_expression" => ("loop", hint::ENDLESS),
            "call_expression" => return chain::head(node, text),
            _ => return None,
        };
        let body = node.child_by_field_name("body")?;
        // What a `for` iterates over is computed once; a condition is asked each time.
        let repeated = if loop_type == "for" { body.byte_range() } else { node.byte_range() };
        let header = one_line(node, body.start_byte(), text);
        Some(Head { loop_type, kind: Kind::Loop, header, hint, repeated, end: node.end_position() })
    }

    fn scope(&self, node: Node<'_>, text: &str) -> Option<Scope> {
        let name = match node.kind() {
            "function_item" | "mod_item" | "trait_item" => node.child_by_field_name("name")?,
            "impl_item" => {
                let implementer = node.child_by_field_name("type")?;
                // `impl<T> Stack<T>` is `Stack`.
                match implementer.kind() {
                    "generic_type" => implementer.child_by_field_name("type")?,
                    _ => implementer,
                }
            }
            _ => return None,
        };
        let is_function = node.kind() == "function_item";
        Some(Scope { name: one_line(name, name.end_byte(), text), is_function })
    }

    fn unseen<'t>(&self, node: Node<'t>, text: &str) -> Option<(Node<'t>, String)> {
        let field = match node.kind() {
            "macro_invocation" => "macro",
            "macro_definition" => "name",
            _ => return None,
        };
        let name = source(node.child_by_field_name(field)?, text);
        let place = loop_word(node, text)?;
        let what = if field == "macro" { "call of" } else { "definition of" };
        Some((
            place,
            format!("a loop in the {what} the macro `{name}!` is not listed: the parser sees words only"),
        ))
    }

    fn qualify(&self, _outer: &Scope, inner: &str) -> String {
        format!("::{inner}")
    }
}

/// The first word in a macro's tokens that begins a loop: `while`, `loop {`, or a `for` before an `in`.
fn loop_word<'t>(node: Node<'t>, text: &str) -> Option<Node<'t>> {
    let mut open: Option<Node<'t>> = None;
    let mut cursor = node.walk();
    loop {
        let here = cursor.node();
        if here.child_count() == 0 {
            match source(here, text) {
                "while" => return Some(here),
                "loop" => {
                    let next = here.next_sibling();
                    if next.is_some_and(|next| source(next, text).starts_with('{')) {
                        return Some(here);
                    }
                }
                "for" => open = Some(here),
                "in" if open.is_some() => return open,
                // `impl Trait for Type` and `for<'a>` end here.
                "{" | ";" | "}" => open = None,
                _ => {}
            }
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() || cursor.node() == node {
                return None;
            }
        }
    }
}
