//! The moving display on a terminal: finished steps as lines, the running one as a spinner with its phase.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::listen::wording;
use crate::cli::terminal;
use crate::event::Event;

/// What is on the screen.
#[derive(Debug, Default)]
pub struct Display {
    bar: Mutex<Option<ProgressBar>>,
}

impl Display {
    /// Shows an event.
    pub fn show(&self, event: &Event) {
        let color = terminal::colors();
        let mut bar = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            Event::AttemptStarted { step, what, .. } => *bar = Some(spinner(step, what)),
            Event::AttemptEnded { .. } | Event::RunEnded { .. } => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
            // Between two iterations it would only flicker.
            Event::Phase { phase, .. } if phase == "profiler more" => {}
            Event::Phase { phase, iteration, .. } => {
                if let Some(bar) = bar.as_ref() {
                    let nth = iteration.map_or_else(String::new, |iteration| format!(" {}", iteration + 1));
                    bar.set_message(format!("{phase}{nth}"));
                }
            }
            Event::Progress { done, total, what, .. } => {
                if let Some(bar) = bar.as_ref() {
                    let of = if *total > 0 { format!(" of {total}") } else { String::new() };
                    bar.set_message(format!("{done}{of} {what}"));
                }
            }
            _ => {}
        }
        if let Some(text) = wording::end(event, color) {
            return terminal::out(&text);
        }
        if let Some(text) = wording::line(event, color) {
            match bar.as_ref() {
                Some(bar) => bar.suspend(|| terminal::err(&text)),
                None => terminal::err(&text),
            }
        }
    }
}

fn spinner(step: &str, what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let style = ProgressStyle::with_template("  {spinner} {prefix} {elapsed} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_prefix(step.to_owned());
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
