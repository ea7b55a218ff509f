//! Where the lines of an attempt go, and in what style: [`insertion`]. Called by [`crate::edit`] and
//! [`crate::proposal`]. Indent, bullet, dash and form of the date are those of the last entry of the history,
//! as far as they are ASCII. Must never put a line between the lines of another entry.

use fix_plan_model::attempt::{AttemptForm, AttemptLine};
use fix_plan_model::history::HistoryLine;
use fix_plan_model::item::{Attempt, History, Item};
use fix_plan_model::text::{BLANKS, Text, folded, list_marker};
use runner_plugin::Splice;

use crate::entry::{Entry, EntryStyle};

/// The new lines, in the style of the history, behind its last line.
pub fn insertion(text: &Text<'_>, item: &Item, entry: &Entry<'_>) -> Splice {
    let mut lines = Vec::new();
    let last = if let Some(history) = item.live_history() {
        let model = item.attempts_of(history).next_back();
        let heading = model.is_some_and(is_heading);
        let apart = model.is_some_and(|model| {
            model.lines.start > history.lines.start + 1
                && text.lines()[model.lines.start - 1].text.trim().is_empty()
        });
        if heading || apart {
            lines.push(String::new());
        }
        lines.extend(entry.lines(&style(text, history, model)));
        history.lines.end - 1
    } else if let Some(model) = item.attempts.last().filter(|model| is_heading(model)) {
        // Entries below headings of their own need no history.
        lines.push(String::new());
        lines.extend(entry.lines(&style_of(text, model)));
        item.end_of(text, model)
    } else {
        let last = item.last_line(text);
        let fields = item.status.as_ref().and_then(|status| list_marker(text.lines()[status.line].text));
        let bullet = fields.map_or('-', |marker| marker.bullet);
        lines.push(format!("{bullet} Attempts History:"));
        lines.extend(entry.lines(&default_style(0)));
        last
    };
    behind(text, last, &lines)
}

/// Whole lines behind the line `at`. Without a final line break the document keeps being without one.
pub fn behind(text: &Text<'_>, at: usize, lines: &[String]) -> Splice {
    let line = &text.lines()[at];
    let line_break = text.line_break(at);
    let joined = lines.join(line_break);
    let text = if line.next == line.end { format!("{line_break}{joined}") } else { joined + line_break };
    Splice { start: line.next, end: line.next, text }
}

pub fn default_style(history_indent: usize) -> EntryStyle {
    let pad = " ".repeat(history_indent);
    EntryStyle {
        lead: format!("{pad}  * "),
        body: format!("{pad}    "),
        nested: format!("{pad}      "),
        ..EntryStyle::default()
    }
}

fn style(text: &Text<'_>, history: &History, model: Option<&Attempt>) -> EntryStyle {
    let Some(model) = model else {
        return match history.form {
            HistoryLine::Bullet(indent) => default_style(indent),
            HistoryLine::Heading(_) | HistoryLine::Label => EntryStyle {
                lead: "* ".into(),
                body: "  ".into(),
                nested: "    ".into(),
                ..EntryStyle::default()
            },
        };
    };
    style_of(text, model)
}

fn is_heading(attempt: &Attempt) -> bool {
    matches!(attempt.head.form, AttemptForm::Heading(_))
}

/// The style of another entry.
fn style_of(text: &Text<'_>, model: &Attempt) -> EntryStyle {
    let words = AttemptLine::words(text.lines()[model.lines.start].text).map(|(_, words)| words);
    let date = words.and_then(|words| words.date).map(|date| folded(date.trim()).into_owned());
    let dash = match words.map_or("", |words| words.dash()) {
        sign @ ("--" | ":") => sign,
        // An em dash is a hyphen in ASCII.
        _ => "-",
    };
    let dash = dash.to_owned();
    match model.head.form {
        AttemptForm::Heading(level) => {
            let lead = format!("{} ", "#".repeat(level));
            EntryStyle { lead, body: "- ".into(), nested: "  ".into(), date, dash }
        }
        AttemptForm::Bullet { bullet, .. } => {
            let lead = blanks(text.lines()[model.lines.start].text);
            let step = if lead.contains('\t') { "\t" } else { "  " };
            // The body stands where the model's body stands, when that is still inside the bullet.
            let labels = ["Metrics", "Artifacts", "Observations", "Next Actions"];
            let own = text.lines()[model.lines.clone()].iter().map(|line| line.text).find(|line| {
                labels.iter().any(|label| line.trim_start().starts_with(label)) && model.head.holds(line)
            });
            let body = own.map_or_else(|| format!("{lead}{step}"), blanks);
            EntryStyle { lead: format!("{lead}{bullet} "), nested: format!("{body}{step}"), body, date, dash }
        }
    }
}

/// The blanks that a line begins with, in ASCII.
fn blanks(line: &str) -> String {
    let width = line.len() - line.trim_start_matches(BLANKS).len();
    folded(&line[..width]).into_owned()
}
