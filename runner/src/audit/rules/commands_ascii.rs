//! The rule `commands_ascii`: the list of commands is ASCII, so that it can be pasted anywhere.

use super::Rule;
use super::commands::without_commands;
use super::summary::ascii;
use crate::audit::Finding;
use crate::audit::subject::Subject;

pub const RULE: Rule = Rule {
    id: "commands_ascii",
    what: "the list of commands is ASCII",
    unless: "there are no commands",
    check,
};

fn check(subject: &Subject) -> Finding {
    if subject.command_texts.is_empty() { without_commands(subject) } else { ascii(&subject.command_texts) }
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    #[test]
    fn a_dash_from_a_word_processor_breaks_it() {
        let finding = judge("commands_ascii", &[("commands.txt", "make\nrun \u{2013}all\n")]);
        assert_eq!(finding.to_string(), "commands.txt:2: column 5 is U+2013; 1 line is not ASCII");
        assert_eq!(judge("commands_ascii", &[("commands.txt", "make\n")]).verdict, Verdict::Holds);
        assert_eq!(judge("commands_ascii", &[("a.md", "x\n")]).verdict, Verdict::NotApplicable);
    }
}
