//! Words of a row that every form of the report shares: [`notes`].
//!
//! Called by the CSV, Markdown and HTML writers. Nothing is decided here.

use hot_loops_model::words::{one_line, percent};
use hot_loops_model::{Attribution, HotLoop};

/// What stands beside the figures of a loop.
pub(crate) fn notes(row: &HotLoop) -> Vec<String> {
    let mut notes = vec![match row.attribution {
        Attribution::Line => "line".to_owned(),
        Attribution::Function if row.inclusive_by_line.weight == 0 => {
            "function: at most this much, the profile has no lines here".to_owned()
        }
        Attribution::Function => {
            let proven = percent(row.inclusive_by_line.percent);
            format!("function: at most this much, {proven} % by line")
        }
    }];
    notes.push(format!("self {} %", percent(row.own.percent)));
    notes.push(row.r#loop.class.map_or_else(|| "unclassified".to_owned(), |class| class.name().to_owned()));
    if let Some(reason) = &row.calls_reason {
        notes.push(format!("no call count: {}", one_line(reason)));
    }
    if let (Some(mean), Some(std)) = (row.variation.mean_percent, row.variation.std_percent) {
        let (mean, std, count) = (percent(mean), percent(std), row.variation.iterations);
        notes.push(format!("{mean} +- {std} % over {count} iterations"));
    }
    if let Some(stale) = &row.stale {
        notes.push(format!("stale: {}", one_line(stale)));
    }
    notes
}
