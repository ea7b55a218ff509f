//! Plain lines, for logs and pipes.

use crate::cli::listen::wording;
use crate::cli::terminal;
use crate::clock::Instant;
use crate::event::Event;

/// Prints an event; with `quiet` only the end.
pub fn show(_time: Instant, event: &Event, quiet: bool) {
    if let Some(text) = wording::end(event, false) {
        return terminal::out(text.trim_start());
    }
    if quiet {
        return;
    }
    if let Event::AttemptStarted { step, what, kind, .. } = event {
        let kind = if kind == "asked" { String::new() } else { format!(" ({kind})") };
        return terminal::err(&format!("  {step}{kind}: {what}"));
    }
    if let Some(text) = wording::line(event, false) {
        terminal::err(&text);
    }
}
