//! The backlog for people: [`markdown`], written as `backlog.md`. ASCII only; nothing is computed here.
//!
//! Called by the plugin with the [`Backlog`] that also becomes the JSON, which has all rows where a list here is cut.
//! Names from files are always escaped: they must never become markup or break a table.

use std::fmt::Write as _;

use hot_loops_model::Attribution;
use hot_loops_model::words::{code, percent, plain};
use loop_inventory_model::Class;

use crate::backlog::Backlog;
use crate::candidate::Candidate;

/// Rows of a list; the JSON has all of them.
const ROWS: usize = 30;

pub(crate) fn markdown(backlog: &Backlog) -> String {
    let mut text = String::from("# Backlog of hot loops\n\n");
    // Writing to a string does not fail.
    let _ = writeln!(text, "- From: {}, profile {}", code(&backlog.hot_loops), code(&backlog.profile));
    let _ = writeln!(
        text,
        "- Speed-up of the whole run at most (Amdahl): 1 / (1 - p + p / k) for a share p that gets k times faster, \
         1 / (1 - p) when it is removed"
    );
    match (&backlog.samples, &backlog.error_reason) {
        (Some(samples), _) => {
            let _ = writeln!(
                text,
                "- `+-`: standard error of a share of {samples} samples, sqrt(p (1 - p) / n); candidates that differ \
                 by less than the error of their difference are tied"
            );
        }
        (None, reason) => {
            let _ = writeln!(text, "- No sampling error: {}", plain(reason.as_deref().unwrap_or_default()));
        }
    }
    match (&backlog.times, &backlog.times_reason) {
        (Some(times), reason) => {
            let std = times.std_s.map_or_else(String::new, |std| format!(" +- {std:.6}"));
            let why = reason.as_deref().map_or_else(String::new, |reason| format!("; {}", plain(reason)));
            let _ = writeln!(
                text,
                "- Wall time: {:.6}{std} s for an iteration ({} of them, {}){why}",
                times.median_s,
                times.iterations,
                code(&times.path)
            );
        }
        (None, reason) => {
            let _ = writeln!(text, "- Wall time unknown: {}", plain(reason.as_deref().unwrap_or_default()));
        }
    }
    candidates(&mut text, backlog);
    if !backlog.settled.is_empty() {
        text.push_str("\n## Hot, and no candidate\n\n| Inclusive % | Self % | Where | Loop | Why not |\n|---|---|---|---|---|\n");
    }
    for row in backlog.settled.iter().take(ROWS) {
        let place = code(&format!("{}:{}", row.module, row.line));
        let (inclusive, own) = (percent(row.inclusive_percent), percent(row.self_percent));
        let _ = writeln!(
            text,
            "| {inclusive} | {own} | {place} | {} | {} |",
            code(&row.header),
            plain(&row.why_not)
        );
    }
    if !backlog.cold.is_empty() {
        text.push_str(
            "\n## To be worked on, and cold\n\n| Inclusive % | Class | Where | Loop |\n|---|---|---|---|\n",
        );
    }
    for row in backlog.cold.iter().take(ROWS) {
        let place = code(&format!("{}:{}", row.module, row.line));
        let class = class(row.class);
        let _ = writeln!(
            text,
            "| {} | {class} | {place} | {} |",
            percent(row.inclusive_percent),
            code(&row.header)
        );
    }
    list(&mut text, "What would change this ranking", "Nothing that is known.", &backlog.caveats, true);
    list(&mut text, "Next actions", "None.", &backlog.next_actions, false);
    text
}

fn list(text: &mut String, title: &str, none: &str, lines: &[String], is_foreign: bool) {
    let _ = writeln!(text, "\n## {title}\n");
    if lines.is_empty() {
        let _ = writeln!(text, "{none}");
    }
    for (line, number) in lines.iter().zip(1..) {
        // The next steps have their code marked and escaped already.
        let line = if is_foreign { plain(line) } else { line.clone() };
        let _ = writeln!(text, "{number}. {line}");
    }
}

fn candidates(text: &mut String, backlog: &Backlog) {
    text.push_str("\n## Candidates\n\n");
    if backlog.candidates.is_empty() {
        let _ = writeln!(text, "No open loop has {} % of the time.", backlog.threshold_percent);
        return;
    }
    text.push_str(
        "| # | Inclusive % | Self % | Removed | 4x | 8x | Class | Where | Loop |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for one in &backlog.candidates {
        let most = if one.attribution == Attribution::Function { "<= " } else { "" };
        let error =
            one.standard_error_percent.map_or_else(String::new, |error| format!(" +- {}", percent(error)));
        let removed =
            one.speedup.removed.map_or_else(|| "unbounded".to_owned(), |by| format!("{most}{by:.2}x"));
        let _ = writeln!(
            text,
            "| {} | {most}{}{error} | {} | {removed} | {most}{:.2}x | {most}{:.2}x | {} | {} | {} |",
            one.rank,
            percent(one.inclusive_percent),
            percent(one.self_percent),
            one.speedup.at_4x,
            one.speedup.at_8x,
            if one.loop_id.is_some() { class(one.class) } else { "not in the inventory" },
            place(one),
            code(one.header.as_deref().or(one.function.as_deref()).unwrap_or_default())
        );
    }
    text.push('\n');
    for one in &backlog.candidates {
        let _ = writeln!(text, "{}. {}\n   {}", one.rank, one.next_step, plain(&facts(one).join("; ")));
    }
    if backlog.more > 0 {
        let _ =
            writeln!(text, "\n{} more hot loops or lines are in {}.", backlog.more, code(&backlog.hot_loops));
    }
}

fn facts(one: &Candidate) -> Vec<String> {
    let mut facts = vec![match one.attribution {
        Attribution::Line => "known by line".to_owned(),
        Attribution::Function => "known by its function only, so all figures are upper bounds".to_owned(),
    }];
    facts.push(match (one.calls, &one.calls_reason) {
        (Some(calls), _) => format!("{calls} calls"),
        (None, reason) => format!("calls unknown ({})", reason.as_deref().unwrap_or_default()),
    });
    let variation = &one.variation;
    facts.push(match (variation.mean_percent, variation.std_percent, &variation.reason) {
        (Some(mean), Some(std), _) => {
            format!("{} +- {} % over {} iterations", percent(mean), percent(std), variation.iterations)
        }
        (_, _, reason) => format!("variation unknown ({})", reason.as_deref().unwrap_or_default()),
    });
    facts.extend(one.seconds.map(|seconds| format!("at most {seconds:.6} s of an iteration")));
    facts.extend(one.class_source.as_ref().map(|source| format!("class from {source}")));
    facts.extend(one.inside.map(|rank| format!("inside of candidate {rank}")));
    if !one.tied_with.is_empty() {
        let ranks: Vec<String> = one.tied_with.iter().map(ToString::to_string).collect();
        facts.push(format!("tied with {}", ranks.join(", ")));
    }
    facts.extend(one.stale.as_ref().map(|stale| format!("stale: {stale}")));
    facts
}

fn class(class: Option<Class>) -> &'static str {
    class.map_or("unclassified", Class::name)
}

fn place(one: &Candidate) -> String {
    code(&one.line.map_or_else(|| one.module.clone(), |line| format!("{}:{line}", one.module)))
}
