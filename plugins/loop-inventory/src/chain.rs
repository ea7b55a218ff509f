//! [`head`]: a Rust chain of iterator adapters that ends in a method which consumes it, as one loop.
//!
//! The parser knows no types, so a chain is recognised by the names of its methods. Names that only iterators
//! have are enough by themselves; others (`find`, `max`, `last`) need a source or an adapter before them.

use std::fmt::Write;

use loop_inventory_model::Kind;
use tree_sitter::Node;

use crate::hint;
use crate::syntax::{Head, one_line, parts, source};

/// Consume an iterator wherever they stand.
const CONSUMERS: [&str; 14] = [
    "for_each",
    "try_for_each",
    "for_each_with",
    "for_each_init",
    "collect",
    "collect_into_vec",
    "fold",
    "try_fold",
    "try_reduce",
    "reduce_with",
    "partition",
    "unzip",
    "find_map",
    "rposition",
];

/// Consume an iterator, but other types have methods of these names: with how many arguments.
const CONSUMERS_BEHIND_A_SOURCE: [(&str, usize); 17] = [
    ("sum", 0),
    ("product", 0),
    ("count", 0),
    ("min", 0),
    ("max", 0),
    ("last", 0),
    ("min_by", 1),
    ("max_by", 1),
    ("min_by_key", 1),
    ("max_by_key", 1),
    ("any", 1),
    ("all", 1),
    ("find", 1),
    ("find_any", 1),
    ("find_first", 1),
    ("position", 1),
    // rayon's takes two.
    ("reduce", 1),
];

/// Make an iterator, or change one.
const SOURCES_AND_ADAPTERS: [&str; 62] = [
    "iter",
    "iter_mut",
    "into_iter",
    "chars",
    "char_indices",
    "bytes",
    "lines",
    "split",
    "rsplit",
    "splitn",
    "split_whitespace",
    "split_terminator",
    "split_ascii_whitespace",
    "matches",
    "match_indices",
    "windows",
    "chunks",
    "chunks_mut",
    "chunks_exact",
    "chunks_exact_mut",
    "rchunks",
    "array_chunks",
    "keys",
    "values",
    "values_mut",
    "into_keys",
    "into_values",
    "drain",
    "components",
    "ancestors",
    "outer_iter",
    "axis_iter",
    "axis_iter_mut",
    "indexed_iter",
    "rows",
    "lanes",
    "map",
    "filter",
    "filter_map",
    "flat_map",
    "flatten",
    "zip",
    "enumerate",
    "rev",
    "skip",
    "skip_while",
    "take",
    "take_while",
    "map_while",
    "step_by",
    "chain",
    "scan",
    "inspect",
    "peekable",
    "cloned",
    "copied",
    "cycle",
    "fuse",
    "dedup",
    "into_par_iter",
    "par_bridge",
    "with_min_len",
];

/// So many calls of one chain are looked at, from its end on: a call ends a chain, and begins the next.
const LINKS: usize = 64;
/// A text of an argument that is longer is left out of the header.
const SHORT: usize = 24;

/// A method call: its name, its node, its receiver and its arguments.
struct Link<'t, 's> {
    name: &'s str,
    receiver: Node<'t>,
    arguments: Node<'t>,
}

/// The hint for what a `for` iterates over.
pub(crate) fn hint(value: Node<'_>, text: &str) -> &'static str {
    let links = links(value, text);
    let names: Vec<&str> = links.iter().map(|link| link.name).collect();
    hint::rust(&names, is_range(root(&links, value)))
}

/// The chain that a call ends, if it ends one.
pub(crate) fn head(node: Node<'_>, text: &str) -> Option<Head> {
    let last = link(node, text)?;
    let named = CONSUMERS_BEHIND_A_SOURCE.iter().find(|(name, _)| *name == last.name);
    let always = CONSUMERS.contains(&last.name);
    // Most calls end no chain. Only behind this is the chain walked: it is as long as its author likes.
    if !always && last.name != "extend" && named.is_none() {
        return None;
    }
    let count = parts(last.arguments).len();
    let links = links(last.receiver, text);
    let is_chain = |links: &[Link<'_, '_>], root: Node<'_>| {
        is_range(root) || links.iter().any(|link| is_source(link.name))
    };
    let consumes = if last.name == "extend" {
        // Here the argument is iterated over.
        let argument = parts(last.arguments).into_iter().next()?;
        let inner = self::links(argument, text);
        is_chain(&inner, root(&inner, argument))
    } else if always {
        true
    } else {
        let fits = named.is_some_and(|(name, takes)| count == *takes || *name == "reduce" && count == 2);
        fits && is_chain(&links, root(&links, last.receiver))
    };
    if !consumes {
        return None;
    }
    let first = root(&links, last.receiver);
    // What stands before a chain that is cut may be as long as the file.
    let mut header =
        if links.len() < LINKS { one_line(first, first.end_byte(), text) } else { "..".to_owned() };
    for link in links.iter().rev().chain([&last]) {
        // Writing into a `String` cannot fail.
        let _ = write!(header, ".{}({})", link.name, arguments(link.arguments, text));
    }
    let is_parallel = links.iter().any(|link| link.name.starts_with("par_") || link.name == "into_par_iter");
    Some(Head {
        loop_type: if is_parallel { "parallel_iterator" } else { "iterator" },
        kind: Kind::IteratorChain,
        hint: hint::rust(&links.iter().map(|link| link.name).collect::<Vec<_>>(), is_range(first)),
        header,
        // The receiver begins where the chain begins and is evaluated once; closures come behind.
        repeated: node.start_byte() + 1..node.end_byte(),
        end: node.end_position(),
    })
}

/// Where a chain begins.
fn root<'t>(links: &[Link<'t, '_>], otherwise: Node<'t>) -> Node<'t> {
    links.last().map_or(otherwise, |link| link.receiver)
}

fn is_source(name: &str) -> bool {
    SOURCES_AND_ADAPTERS.contains(&name) || name.starts_with("par_")
}

fn is_range(mut node: Node<'_>) -> bool {
    while node.kind() == "parenthesized_expression" {
        let Some(inner) = node.named_child(0) else { return false };
        node = inner;
    }
    node.kind() == "range_expression"
}

/// The method call that a node is.
fn link<'t, 's>(node: Node<'t>, text: &'s str) -> Option<Link<'t, 's>> {
    if node.kind() != "call_expression" {
        return None;
    }
    let mut function = node.child_by_field_name("function")?;
    if function.kind() == "generic_function" {
        function = function.child_by_field_name("function")?;
    }
    if function.kind() != "field_expression" {
        return None;
    }
    Some(Link {
        name: source(function.child_by_field_name("field")?, text),
        receiver: function.child_by_field_name("value")?,
        arguments: node.child_by_field_name("arguments")?,
    })
}

/// The method calls of a receiver, from the last to the first; no more than [`LINKS`].
fn links<'t, 's>(receiver: Node<'t>, text: &'s str) -> Vec<Link<'t, 's>> {
    let mut links = Vec::new();
    let mut at = receiver;
    loop {
        while matches!(at.kind(), "try_expression" | "await_expression") {
            let Some(inner) = at.named_child(0) else { return links };
            at = inner;
        }
        let Some(link) = link(at, text) else { return links };
        at = link.receiver;
        links.push(link);
        if links.len() == LINKS {
            return links;
        }
    }
}

/// The arguments as a header shows them: closures by their parameters, long ones as `..`.
fn arguments(node: Node<'_>, text: &str) -> String {
    let shown = parts(node).into_iter().map(|argument| {
        if argument.kind() == "closure_expression" {
            let parameters = argument.child_by_field_name("parameters");
            let parameters = parameters.map(|node| one_line(node, node.end_byte(), text)).unwrap_or_default();
            return format!("{parameters} ..");
        }
        let whole = one_line(argument, argument.end_byte(), text);
        if whole.chars().count() > SHORT { "..".to_owned() } else { whole }
    });
    shown.collect::<Vec<_>>().join(", ")
}
