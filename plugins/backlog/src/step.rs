//! The next step of a row, from what is known of it: [`for_loop`], [`for_outside`], [`for_cold`].
//!
//! One sentence each, in the imperative, with place and figures: they go into the ledger as they are. What must be
//! known first comes first: an inventory that does not fit, then lines, then a class.

use hot_loops_model::words::{code_span, percent};
use hot_loops_model::{Attribution, HotLoop, Outside};
use loop_inventory_model::{Class, Loop};

use crate::bound::Bounds;

/// Characters of a header in a sentence: a ledger has room for one line.
const HEADER: usize = 60;

fn header(one: &Loop) -> String {
    let mut short: String = one.loop_header.chars().take(HEADER).collect();
    if short.len() < one.loop_header.len() {
        short.push_str("...");
    }
    code_span(&short)
}

fn place(one: &Loop) -> String {
    code_span(&format!("{}:{}", one.module, one.line))
}

/// What to do about a hot loop.
pub(crate) fn for_loop(row: &HotLoop) -> String {
    let one = &row.r#loop;
    let (place, header) = (place(one), header(one));
    let inclusive = percent(row.inclusive.percent);
    if row.stale.is_some() {
        return format!(
            "Scan the loops again: the inventory does not fit the source at {place} ({inclusive} % inclusive)."
        );
    }
    if row.attribution == Attribution::Function {
        let function = code_span(one.function.as_deref().unwrap_or("its function"));
        return format!(
            "Take a profile with lines of {function} in {}: its loops have at most {inclusive} %.",
            code_span(&one.module)
        );
    }
    match one.class {
        Some(Class::Todo) => format!(
            "Write a design packet for {place} ({header}): {inclusive} % inclusive, {} % self; {}.",
            percent(row.own.percent),
            at_most(row.inclusive.percent)
        ),
        Some(Class::Uncertain) => {
            format!(
                "Classify {place} ({header}) by this measurement: uncertain, and {inclusive} % inclusive."
            )
        }
        _ => {
            format!("Classify {place} ({header}): {inclusive} % inclusive, and no table has a class for it.")
        }
    }
}

/// What to do about hot code in no loop.
pub(crate) fn for_outside(row: &Outside) -> String {
    let inclusive = percent(row.inclusive.percent);
    let function = code_span(&row.function);
    match row.line {
        Some(line) => format!(
            "Add what runs at {} ({function}) to the inventory, or say why it is no loop: {inclusive} % inclusive.",
            code_span(&format!("{}:{line}", row.file))
        ),
        None => format!(
            "Take a profile with lines of {function} in {}: {inclusive} % in no loop of the inventory.",
            code_span(&row.file)
        ),
    }
}

/// What to do about a loop that waits for work and has no time.
pub(crate) fn for_cold(one: &Loop, inclusive_percent: f64) -> String {
    let class = one.class.map_or("unclassified", Class::name);
    format!(
        "Reclassify {} ({}) from {class} to safe with this rationale, or say why it stays: {} % of this profile.",
        place(one),
        header(one),
        percent(inclusive_percent)
    )
}

fn at_most(percent: f64) -> String {
    match Bounds::of(percent / 100.0).removed {
        Some(removed) => format!("removed, the run is at most {removed:.2}x faster"),
        None => "nothing else takes time".to_owned(),
    }
}
