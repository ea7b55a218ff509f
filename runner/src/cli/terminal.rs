//! Printing. Results go to standard output, everything about the way there to standard error. A reader that
//! went away (`| head`) ends nothing; a disk that is full is told at the end.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use crate::evidence::Secrets;

/// What must not be printed.
static HIDDEN: OnceLock<Secrets> = OnceLock::new();

/// Hides these values in everything that is printed from now on; the first call counts.
pub fn hide(secrets: &Secrets) {
    let _ = HIDDEN.set(secrets.clone());
}

fn clean(text: &str) -> Cow<'_, str> {
    HIDDEN.get().map_or(Cow::Borrowed(text), |secrets| secrets.text(text))
}

/// Why a result could not be printed.
static UNPRINTED: OnceLock<io::Error> = OnceLock::new();

/// Prints a result.
pub fn out(text: &str) {
    match writeln!(io::stdout(), "{}", clean(text)) {
        // A closed pipe is no reason to fail.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(UNPRINTED.set(error)),
        _ => {}
    }
}

/// Why not all results could be printed; `None` when they were, or when nobody wanted the rest.
pub fn unprinted() -> Option<&'static io::Error> {
    UNPRINTED.get()
}

/// Prints something about the way to the result.
pub fn err(text: &str) {
    let _ = writeln!(io::stderr(), "{}", clean(text));
}

/// Whether standard error is a terminal on which things may move.
pub fn moves() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard error may be coloured; see no-color.org.
pub fn colors() -> bool {
    moves() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A colour of a terminal.
#[derive(Clone, Copy, Debug)]
pub enum Color {
    Green,
    Red,
    Yellow,
    Bold,
}

/// The text in a colour, when colours are wanted.
pub fn paint(text: &str, color: Color, on: bool) -> String {
    let code = match color {
        Color::Green => "32",
        Color::Red => "31",
        Color::Yellow => "33",
        Color::Bold => "1",
    };
    if on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
