//! Listeners: what becomes of events. JSON lines on standard output; a moving display on a terminal; plain
//! lines elsewhere.

mod display;
mod plain;
mod wording;

use crate::cli::options::Global;
use crate::cli::terminal;
use crate::event::Events;

/// The listener that fits the options and the terminal.
pub fn listener(global: &Global, moves: bool) -> Events {
    if global.json {
        return Events::new(|time, event| {
            let mut value = serde_json::to_value(event).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                object.insert("time".to_owned(), serde_json::Value::String(time.to_string()));
            }
            terminal::out(&value.to_string());
        });
    }
    if moves && !global.quiet {
        let display = display::Display::default();
        return Events::new(move |_, event| display.show(event));
    }
    let quiet = global.quiet;
    Events::new(move |time, event| plain::show(time, event, quiet))
}
