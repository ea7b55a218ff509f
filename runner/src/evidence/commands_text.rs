//! `commands.txt`: the command log for people. A pure function of the records; ASCII.

use std::fmt::Write;

use serde_json::Value;

use crate::evidence::ascii::{ascii, shell_quote};
use crate::evidence::{CommandEnd, CommandRecord, GitState};
use crate::process::bytes;

/// The whole file.
pub fn render(stamp: &str, records: &[CommandRecord]) -> String {
    heading(stamp) + &records.iter().map(entry).collect::<String>()
}

/// What stands before the first command.
pub fn heading(stamp: &str) -> String {
    ascii(&format!("# Commands of bundle {stamp}, in order of start. Times are UTC.\n"))
}

/// What stands there of one command.
pub fn entry(record: &CommandRecord) -> String {
    let mut text = "\n".to_owned();
    one(&mut text, record);
    ascii(&text)
}

fn one(text: &mut String, record: &CommandRecord) {
    let start = &record.start;
    // Writing into a String cannot fail.
    let _ = writeln!(text, "[{}] step {}, attempt {}", record.id, start.step, start.attempt);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "    {name:<10}{value}");
    };
    let mut command: Vec<String> = Vec::new();
    for (name, value) in &start.env {
        command.push(format!("{name}={}", shell_quote(value.as_str().unwrap_or_default())));
    }
    command.extend(start.argv.iter().map(|word| shell_quote(word)));
    line("command", &command.join(" "));
    if start.shell {
        line("", "(the workflow wrote one line for sh -c)");
    }
    for plugin in &start.plugins {
        line("plugin", &format!("{} {} sha256 {}", plugin.name, plugin.version, plugin.sha256));
    }
    if let Some(with) = &start.with {
        line("with", &with.to_string());
    }
    if let Some(profile) = &start.profile {
        line("profile", &profile.to_string());
    }
    line("cwd", &start.cwd);
    if !start.writes.is_empty() {
        line("may write", &start.writes.iter().map(|path| shell_quote(path)).collect::<Vec<_>>().join(" "));
    }
    line("git", &git(&start.git));
    line("start", &start.start.to_string());
    match &record.end {
        None => line("end", "not ended (when this was written)"),
        Some(end) => ended(&mut line, end),
    }
    line("log", &if start.logs.is_empty() { "none".to_owned() } else { start.logs.join(" ") });
}

fn ended(line: &mut impl FnMut(&str, &str), end: &CommandEnd) {
    line("end", &format!("{} ({:.3} s)", end.end, end.seconds));
    let exit = match (end.exit_code, end.signal) {
        (Some(code), _) => code.to_string(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    };
    line("exit", &exit);
    line("outcome", &format!("{} ({})", end.outcome, end.claim));
    let peak =
        end.peak_rss_bytes.map_or_else(|| "unknown".to_owned(), |peak| format!("{} ({peak} B)", bytes(peak)));
    line("peak RSS", &peak);
    if !end.left_behind.is_empty() {
        line("killed", &format!("left behind by it: {}", end.left_behind.join(", ")));
    }
}

fn git(state: &GitState) -> String {
    let head = state.head.as_deref().unwrap_or("no commit");
    let tree = match state.dirty {
        Some(true) => "dirty",
        Some(false) => "clean",
        None => return format!("{head} (clean or dirty: unknown)"),
    };
    let as_of = state.as_of.map_or_else(String::new, |as_of| format!(" as of {as_of}"));
    format!("{head} {tree}{as_of}")
}

/// A command as one line, for messages: `cargo test --workspace`.
pub fn one_line(argv: &[String]) -> String {
    argv.iter().map(|word| shell_quote(word)).collect::<Vec<_>>().join(" ")
}

/// The plugin's configuration as `key=value` words, for messages.
pub fn with_line(with: &Value) -> String {
    let words = with.as_object().into_iter().flatten().map(|(key, value)| match value {
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    });
    words.collect::<Vec<_>>().join(" ")
}
