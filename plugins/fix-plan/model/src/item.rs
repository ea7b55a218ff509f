//! One item of a ledger: [`Item`], with its histories, attempts and status line as line numbers and byte
//! spans. Built by [`crate::ledger::LedgerDocument::item`]. It decides which lines are attempts and which
//! only mention one; when in doubt it counts the line that has a date and stands at the margin, because a
//! number left out is harmless and a number given twice is not.

use std::ops::Range;

use crate::attempt::{AttemptForm, AttemptLine};
use crate::history::HistoryLine;
use crate::text::{Line, Text, heading, indent, is_break, list_marker};

/// The labels of an attempt's body.
pub const LABELS: [&str; 5] = ["Metrics", "Artifacts", "Observations", "Hypotheses", "Next Actions"];

/// An item: the lines from its heading to the next item.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its lines in the document, counted from 0; the first is the heading.
    pub lines: Range<usize>,
    /// Its Attempts Histories; most items have one.
    pub histories: Vec<History>,
    /// Every attempt, in the order of the document, also those outside a history.
    pub attempts: Vec<Attempt>,
    /// The value of its status line.
    pub status: Option<StatusLine>,
}

/// An Attempts History.
#[derive(Clone, Debug)]
pub struct History {
    /// How it begins.
    pub form: HistoryLine,
    /// Its lines; trailing blank lines and thematic breaks are not part of it.
    pub lines: Range<usize>,
}

/// An attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its first line as it was read.
    pub head: AttemptLine,
    /// Its lines.
    pub lines: Range<usize>,
}

/// The value behind `- Status:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// Its bytes, without the blanks around it.
    pub span: Range<usize>,
    /// The line.
    pub line: usize,
}

impl Item {
    /// Reads the lines of an item.
    pub fn read(text: &Text<'_>, lines: Range<usize>) -> Self {
        let all = text.lines();
        let mut item =
            Self { lines: lines.clone(), histories: Vec::new(), attempts: Vec::new(), status: None };
        let mut open_history = false;
        let mut last: Option<AttemptLine> = None;
        for (at, line) in all.iter().enumerate().take(lines.end).skip(lines.start + 1) {
            if line.hidden || line.text.trim().is_empty() {
                continue;
            }
            let nested = last.as_ref().is_some_and(|last| last.holds(line.text));
            if let Some(head) = AttemptLine::read(line.text)
                && item.counts(&head, last.as_ref(), open_history)
            {
                last = Some(head.clone());
                item.attempts.push(Attempt { head, lines: at..at + 1 });
                if open_history && let Some(history) = item.histories.last_mut() {
                    history.lines.end = at + 1;
                }
                continue;
            }
            let bulleted = last.as_ref().is_some_and(|last| matches!(last.form, AttemptForm::Bullet { .. }));
            if let Some(form) = HistoryLine::read(line.text)
                && !(bulleted && nested)
            {
                item.histories.push(History { form, lines: at..at + 1 });
                open_history = true;
                last = None;
                continue;
            }
            if open_history && item.histories.last().is_some_and(|h| h.form.ends_at(line.text, last.as_ref()))
            {
                open_history = false;
                last = None;
            }
            if let Some(before) = &last
                && ends_attempt(before, line.text)
            {
                last = None;
            }
            if last.is_some()
                && let Some(attempt) = item.attempts.last_mut()
            {
                attempt.lines.end = at + 1;
            }
            if open_history && let Some(history) = item.histories.last_mut() {
                history.lines.end = at + 1;
            }
            if item.status.is_none() && item.histories.is_empty() {
                item.status = status(line, at);
            }
        }
        item.finish(all);
        item
    }

    /// Whether a line of an attempt's form is an attempt at this place.
    fn counts(&self, head: &AttemptLine, last: Option<&AttemptLine>, open_history: bool) -> bool {
        let AttemptForm::Bullet { indent, .. } = head.form else { return true };
        let under_heading = last.is_some_and(|last| matches!(last.form, AttemptForm::Heading(_)));
        let inside = last.is_some_and(|last| match last.form {
            AttemptForm::Bullet { content, .. } => indent >= content,
            AttemptForm::Heading(_) => true,
        });
        if head.dated {
            return !inside || (indent < 4 && (under_heading || head.result));
        }
        let margin = self.histories.last().map(|history| history.form.indent());
        !inside && (open_history || margin.is_some_and(|margin| indent <= margin))
    }

    /// Extends the regions over hidden lines and attempts, and cuts blank lines and breaks from their ends.
    fn finish(&mut self, all: &[Line<'_>]) {
        let attempts: Vec<_> = self.attempts.iter().map(|attempt| attempt.lines.start).collect();
        let histories: Vec<_> = self.histories.iter().map(|history| history.lines.start).collect();
        for attempt in &mut self.attempts {
            let limit = first_after(&attempts, attempt.lines.start)
                .min(first_after(&histories, attempt.lines.start))
                .min(self.lines.end);
            attempt.lines.end = over_hidden(all, attempt.lines.end, limit);
        }
        for (history, number) in self.histories.iter_mut().zip(1..) {
            let limit = histories.get(number).copied().unwrap_or(self.lines.end);
            history.lines.end = over_hidden(all, history.lines.end, limit);
            while history.lines.end > history.lines.start + 1 && is_trailing(&all[history.lines.end - 1]) {
                history.lines.end -= 1;
            }
        }
    }

    /// The number after the highest one; 1 for the first. `None` when numbers have run out.
    pub fn next_number(&self) -> Option<u64> {
        match self.attempts.iter().map(|attempt| attempt.head.number).max() {
            Some(highest) => highest.checked_add(1),
            None => Some(1),
        }
    }

    /// The history that is in use: the one with the highest attempt, and among equals the last.
    pub fn live_history(&self) -> Option<&History> {
        self.histories
            .iter()
            .max_by_key(|history| self.attempts_of(history).map(|attempt| attempt.head.number).max())
    }

    /// The attempts that stand in a history.
    pub fn attempts_of<'a>(&'a self, history: &'a History) -> impl DoubleEndedIterator<Item = &'a Attempt> {
        self.attempts.iter().filter(|attempt| history.lines.contains(&attempt.lines.start))
    }

    /// The last line of an attempt that says something; blank lines and breaks at its end stay behind it.
    pub fn end_of(&self, text: &Text<'_>, attempt: &Attempt) -> usize {
        let lines = attempt.lines.clone();
        lines.rev().find(|at| !is_trailing(&text.lines()[*at])).unwrap_or(attempt.lines.start)
    }

    /// The lines of an attempt below its label `Artifacts`, that line included; code and comments left out.
    pub fn artifact_lines(&self, text: &Text<'_>, attempt: &Attempt) -> Vec<usize> {
        let mut inside = false;
        let mut found = Vec::new();
        for at in attempt.lines.clone() {
            let line = &text.lines()[at];
            if line.hidden || self.status.as_ref().is_some_and(|status| status.line == at) {
                continue;
            }
            inside = label(line.text).map_or(inside, |label| label == "Artifacts");
            if inside {
                found.push(at);
            }
        }
        found
    }

    /// The last line that says something: where a history is made when there is none. Trailing blank lines,
    /// breaks and headings without text stay behind it.
    pub fn last_line(&self, text: &Text<'_>) -> usize {
        let bare = |line: &Line<'_>| is_trailing(line) || (!line.hidden && heading(line.text).is_some());
        let body = &text.lines()[self.lines.start + 1..self.lines.end];
        self.lines.start + body.iter().rposition(|line| !bare(line)).map_or(0, |offset| offset + 1)
    }
}

/// The label of an attempt's body that a line begins with.
pub fn label(line: &str) -> Option<&'static str> {
    let text = list_marker(line).map_or(line, |marker| &line[marker.content..]);
    let text = text.trim_start().trim_start_matches(['*', '_']);
    LABELS.into_iter().find(|label| text.starts_with(label))
}

fn first_after(starts: &[usize], line: usize) -> usize {
    starts.iter().copied().find(|start| *start > line).unwrap_or(usize::MAX)
}

/// `end`, moved over the hidden lines (and blank lines before them) that follow.
fn over_hidden(all: &[Line<'_>], mut end: usize, limit: usize) -> usize {
    for (at, line) in all.iter().enumerate().take(limit).skip(end) {
        if line.hidden {
            end = at + 1;
        } else if !line.text.trim().is_empty() {
            break;
        }
    }
    end
}

fn is_trailing(line: &Line<'_>) -> bool {
    !line.hidden && (line.text.trim().is_empty() || is_break(line.text))
}

fn ends_attempt(attempt: &AttemptLine, line: &str) -> bool {
    match (attempt.form, heading(line)) {
        (AttemptForm::Heading(own), Some((level, _))) => level <= own,
        (AttemptForm::Bullet { .. }, Some(_)) => true,
        (AttemptForm::Heading(_), None) => false,
        (AttemptForm::Bullet { indent: own, .. }, None) => {
            is_break(line) || list_marker(line).is_some_and(|marker| marker.indent <= own)
        }
    }
}

fn status(line: &Line<'_>, at: usize) -> Option<StatusLine> {
    let content = list_marker(line.text).map_or(0, |marker| marker.content);
    if indent(line.text) >= 4 {
        return None;
    }
    let label = line.text[content..].trim_start_matches(['*', '_']);
    let value = label.strip_prefix("Status")?.trim_start_matches(['*', '_']).strip_prefix(':')?;
    let value = value.trim_start_matches(['*', '_']).trim_start();
    let start = line.end - value.len();
    Some(StatusLine { span: start..start + value.trim_end().len(), line: at })
}
