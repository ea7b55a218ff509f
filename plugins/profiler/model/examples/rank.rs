//! Prints the ranking of a profile that another program wrote, with exact figures.
//!
//! `cargo run -p profile-model --example rank -- FILE [ROWS [PICTURE.svg]]`; for comparing with an independent count, such as
//! `tests/fixtures/rank_trace.py`. Columns: inclusive, self, calls, kind, module, function, file, line.
#![expect(clippy::print_stdout, reason = "the ranking is the program's result")]

use std::error::Error;
use std::fs::File;
use std::io::Write;

use profile_model::{Hotspots, flamegraph, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: rank FILE [ROWS [PICTURE.svg]]")?;
    let rows = arguments.next().map_or(Ok(20), |rows| rows.parse())?;
    let read = read(File::open(&path)?, &path)?;
    if let Some(problem) = &read.problem {
        println!("# problem: {problem}");
    }
    for warning in &read.warnings {
        println!("# warning: {warning}");
    }
    let hotspots = Hotspots::of(&read.profile);
    println!("# {:?}, total {} {}", read.format, hotspots.total, hotspots.unit.symbol());
    for row in hotspots.operations.iter().take(rows) {
        let calls = row.calls.map_or_else(|| "-".to_owned(), |calls| calls.to_string());
        let line = row.line.or(row.first_line).map_or_else(|| "-".to_owned(), |line| line.to_string());
        println!(
            "{}\t{}\t{calls}\t{:?}\t{}\t{}\t{}\t{line}",
            row.inclusive,
            row.own,
            row.kind,
            row.module,
            row.function,
            row.file.as_deref().unwrap_or("-"),
        );
    }
    if let Some(picture) = arguments.next() {
        File::create(picture)?.write_all(flamegraph(&read.profile, &path).as_bytes())?;
    }
    Ok(())
}
