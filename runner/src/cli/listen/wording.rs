//! The words for events, shared by the moving display and the plain lines.

use serde_json::Value;

use crate::cli::terminal::{Color, paint};
use crate::diagnostic::counted;
use crate::event::Event;
use crate::evidence::with_line;
use crate::outcome::Outcome;

/// One line for an event; `None` for what only a moving display shows.
pub fn line(event: &Event, color: bool) -> Option<String> {
    Some(match event {
        Event::RunStarted { title, bundle, steps, .. } => {
            format!("{}\n{}, bundle {bundle}", paint(title, Color::Bold, color), counted(*steps, "step"))
        }
        Event::RunResumed { from, kept, steps } => {
            format!("  resumed ({from}): {kept} of {steps} steps are done and stay as they are")
        }
        Event::AttemptStarted { .. }
        | Event::Progress { .. }
        | Event::Phase { .. }
        | Event::RunEnded { .. } => {
            return None;
        }
        Event::Log { level, .. } if *level >= 4 => return None,
        Event::Log { step, level, message } => {
            let word = match level {
                1 => "error: ",
                2 => "warning: ",
                _ => "",
            };
            format!("  {step}: {word}{message}")
        }
        Event::AttemptEnded { step, attempt, outcome, seconds, reason, note } => {
            let mark = match outcome {
                Outcome::Ok => paint("ok", Color::Green, color),
                other => paint(other.word(), Color::Red, color),
            };
            let nth = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            let mut text = format!("  {step}{nth}: {mark} in {seconds:.2} s");
            if !note.is_empty() {
                text = format!("{text}, {note}");
            }
            match reason {
                Some(reason) => format!("{text}\n    {reason}"),
                None => text,
            }
        }
        Event::Fallback { step, requested, actual, .. } => {
            let (asked, smaller) = (words(requested), words(actual));
            let text = format!("{step}: {asked} failed; running the declared fallback {smaller}");
            format!("  {}", paint(&text, Color::Yellow, color))
        }
        Event::Skipped { step, .. } => format!("  {step}: skipped, an earlier step failed"),
        Event::Ledger { summary, files } => format!("  ledger: {summary} ({})", files.join(", ")),
        Event::Surprise { message } => format!("  {} {message}", paint("surprise:", Color::Yellow, color)),
    })
}

/// What a person should see last.
pub fn end(event: &Event, color: bool) -> Option<String> {
    let Event::RunEnded { status, reason, bundle, seconds, sealed, next } = event else { return None };
    let painted =
        paint(&status.to_uppercase(), if status == "complete" { Color::Green } else { Color::Red }, color);
    let seal = if *sealed { "sealed" } else { "not sealed" };
    let mut text = format!("\n{painted} in {seconds:.1} s: {bundle} ({seal})");
    if let Some(reason) = reason {
        text = format!("{text}\n  {reason}");
    }
    if status != "complete" {
        text.push_str("\n\nWhat to do next:");
    }
    for step in next {
        text = format!("{text}\n  - {step}");
    }
    Some(text)
}

fn words(value: &Value) -> String {
    with_line(value)
}
