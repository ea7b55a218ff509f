//! [`Syntax`]: what the walk asks a language, and how source text becomes one line.
//!
//! One implementation a language. A node is looked at by itself and with its children; where it stands is the
//! walk's business.

use std::ops::Range;

use loop_inventory_model::Kind;
use tree_sitter::Node;

/// A loop as its own node shows it.
pub(crate) struct Head {
    pub(crate) loop_type: &'static str,
    pub(crate) kind: Kind,
    pub(crate) header: String,
    pub(crate) hint: &'static str,
    /// The bytes that run once for each iteration.
    pub(crate) repeated: Range<usize>,
    /// Where the loop ends: an `else` of a Python loop is not part of it.
    pub(crate) end: tree_sitter::Point,
}

/// A name around loops.
pub(crate) struct Scope {
    pub(crate) name: String,
    pub(crate) is_function: bool,
}

/// What a node says of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Nothing.
    Silent,
    /// Nothing, and it stands between a mark and what the mark is for: a comment, another attribute.
    Between,
    /// The item that follows is one.
    Next,
    /// It is one itself.
    Itself,
    /// All that stands beside it is one.
    Around,
}

/// What a language knows of its nodes.
pub(crate) trait Syntax {
    /// The loop that this node is.
    fn head(&self, node: Node<'_>, text: &str) -> Option<Head>;
    /// The name that this node gives to what is inside.
    fn scope(&self, node: Node<'_>, text: &str) -> Option<Scope>;
    /// A loop that nobody can see, because it stands in a macro: where, and words for it.
    fn unseen<'t>(&self, node: Node<'t>, text: &str) -> Option<(Node<'t>, String)>;
    /// Whether this node marks code that runs in tests only.
    fn test(&self, node: Node<'_>, text: &str) -> Test;
    /// Whether a file of this name holds tests only.
    fn is_test_file(&self, name: &str) -> bool;
    /// Puts a name inside another.
    fn qualify(&self, outer: &Scope, inner: &str) -> String;
}

/// The source of a node.
pub(crate) fn source<'s>(node: Node<'_>, text: &'s str) -> &'s str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// The source from the beginning of a node to `end`, in one line and without comments.
pub(crate) fn one_line(node: Node<'_>, end: usize, text: &str) -> String {
    let mut kept = String::new();
    let mut at = node.start_byte();
    let mut comments = Vec::new();
    find_comments(node, end, &mut comments);
    for comment in comments {
        kept.push_str(text.get(at..comment.start).unwrap_or_default());
        kept.push(' ');
        at = comment.end;
    }
    kept.push_str(text.get(at..end.max(at)).unwrap_or_default());
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn find_comments(node: Node<'_>, end: usize, found: &mut Vec<Range<usize>>) {
    let mut cursor = node.walk();
    let mut deeper = true;
    loop {
        let here = cursor.node();
        if here.kind().ends_with("comment") && here.start_byte() < end {
            found.push(here.byte_range());
        }
        deeper = deeper && here.start_byte() < end && cursor.goto_first_child();
        if !deeper {
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() || cursor.node() == node {
                    return;
                }
            }
            if cursor.node().start_byte() >= end {
                return;
            }
        }
        deeper = true;
    }
}

/// The children that mean something: no comments, no continued lines.
pub(crate) fn parts<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let is_part =
        |child: &Node<'t>| !child.kind().ends_with("comment") && child.kind() != "line_continuation";
    node.named_children(&mut node.walk()).filter(is_part).collect()
}
