//! Rust: `for`, `while`, `loop`, and consumed chains of iterators (`chain`).
//!
//! A closure belongs to its function. What stands in a macro call is words for the parser, so a loop there is
//! told and not listed.

use loop_inventory_model::Kind;
use tree_sitter::Node;

use crate::syntax::{Head, Scope, Syntax, Test, one_line, source};
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

    fn test(&self, node: Node<'_>, text: &str) -> Test {
        match node.kind() {
            "attribute_item" if is_for_tests(&one_line(node, node.end_byte(), text)) => Test::Next,
            "inner_attribute_item" if is_for_tests(&one_line(node, node.end_byte(), text)) => Test::Around,
            "attribute_item" | "inner_attribute_item" | "line_comment" | "block_comment" => Test::Between,
            _ => Test::Silent,
        }
    }

    fn is_test_file(&self, _name: &str) -> bool {
        false
    }

    fn qualify(&self, _outer: &Scope, inner: &str) -> String {
        format!("::{inner}")
    }
}

/// Whether an attribute is `#[test]`, one of that name in a crate (`#[tokio::test]`), or a `#[cfg(..)]` that holds in
/// tests only.
fn is_for_tests(attribute: &str) -> bool {
    let bare: String = attribute.chars().filter(|c| !c.is_whitespace()).collect();
    let bare = bare.trim_start_matches(['#', '!', '[']).trim_end_matches(']');
    let (name, arguments) = bare.split_once('(').unwrap_or((bare, ""));
    if name == "cfg" {
        let condition = arguments.strip_suffix(')').unwrap_or(arguments);
        let all = condition.strip_prefix("all(").and_then(|all| all.strip_suffix(')'));
        return condition == "test" || all.is_some_and(|all| members(all).any(|member| member == "test"));
    }
    name == "test" || name.ends_with("::test")
}

/// The members of a list, those of lists inside of it left out.
fn members(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    list.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
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

#[cfg(test)]
mod tests {
    use super::is_for_tests;

    #[test]
    fn attributes_of_tests_are_told_from_others() {
        for attribute in [
            "#[test]",
            "#[cfg(test)]",
            "#![cfg( test )]",
            "#[tokio::test(flavor = \"current_thread\")]",
            "#[cfg(all(unix, test))]",
            "#[cfg(all(any(a, b), test))]",
        ] {
            assert!(is_for_tests(attribute), "{attribute}");
        }
        for attribute in [
            "#[cfg(not(test))]",
            "#[cfg(any(test, feature = \"x\"))]",
            "#[cfg(all(unix, not(test)))]",
            "#[cfg(all(unix, any(test, x)))]",
            "#[cfg_attr(test, inline)]",
            "#[derive(Debug)]",
            "#[inline]",
        ] {
            assert!(!is_for_tests(attribute), "{attribute}");
        }
    }
}
