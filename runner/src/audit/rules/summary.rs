//! The rule `summary`: there is a summary, and it is ASCII.

use super::Rule;
use crate::audit::Finding;
use crate::audit::subject::{Subject, is_kind, is_summary_name};
use crate::audit::text::Text;
use crate::diagnostic::counted;

pub const RULE: Rule = Rule {
    id: "summary",
    what: "a summary is there (`summary.md`), not empty, and ASCII",
    unless: "",
    check,
};

fn check(subject: &Subject) -> Finding {
    if subject.summaries.is_empty() {
        let named =
            |reason: &&String| is_summary_name(reason.split(" cannot be read").next().unwrap_or_default());
        if let Some(reason) = subject.unreadable.iter().find(named) {
            return Finding::unknown(reason.clone());
        }
        let other = subject.files.iter().find(|file| is_kind(&file.name, &["md"]));
        let hint = other.map_or_else(String::new, |file| format!("; `{}` is named otherwise", file.name));
        return Finding::broken(format!("there is no summary{hint}"));
    }
    match subject.summaries.iter().find(|text| text.content.trim().is_empty()) {
        Some(empty) => Finding::broken("is empty").in_file(&empty.name),
        None => ascii(&subject.summaries),
    }
}

/// Whether texts are ASCII.
pub fn ascii(texts: &[Text]) -> Finding {
    for text in texts {
        if let Some(strange) = &text.strange {
            let lines = counted(strange.lines, "line");
            let are = if strange.lines == 1 { "is" } else { "are" };
            let reason = format!("column {} is {}; {lines} {are} not ASCII", strange.column, strange.what);
            return Finding::broken(reason).at(&text.name, strange.line);
        }
    }
    match texts.iter().find(|text| text.cut) {
        Some(text) => Finding::unknown("only the first 4 MiB were read: ASCII so far").in_file(&text.name),
        None => Finding::holds("ASCII").in_file(texts.first().map_or("", |text| &text.name)),
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::{judge, judge_bytes};

    #[test]
    fn a_summary_must_be_there_and_ascii() {
        assert_eq!(judge("summary", &[("summary.md", "# Fine\n")]).verdict, Verdict::Holds);
        assert_eq!(judge("summary", &[("summary.md", " \n")]).verdict, Verdict::Broken);
        let none = judge("summary", &[("analysis.md", "# X\n")]);
        assert_eq!(none.to_string(), "there is no summary; `analysis.md` is named otherwise");
        let mark = judge("summary", &[("summary.md", "# X\n\n1.15\u{d7} \u{2265} 1\n\u{274c}\n")]);
        assert_eq!(mark.to_string(), "summary.md:3: column 5 is U+00D7; 2 lines are not ASCII");
    }

    #[test]
    fn bytes_that_are_no_text_are_told_and_a_huge_file_is_read_in_part() {
        let binary = judge_bytes("summary", &[("summary.md", b"\xff\xfe#\0")]);
        assert!(binary.reason.contains("byte 0xff, which is not UTF-8 either"), "{binary}");
        let huge = judge_bytes("summary", &[("summary.md", &vec![b'x'; 5 << 20])]);
        assert_eq!(huge.verdict, Verdict::Unknown, "{huge}");
    }
}
