//! The list of Next Actions of an item (not of an attempt): [`ActionList`]. Called by the plugin when a
//! workflow asks that a run adds to it. Two such lists in one item are refused: which one people read cannot
//! be known.

use crate::history::is_field;
use crate::item::Item;
use crate::refusal::Refusal;
use crate::text::{ListMarker, Text, heading, indent, is_break, line_list, list_marker};

/// A list of what is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionList {
    /// Its lines that say something, counted from 0; the first is the label.
    pub lines: Vec<usize>,
    /// Before each action: the blanks.
    pub indent: String,
    /// How its actions begin.
    pub marker: ActionMarker,
}

/// How an action begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionMarker {
    /// With this number and sign next: `4.`.
    Number(u64, char),
    /// With a bullet.
    Bullet(char),
}

impl ActionList {
    /// The list of an item; `None` when it has none.
    pub fn read(text: &Text<'_>, item: &Item) -> Result<Option<Self>, Refusal> {
        let taken = |at: usize| {
            item.attempts.iter().any(|attempt| attempt.lines.contains(&at))
                || item.histories.iter().any(|history| history.lines.contains(&at))
        };
        let free = |at: &usize| !taken(*at) && !text.lines()[*at].hidden;
        let labels: Vec<usize> =
            item.lines.clone().skip(1).filter(free).filter(|at| is_label(text.lines()[*at].text)).collect();
        match labels.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(Self::below(text, *one, item.lines.end))),
            several => {
                let lines: Vec<_> = several.iter().map(|line| line + 1).collect();
                let path = text.path();
                Err(Refusal::new(format!(
                    "{path}:{}: the item has several lists of Next Actions, on {}: merge them",
                    lines[0],
                    line_list(&lines)
                )))
            }
        }
    }

    fn below(text: &Text<'_>, label: usize, end: usize) -> Self {
        let first = text.lines()[label].text;
        let under_heading = heading(first).is_some();
        // `**Next Actions:**` without a bullet: its list stands at the margin.
        let bare = !under_heading && list_marker(first).is_none();
        let own = indent(first);
        let mut lines = vec![label];
        for at in label + 1..end {
            let line = text.lines()[at].text;
            if line.trim().is_empty() {
                continue;
            }
            let item = |marker: ListMarker| !is_field(&line[marker.content..]);
            let listed = list_marker(line).map_or_else(|| marker(line).is_some(), item);
            let sibling = !under_heading && indent(line) <= own && !(bare && listed);
            if !text.lines()[at].hidden && (sibling || heading(line).is_some() || is_break(line)) {
                break;
            }
            lines.push(at);
        }
        let actions =
            lines[1..].iter().filter(|at| !text.lines()[**at].hidden).map(|at| text.lines()[*at].text);
        let column = actions.clone().filter(|line| marker(line).is_some()).map(indent).min();
        let actions: Vec<&str> = actions.filter(|line| Some(indent(line)) == column).collect();
        let last = actions.iter().rev().find_map(|line| marker(line));
        let marker = match last {
            Some(ActionMarker::Number(_, sign)) => {
                let numbers = actions.iter().filter_map(|line| match marker(line) {
                    Some(ActionMarker::Number(number, _)) => Some(number),
                    _ => None,
                });
                ActionMarker::Number(numbers.max().unwrap_or(0).saturating_add(1), sign)
            }
            Some(bullet) => bullet,
            None => ActionMarker::Number(1, '.'),
        };
        let default = if under_heading || bare { String::new() } else { " ".repeat(own + 2) };
        let blanks = |line: &&&str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let indent = actions.last().map_or(default, |line| line[..blanks(&line)].to_owned());
        Self { lines, indent, marker }
    }
}

fn is_label(line: &str) -> bool {
    let text = heading(line).map_or(line, |(_, text)| text);
    let text = list_marker(text).map_or(text, |marker| &text[marker.content..]);
    let text = text.trim_start_matches(['*', '_', ' ']);
    let labelled = ["Next Actions", "Next actions", "Next Steps"].iter().any(|label| text.starts_with(label));
    labelled && indent(line) < 4 && (heading(line).is_some() || text.contains(':'))
}

fn marker(line: &str) -> Option<ActionMarker> {
    if let Some(marker) = list_marker(line) {
        return Some(ActionMarker::Bullet(marker.bullet));
    }
    let text = line.trim_start();
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = text[..text.len() - rest.len()].parse().ok()?;
    let sign = rest.chars().next().filter(|sign| matches!(sign, '.' | ')'))?;
    rest[1..].starts_with([' ', '\t']).then_some(ActionMarker::Number(number, sign))
}

#[cfg(test)]
mod tests {
    use super::{ActionList, ActionMarker};
    use crate::LedgerDocument;

    fn list(body: &str) -> Result<Option<ActionList>, String> {
        let source = format!("## [A-1] T\n{body}\n## [B-1] U\n- Next Actions:\n  1. other\n");
        let ledger = LedgerDocument::read("l.md", &source).expect("a ledger");
        let item = ledger.item("A-1").expect("the item");
        ActionList::read(ledger.text(), &item).map_err(|refusal| refusal.to_string())
    }

    fn found(body: &str) -> (Vec<usize>, String, ActionMarker) {
        let list = list(body).expect("no refusal").expect("a list");
        (list.lines, list.indent, list.marker)
    }

    #[test]
    fn the_list_goes_on_as_it_began() {
        assert_eq!(
            found("- Next Actions (2026-01-02):\n  1. a\n     more\n  3. b\n- Attempts History:"),
            (vec![1, 2, 3, 4], "  ".into(), ActionMarker::Number(4, '.'))
        );
        assert_eq!(
            found("- **Next Actions:**\n\t* a\n\t\t- detail\n\n- Risks: x"),
            (vec![1, 2, 3], "\t".into(), ActionMarker::Bullet('*'))
        );
        assert_eq!(found("- Next Actions: none"), (vec![1], "  ".into(), ActionMarker::Number(1, '.')));
        assert_eq!(
            found("### Next Actions\n- a\n\n- b\n\n---"),
            (vec![1, 2, 4], String::new(), ActionMarker::Bullet('-'))
        );
        assert_eq!(
            found("**Next Actions:**\n\n1. a\n2. b\n- Risks: none"),
            (vec![1, 3, 4], String::new(), ActionMarker::Number(3, '.'))
        );
    }

    #[test]
    fn the_next_actions_of_an_attempt_are_not_those_of_the_item() {
        let history = "- Attempts History:\n  * [2026-01-02] Attempt #1 - x\n    Next Actions:\n      1. y";
        assert_eq!(list(history), Ok(None));
        assert_eq!(list("```\n- Next Actions:\n```"), Ok(None));
    }

    #[test]
    fn two_lists_are_refused_with_their_lines() {
        let two = "- Next Actions:\n  1. a\n- Next Actions (old):\n  1. b";
        let words = "l.md:2: the item has several lists of Next Actions, on lines 2 and 4: merge them";
        assert_eq!(list(two), Err(words.into()));
    }
}
