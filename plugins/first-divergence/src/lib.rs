//! The first place at which two logs differ, as JSON: line, word, both texts, and the lines before it.
//!
//! [`FirstDivergence`] is a capture plugin. Numbers are compared as numbers, with a tolerance; everything else
//! as text; how much white space stands between two words does not matter. That the files differ is a result,
//! not a failure: a gate on `diverges` decides. Both are read once, line by line.

mod config;
mod lines;
mod words;

use std::collections::VecDeque;

use runner_plugin::{Capture, Error, ErrorKind, Host, Level};
use serde_json::{Value, json};

pub use config::Config;
use lines::{Line, Lines};
use words::{Disagreement, disagreement};

/// After how many lines the host is asked whether the run was cancelled.
const PIECE: u64 = 4096;

/// The plugin.
#[derive(Debug)]
pub struct FirstDivergence {
    config: Config,
}

impl Capture for FirstDivergence {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn capture(&mut self, host: &Host) -> Result<Value, Error> {
        let failed = |message: String| Error::new(ErrorKind::Failed, message);
        let config = &self.config;
        let mut a = Lines::open(&config.a, config).map_err(failed)?;
        let mut b = Lines::open(&config.b, config).map_err(failed)?;
        let mut before: VecDeque<String> = VecDeque::new();
        let mut compared: u64 = 0;
        let mut greatest = Greatest::default();
        loop {
            let (left, right) = (a.next().map_err(failed)?, b.next().map_err(failed)?);
            let found = match (&left, &right) {
                (None, None) => return Ok(result(compared, &greatest, &Value::Null)),
                (Some(left), Some(right)) => {
                    disagreement(&left.text, &right.text, config, &mut |difference| {
                        greatest.take(difference, left.number);
                    })
                }
                _ => Some(Disagreement::end(left.is_some())),
            };
            if let Some(found) = found {
                // The finding of the run: whoever reads the summary must not have to open the JSON.
                host.log(Level::Warning, &place(&found, config, left.as_ref(), right.as_ref()));
                let divergence = describe(&found, left.as_ref(), right.as_ref(), &before);
                return Ok(result(compared, &greatest, &divergence));
            }
            compared += 1;
            if let (Some(line), true) = (left, config.context > 0) {
                if before.len() == config.context {
                    before.pop_front();
                }
                before.push_back(short(&line.text, 4096));
            }
            if compared.is_multiple_of(PIECE) {
                host.progress(compared, 0, "lines");
                if host.cancelled() {
                    return Err(Error::new(ErrorKind::Cancelled, "cancelled while two logs were compared"));
                }
            }
        }
    }
}

/// The greatest difference of two numbers that still agreed.
#[derive(Clone, Copy, Debug, Default)]
struct Greatest {
    difference: f64,
    line: u64,
}

impl Greatest {
    fn take(&mut self, difference: f64, line: u64) {
        if difference > self.difference {
            *self = Self { difference, line };
        }
    }
}

fn result(compared: u64, greatest: &Greatest, divergence: &Value) -> Value {
    json!({
        "diverges": !divergence.is_null(),
        "lines_alike": compared,
        "first_line": divergence["a"]["line"].as_u64().or(divergence["b"]["line"].as_u64()),
        "greatest_difference_before": greatest.difference,
        "greatest_difference_line": (greatest.line > 0).then_some(greatest.line),
        "divergence": divergence,
        "unknown": if divergence.is_null() { json!({ "first_line": "the two do not differ" }) } else { json!({}) },
    })
}

/// A text that fits into a report: a line may be as long as a file.
fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// The place in one line.
fn place(found: &Disagreement, config: &Config, left: Option<&Line>, right: Option<&Line>) -> String {
    let side = |path: &str, line: Option<&Line>, word: &Option<String>| match (line, word) {
        (Some(line), Some(word)) => format!("{path}:{}: `{}`", line.number, short(word, 80)),
        (Some(line), None) => format!("{path}:{}", line.number),
        (None, _) => format!("{path}: its end"),
    };
    let (a, b) = (side(&config.a, left, &found.a), side(&config.b, right, &found.b));
    format!("first divergence ({}): {a}, {b}", found.what)
}

fn describe(
    found: &Disagreement,
    left: Option<&Line>,
    right: Option<&Line>,
    before: &VecDeque<String>,
) -> Value {
    let side = |line: Option<&Line>, word: &Option<String>| match line {
        Some(line) => {
            json!({ "line": line.number, "text": short(&line.text, 4096), "word": word.as_ref().map(|word| short(word, 4096)) })
        }
        None => json!({ "line": null, "text": null, "word": null }),
    };
    json!({
        "what": found.what,
        "word": found.word,
        "difference": found.difference,
        "a": side(left, &found.a),
        "b": side(right, &found.b),
        "before": before,
    })
}

runner_plugin::export! {
    capture: FirstDivergence,
    name: "first-divergence",
    summary: "Finds the first place at which two logs differ, with a tolerance for numbers",
    schema: include_str!("../schema.json"),
}
