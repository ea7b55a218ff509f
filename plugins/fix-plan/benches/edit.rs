//! Times the edit of a ledger of 650 kB, beside a plain pass over the same bytes.
//!
//! The ledger is made of the traps of `tests/fixtures/ledger.md`, again and again; `cargo bench -p fix-plan --
//! FILE [ITEM]` takes a real one. What is timed is what a run does: read the ledger, find the item, write the
//! entry, cut, and read the result back; and what `runner ledger check` does. It judges nothing.
#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

use std::hint::black_box;
use std::time::Instant;

use fix_plan::{FixPlan, LedgerDocument};
use fix_plan_model::check::check;
use fix_plan_model::text::Text;
use runner_plugin::{EditRequest, Error, Ledger};
use serde_json::json;

const RUNS: usize = 25;
const BYTES: usize = 650_000;
const TRAPS: &str = include_str!("../tests/fixtures/ledger.md");

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let source = match arguments.next() {
        Some(path) => std::fs::read_to_string(&path)
            .map_err(|error| Error::invalid(format!("cannot read {path}: {error}")))?,
        None => generated(),
    };
    let ledger = LedgerDocument::of(Text::new("l.md", &source));
    let items = ledger.headings().len();
    let last = ledger.headings().last().map_or("", |heading| heading.id);
    let item = arguments.next().unwrap_or_else(|| last.to_owned());
    println!("{} bytes, {items} items, item {item}, median of {RUNS}", source.len());

    let config = json!({"ledger": "l.md", "item": item, "index": true});
    let config = serde_json::from_value(config).map_err(|error| Error::invalid(error.to_string()))?;
    let plugin = FixPlan::create(config)?;
    let record = json!({
        "stamp": "20261122T101112Z", "date": "2026-11-22", "bundle": "reports/20261122T101112Z",
        "workflow": {"id": "w", "title": "Phase B1 - x"}, "result": "complete"
    });
    let request = EditRequest { documents: [("l.md".to_owned(), source.clone())].into(), record };
    let edit = plugin.edit(&request)?;
    println!("edit: {}", edit.refused.as_ref().unwrap_or(&edit.summary));

    let scan = median_seconds(|| Ok(black_box(&source).bytes().filter(|byte| *byte == b'\n').count()))?;
    let copy = median_seconds(|| Ok(black_box(&source).clone()))?;
    let read = median_seconds(|| Ok(LedgerDocument::of(Text::new("l.md", black_box(&source)))))?;
    let whole = median_seconds(|| plugin.edit(black_box(&request)))?;
    let checked = median_seconds(|| {
        let ledger = LedgerDocument::of(Text::new("l.md", black_box(&source)));
        Ok(check(&ledger, "2026-11-22", &|_| false))
    })?;
    for (what, seconds) in
        [("scan for line breaks", scan), ("copy", copy), ("read", read), ("edit", whole), ("check", checked)]
    {
        println!("{what:>20}: {:>7.3} ms, {:>6.1} times the scan", seconds * 1e3, seconds / scan);
    }
    Ok(())
}

/// The traps with other IDs, until there are enough bytes; the item that is twice there is renamed once.
fn generated() -> String {
    let once = TRAPS.replacen("## [TRAP-012]", "## [TRAP-017]", 1);
    let mut text = String::with_capacity(BYTES + once.len());
    for copy in 0_u32.. {
        if text.len() >= BYTES {
            break;
        }
        text.push_str(&once.replace("TRAP", &format!("TRAP-{copy}")));
    }
    text
}

fn median_seconds<T>(mut run: impl FnMut() -> Result<T, Error>) -> Result<f64, Error> {
    black_box(run()?);
    let mut seconds = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        black_box(run()?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}
