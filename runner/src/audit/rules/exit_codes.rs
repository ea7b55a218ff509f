//! The rule `exit_codes`: every command has its exit code, in digits.

use super::Rule;
use super::times::each_command;
use crate::audit::Finding;
use crate::audit::commands::Said;
use crate::audit::subject::Subject;

pub const RULE: Rule = Rule {
    id: "exit_codes",
    what: "every command has its exit code or signal; what only prepares needs none",
    unless: "there are no commands",
    check,
};

fn check(subject: &Subject) -> Finding {
    // A command that a signal ended has no code, and says so with null.
    each_command(subject, "an exit code or signal each", |told| {
        (told.exit == Said::No).then_some("no exit code")
    })
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    #[test]
    fn a_code_must_stand_there_and_not_only_be_asked_for() {
        assert_eq!(
            judge("exit_codes", &[("commands.txt", "make\n# exit code: 2\n")]).verdict,
            Verdict::Holds
        );
        let asked = "make\necho \"exit code: $?\"\n";
        let finding = judge("exit_codes", &[("commands.txt", asked)]);
        assert_eq!(finding.to_string(), "commands.txt:1: no exit code with `make`");
        assert_eq!(finding.verdict, Verdict::Broken);
    }
}
