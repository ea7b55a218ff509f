//! The beginning and the end of an Attempts History: [`HistoryLine`] reads its first line and says which
//! later line ends it. Called by [`crate::item`]. Must never end a history at an attempt, in whatever form
//! that is written.

use crate::attempt::{AttemptForm, AttemptLine};
use crate::text::{folded, heading, indent, list_marker};

/// The first line of an Attempts History.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryLine {
    /// `- Attempts History:` with the bullet in this column.
    Bullet(usize),
    /// `### Attempts History` of this level.
    Heading(usize),
    /// `**Attempts History:**`, or the words alone.
    Label,
}

impl HistoryLine {
    /// Reads a line.
    pub fn read(line: &str) -> Option<Self> {
        let (form, text) = if let Some((level, text)) = heading(line) {
            (Self::Heading(level), text)
        } else if let Some(marker) = list_marker(line) {
            (Self::Bullet(marker.indent), &line[marker.content..])
        } else {
            (Self::Label, line)
        };
        if indent(line) >= 4 {
            return None;
        }
        let text = text.trim_start().trim_start_matches(['*', '_']);
        if !text.starts_with(['A', 'a']) {
            return None;
        }
        let text = folded(text);
        let rest = ["Attempts History", "Attempt History"].iter().find_map(|title| {
            let head = text.get(..title.len())?;
            head.eq_ignore_ascii_case(title).then(|| &text[title.len()..])
        })?;
        let rest = rest.trim_start_matches(['*', '_', ' ', '\t']);
        let ends = rest.is_empty() || rest.starts_with(':') || (rest.starts_with('(') && form != Self::Label);
        ends.then_some(form)
    }

    /// The column of the history's bullet; 0 for the other forms.
    pub fn indent(self) -> usize {
        match self {
            Self::Bullet(indent) => indent,
            Self::Heading(_) | Self::Label => 0,
        }
    }

    /// Whether a line that is not an attempt ends this history. `last` is the attempt before it.
    pub fn ends_at(self, line: &str, last: Option<&AttemptLine>) -> bool {
        if let Some((level, _)) = heading(line) {
            let inside_attempt =
                last.is_some_and(|last| matches!(last.form, AttemptForm::Heading(own) if level > own));
            return !inside_attempt && !matches!(self, Self::Heading(own) if level > own);
        }
        match (self, list_marker(line)) {
            (Self::Bullet(own), Some(marker)) => {
                let under_heading = last.is_some_and(|last| matches!(last.form, AttemptForm::Heading(_)));
                marker.indent <= own && !(under_heading && is_body(&line[marker.content..]))
            }
            (Self::Heading(_) | Self::Label, Some(marker)) => {
                let content = &line[marker.content..];
                marker.indent == 0 && is_field(content) && !is_body(content)
            }
            (Self::Label, None) => indent(line) == 0 && line.starts_with("**") && is_field(line),
            (Self::Bullet(_), None) => {
                let under_heading = last.is_some_and(|last| matches!(last.form, AttemptForm::Heading(_)));
                let next = line.starts_with("**Next Actions");
                line.starts_with("**") && is_field(line) && !under_heading && (next || !is_body(line))
            }
            (Self::Heading(_), None) => false,
        }
    }
}

/// `Priority: High`, `**Owner/Date:** x`: a label of a few words in front of a colon.
pub(crate) fn is_field(text: &str) -> bool {
    let text = text.trim_start_matches(['*', '_']);
    text.split_once(':').is_some_and(|(label, _)| {
        label.len() <= 40
            && label.starts_with(|c: char| c.is_ascii_uppercase())
            && label.chars().all(|c| c.is_ascii_alphabetic() || " /&()".contains(c))
    })
}

/// The labels that an attempt itself has; an item's `Next Actions` looks the same.
fn is_body(text: &str) -> bool {
    let text = text.trim_start_matches(['*', '_']);
    ["Metrics", "Artifacts", "Observations", "Hypotheses", "Next Actions", "Result", "Notes", "Changes"]
        .iter()
        .any(|label| text.starts_with(label))
}

#[cfg(test)]
mod tests {
    use super::HistoryLine;

    #[test]
    fn the_title_is_read_in_every_form_and_prose_about_it_is_not() {
        assert_eq!(HistoryLine::read("- Attempts History:"), Some(HistoryLine::Bullet(0)));
        assert_eq!(HistoryLine::read("- Attempts History: None yet."), Some(HistoryLine::Bullet(0)));
        assert_eq!(HistoryLine::read("  * **Attempts History** (new):"), Some(HistoryLine::Bullet(2)));
        assert_eq!(HistoryLine::read("- Attempts\u{a0}History:"), Some(HistoryLine::Bullet(0)));
        assert_eq!(HistoryLine::read("### Attempt history"), Some(HistoryLine::Heading(3)));
        assert_eq!(HistoryLine::read("**Attempts History:**"), Some(HistoryLine::Label));
        assert_eq!(HistoryLine::read("- Attempts History updated"), None);
        assert_eq!(HistoryLine::read("      - Attempts History: nested"), None);
        assert_eq!(HistoryLine::read("Attempts History is long"), None);
    }

    #[test]
    fn a_sibling_bullet_ends_a_bulleted_history_and_a_body_does_not() {
        let history = HistoryLine::Bullet(0);
        assert!(history.ends_at("- Risks: none", None));
        assert!(history.ends_at("### Archive", None));
        assert!(!history.ends_at("    Metrics: n/a", None));
        assert!(!history.ends_at("lazy continuation", None));
        assert!(history.ends_at("**Next Actions:**", None) && history.ends_at("**Owner:** me", None));
        assert!(!history.ends_at("**Metrics:** at the margin", None));
        assert!(HistoryLine::Heading(3).ends_at("- Exit Criteria: x", None));
        assert!(!HistoryLine::Heading(3).ends_at("- Next Actions: x", None));
        assert!(!HistoryLine::Heading(3).ends_at("#### Detail", None));
    }
}
