//! [`table`]: the inventory as Markdown for people, in ASCII.
//!
//! Counts on top, then one table for each module. Its columns `Class` and `Loop` are those that a file of classes
//! may have, so that a copy of this file, with classes filled in, is one.

use std::collections::BTreeMap;
use std::fmt::Write;

use loop_inventory_model::{Class, Inventory, Loop};

/// A longer header is cut; `...` stands for the rest.
const HEADER_CHARS: usize = 72;

/// Writes into a `String`, which cannot fail.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {{ let _ = writeln!($out, $($text)*); }};
}

/// The Markdown text.
pub(crate) fn table(inventory: &Inventory) -> String {
    let mut out = String::from("# Loops\n\n");
    let counts = inventory.counts.unwrap_or_default();
    line!(out, "- Scanned: {}", ascii(&inventory.package_path));
    line!(
        out,
        "- Loops: {} ({} statements, {} iterator chains); besides, {} comprehensions",
        inventory.total_loops,
        counts.r#loop,
        counts.iterator_chain,
        counts.comprehension
    );
    if counts.tests > 0 {
        line!(out, "- Tests: {} of the loops run in tests only; they need no class", counts.tests);
    }
    line!(out, "- Hot: {}", inventory.hot_loops_count);
    line!(out, "- Classes: {}", list(&by_class(inventory)));
    line!(out, "- Languages: {}", list(&by_language(inventory)));
    section(&mut out, "Contradictions", inventory.contradictions.iter().map(ToString::to_string));
    section(&mut out, "Not understood", inventory.problems.iter().map(ToString::to_string));
    let mut module = "";
    for one in &inventory.all_loops {
        if one.module != module {
            module = &one.module;
            line!(out, "\n## {}\n", ascii(module));
            line!(out, "| Line | Function | Depth | Type | Header | Hint | Class | Loop |");
            line!(out, "|---|---|---|---|---|---|---|---|");
        }
        out.push_str(&row(one));
    }
    out
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (at, text) in lines.enumerate() {
        if at == 0 {
            line!(out, "\n## {title}\n");
        }
        line!(out, "- {}", ascii(&text));
    }
}

fn row(one: &Loop) -> String {
    let lines = match one.last_line() {
        last if last == one.line => one.line.to_string(),
        last => format!("{}-{last}", one.line),
    };
    let mut header: String = one.loop_header.chars().take(HEADER_CHARS).collect();
    if header.len() < one.loop_header.len() {
        header.push_str("...");
    }
    // A header that holds backticks is quoted with two.
    let quote = if header.contains('`') { "``" } else { "`" };
    let mut function = one.function.as_deref().map_or_else(|| "-".to_owned(), cell);
    if one.test {
        function.push_str(" (test)");
    }
    let depth = one.depth.map_or_else(|| "-".to_owned(), |depth| depth.to_string());
    let (kind, hint) = (cell(&one.loop_type), cell(&one.iteration_hint));
    let class = one.class.map_or("", Class::name);
    let header = cell(&header);
    let id = cell(&one.id);
    format!(
        "| {lines} | {function} | {depth} | {kind} | {quote}{header}{quote} | {hint} | {class} | `{id}` |\n"
    )
}

/// How many counted loops have each class; `none` for those without one, `test` for those of tests among them.
pub(crate) fn by_class(inventory: &Inventory) -> BTreeMap<&str, u64> {
    count(inventory, |one| one.class.map_or(if one.test { "test" } else { "none" }, Class::name))
}

/// How many counted loops each language has.
pub(crate) fn by_language(inventory: &Inventory) -> BTreeMap<&str, u64> {
    count(inventory, |one| one.language.as_deref().unwrap_or("unknown"))
}

fn count<'i>(inventory: &'i Inventory, name: impl Fn(&'i Loop) -> &'i str) -> BTreeMap<&'i str, u64> {
    let mut counts = BTreeMap::new();
    for one in inventory.all_loops.iter().filter(|one| one.kind.is_counted()) {
        *counts.entry(name(one)).or_default() += 1;
    }
    counts
}

fn list(counts: &BTreeMap<&str, u64>) -> String {
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// A text in a cell: its bars are escaped.
fn cell(text: &str) -> String {
    ascii(text).replace('|', "\\|")
}

/// Other characters as `\u{e9}`.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_control() { out.push(c) } else { out.extend(c.escape_default()) }
    }
    out
}
