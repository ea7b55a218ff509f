//! `runner ledger show FILE [ITEM]` and `runner ledger check FILE`: what a ledger holds, and what is wrong with
//! it. Both only read. The reading is that of `fix-plan-model`, which the plugin that edits has too, so that
//! both see the same items.

use std::path::{Path, PathBuf};

use fix_plan_model::LedgerDocument;
use fix_plan_model::attempt::{AttemptLine, AttemptWords};
use fix_plan_model::check::check;
use fix_plan_model::item::Item;
use fix_plan_model::ledger::{ItemHeading, keyword};
use fix_plan_model::text::Text;
use serde_json::{Value, json};

use crate::cli::options::{Global, LedgerCommand, LedgerOptions};
use crate::cli::{terminal, workflow};
use crate::clock::Instant;
use crate::diagnostic::{counted, shown};
use crate::exit_code::ExitCode;

/// How many characters of a result are shown in a line.
const RESULT: usize = 100;

/// Looks at a ledger.
pub fn run(global: &Global, options: &LedgerOptions) -> ExitCode {
    let (LedgerCommand::Show { file, .. } | LedgerCommand::Check { file }) = &options.command;
    let path = workflow::below(global, file);
    let source = match read(&path) {
        Ok(source) => source,
        Err(message) => return workflow::complain(global, &message),
    };
    let name = shown(&path);
    let ledger = LedgerDocument::of(Text::new(&name, &source));
    if ledger.headings().is_empty() {
        let fence = ledger.text().unclosed_fence().map_or_else(String::new, |line| {
            format!("; the code fence on line {} is never closed and hides what follows", line + 1)
        });
        let message = format!("{name}: no items: an item begins with a heading `## [ID] Title`{fence}");
        return workflow::complain(global, &message);
    }
    match &options.command {
        LedgerCommand::Show { item: None, .. } => items(global, &ledger),
        LedgerCommand::Show { item: Some(id), .. } => match one(&ledger, id) {
            Ok((heading, item)) => attempts(global, &ledger, heading, &item),
            Err(message) => workflow::complain(global, &message),
        },
        LedgerCommand::Check { .. } => findings(global, &ledger, &path),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let bytes =
        std::fs::read(path).map_err(|error| format!("cannot read the ledger `{}`: {error}", shown(path)))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.split(|byte| *byte == b'\n').count();
        format!("{}:{line}: the ledger is not UTF-8", shown(path))
    })
}

/// The one item that is meant; [`LedgerDocument::item`] has the words for every other case.
fn one<'a, 'b>(ledger: &'b LedgerDocument<'a>, id: &str) -> Result<(&'b ItemHeading<'a>, Item), String> {
    let item = ledger.item(id).map_err(|refusal| refusal.to_string())?;
    let heading = ledger.headings().iter().find(|heading| heading.lines.start == item.lines.start);
    heading.map(|heading| (heading, item)).ok_or_else(|| format!("no item `{id}`"))
}

fn status<'a>(ledger: &LedgerDocument<'a>, item: &Item) -> Option<&'a str> {
    item.status.as_ref().map(|status| &ledger.text().source()[status.span.clone()])
}

fn highest(item: &Item) -> Option<u64> {
    item.attempts.iter().map(|attempt| attempt.head.number).max()
}

fn to_json(ledger: &LedgerDocument<'_>, heading: &ItemHeading<'_>, item: &Item) -> Value {
    let attempts: Vec<Value> = item
        .attempts
        .iter()
        .map(|attempt| {
            let line = ledger.text().lines()[attempt.lines.start].text;
            let words = AttemptLine::words(line).map(|(_, words)| words);
            json!({
                "number": attempt.head.number,
                "line": attempt.lines.start + 1,
                "date": words.and_then(|words| words.date),
                "result": words.map(AttemptWords::result).filter(|result| !result.is_empty()),
            })
        })
        .collect();
    json!({
        "id": heading.id,
        "title": heading.title,
        "line": heading.lines.start + 1,
        "status": status(ledger, item),
        "status_line": item.status.as_ref().map(|status| status.line + 1),
        "histories": item.histories.iter().map(|history| history.lines.start + 1).collect::<Vec<_>>(),
        "attempts": attempts,
        "highest": highest(item),
        "next": item.next_number(),
    })
}

fn items(global: &Global, ledger: &LedgerDocument<'_>) -> ExitCode {
    let all: Vec<_> = ledger.headings().iter().map(|heading| (heading, ledger.read_item(heading))).collect();
    if global.json {
        let list: Vec<Value> = all.iter().map(|(heading, item)| to_json(ledger, heading, item)).collect();
        let value = json!({ "ledger": ledger.text().path(), "items": list });
        terminal::out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return ExitCode::Complete;
    }
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| format!("#{number}"));
    let rows: Vec<[String; 6]> = all
        .iter()
        .map(|(heading, item)| {
            [
                heading.id.to_owned(),
                keyword(status(ledger, item).unwrap_or("-")).to_owned(),
                item.attempts.len().to_string(),
                number(item.next_number()),
                (heading.lines.start + 1).to_string(),
                heading.title.to_owned(),
            ]
        })
        .collect();
    table(["ITEM", "STATUS", "ATTEMPTS", "NEXT", "LINE", "TITLE"], &rows);
    ExitCode::Complete
}

fn attempts(
    global: &Global,
    ledger: &LedgerDocument<'_>,
    heading: &ItemHeading<'_>,
    item: &Item,
) -> ExitCode {
    if global.json {
        let value = json!({ "ledger": ledger.text().path(), "items": [to_json(ledger, heading, item)] });
        terminal::out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return ExitCode::Complete;
    }
    let place = format!("{}:{}", ledger.text().path(), heading.lines.start + 1);
    terminal::out(&format!("[{}] {} ({place})", heading.id, heading.title));
    terminal::out(&format!("status: {}", status(ledger, item).unwrap_or("none")));
    let next = item.next_number().map_or_else(|| "none".to_owned(), |number| format!("#{number}"));
    terminal::out(&format!("next attempt: {next}"));
    let rows: Vec<[String; 4]> = item
        .attempts
        .iter()
        .map(|attempt| {
            let line = ledger.text().lines()[attempt.lines.start].text;
            let words = AttemptLine::words(line).map(|(_, words)| words);
            [
                format!("#{}", attempt.head.number),
                words.and_then(|words| words.date).unwrap_or("-").to_owned(),
                (attempt.lines.start + 1).to_string(),
                clipped(words.map_or("", AttemptWords::result)),
            ]
        })
        .collect();
    if !rows.is_empty() {
        table(["ATTEMPT", "DATE", "LINE", "RESULT"], &rows);
    }
    ExitCode::Complete
}

fn findings(global: &Global, ledger: &LedgerDocument<'_>, path: &Path) -> ExitCode {
    let (root, directory) = places(global, path);
    let exists = |path: &str| root.join(path).exists() || directory.join(path).exists();
    let findings = check(ledger, &Instant::now().latest_date(), &exists);
    let name = ledger.text().path();
    let count = counted(ledger.headings().len(), "item");
    if global.json {
        let list: Vec<Value> = findings
            .iter()
            .map(|finding| {
                json!({
                    "kind": finding.kind.word(),
                    "line": finding.line,
                    "item": finding.item,
                    "message": finding.message,
                })
            })
            .collect();
        let value = json!({
            "ledger": name,
            "root": shown(&root),
            "items": ledger.headings().len(),
            "clean": list.is_empty(),
            "findings": list,
        });
        terminal::out(&serde_json::to_string_pretty(&value).unwrap_or_default());
    } else if findings.is_empty() {
        if !global.quiet {
            terminal::out(&format!("{name}: {count}, nothing is wrong"));
        }
    } else {
        for finding in &findings {
            let item = finding.item.as_ref().map_or_else(String::new, |item| format!("[{item}] "));
            let (line, kind) = (finding.line, finding.kind.word());
            terminal::out(&format!("{name}:{line}: {kind}: {item}{}", finding.message));
        }
        terminal::out(&format!("{name}: {count}, {}", counted(findings.len(), "finding")));
    }
    if findings.is_empty() { ExitCode::Complete } else { ExitCode::RuleBroken }
}

/// The project root, to which the paths of a ledger are relative, and the ledger's own directory, to which
/// its links are.
fn places(global: &Global, path: &Path) -> (PathBuf, PathBuf) {
    let parent = path.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
    let directory = parent.unwrap_or_else(|| PathBuf::from("."));
    let root = match &global.directory {
        Some(root) => root.clone(),
        None => crate::git::root_above(&directory).unwrap_or_else(|| PathBuf::from(".")),
    };
    (root, directory)
}

fn clipped(text: &str) -> String {
    if text.chars().count() <= RESULT {
        return text.to_owned();
    }
    let start: String = text.chars().take(RESULT - 3).collect();
    format!("{}...", start.trim_end())
}

/// Columns as wide as their widest cell; the last one ends with its text.
fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    terminal::out(&line(head));
    for row in rows {
        terminal::out(&line(std::array::from_fn(|column| row[column].as_str())));
    }
}
