//! The rule `times`: every command has its start and its end.

use super::Rule;
use super::commands::without_commands;
use crate::audit::Finding;
use crate::audit::commands::{Said, Source, Told};
use crate::audit::subject::Subject;
use crate::diagnostic::counted;

pub const RULE: Rule = Rule {
    id: "times",
    what: "every command has a start and an end time; what only prepares (`export`, `mkdir`, `echo`, ...) needs none",
    unless: "there are no commands",
    check,
};

fn check(subject: &Subject) -> Finding {
    let lacks = |told: &Told| match (told.start == Said::Yes, told.end == Said::Yes) {
        (true, true) => None,
        (false, true) => Some("no start time"),
        (true, false) => Some("no end time"),
        (false, false) => Some("no start and no end time"),
    };
    each_command(subject, "a start and an end time", lacks)
}

/// Judges what every command must have, by the list that has it for most of its commands.
pub fn each_command(subject: &Subject, has: &str, lacks: impl Fn(&Told) -> Option<&'static str>) -> Finding {
    let missing = |source: &Source| source.working().filter(|told| lacks(told).is_some()).count();
    let Some(source) = subject.commands.iter().min_by_key(|source| missing(source)) else {
        return without_commands(subject);
    };
    let all = source.working().count();
    let Some((told, lack)) = source.working().find_map(|told| Some((told, lacks(told)?))) else {
        return Finding::holds(format!("{} with {has}", counted(all, "command"))).in_file(&source.file);
    };
    let others = match missing(source) {
        1 => String::new(),
        more => format!(", and {} more of {all}", more - 1),
    };
    Finding::broken(format!("{lack} with `{}`{others}", short(&told.text))).at(&source.file, told.line)
}

/// The beginning of a command.
fn short(command: &str) -> String {
    let shown: String = command.chars().take(60).collect();
    if shown.len() < command.len() { format!("{}...", shown.trim_end()) } else { shown }
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    #[test]
    fn both_times_are_needed_with_every_command() {
        let both = "# start 2025-11-20T10:11:12Z\nexport A=1\nmake all\n# end 2025-11-20T10:11:13Z\n";
        assert_eq!(judge("times", &[("commands.txt", both)]).verdict, Verdict::Holds);
        let finding = judge("times", &[("commands.txt", &format!("{both}make again\n"))]);
        assert_eq!(finding.verdict, Verdict::Broken);
        assert_eq!(finding.to_string(), "commands.txt:5: no start and no end time with `make again`");
        assert_eq!(judge("times", &[("a.md", "x")]).verdict, Verdict::NotApplicable);
    }

    #[test]
    fn the_list_that_tells_most_counts() {
        let lines = "{\"cmd\": \"make\", \"start\": \"a\", \"end\": \"b\"}\n";
        let finding = judge("times", &[("commands.txt", "make\n"), ("commands.jsonl", lines)]);
        assert_eq!(finding.to_string(), "commands.jsonl: 1 command with a start and an end time");
    }
}
