//! The rule `git_head`: the commit that the commands ran on is written down, carried out and not as `$(git ...)`.

use super::Rule;
use super::commands::without_commands;
use crate::audit::Finding;
use crate::audit::commands::{Said, commit_in};
use crate::audit::subject::Subject;

pub const RULE: Rule = Rule {
    id: "git_head",
    what: "the commit of HEAD stands with the commands, or in the environment or the summary",
    unless: "there are no commands, or they state that there is no repository",
    check,
};

fn check(subject: &Subject) -> Finding {
    if subject.commands.is_empty() {
        return without_commands(subject);
    }
    for source in &subject.commands {
        if source.commands.iter().all(|told| told.head == Said::Null) {
            return Finding::not_applicable("the commands state that there is no commit")
                .in_file(&source.file);
        }
        if source.commands.iter().any(|told| told.head != Said::No) {
            return match source.commands.iter().find(|told| told.head == Said::No) {
                Some(told) => Finding::broken("no commit with this command").at(&source.file, told.line),
                None => Finding::holds("with every command").in_file(&source.file),
            };
        }
    }
    if let Some((file, (commit, line))) =
        subject.commands.iter().find_map(|source| Some((&source.file, source.head.as_ref()?)))
    {
        return Finding::holds(format!("{commit}, once for all commands")).at(file, *line);
    }
    for text in subject.environments.iter().chain(&subject.summaries) {
        let said = text.lines().find_map(|(line, content)| Some((line, commit_in(content)?)));
        if let Some((line, commit)) = said {
            return Finding::holds(format!("{commit}, not with the commands themselves"))
                .at(&text.name, line);
        }
    }
    let unexpanded = subject.commands.iter().find_map(|source| Some((&source.file, source.unexpanded?)));
    match unexpanded {
        Some((file, line)) => Finding::broken("says how to ask git, and not what git said").at(file, line),
        None => Finding::broken("no commit is named").in_file(&subject.commands[0].file),
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    const COMMIT: &str = "22ea5c188f6a7c9f38f18228dd1b0e27c14e5290";

    #[test]
    fn a_commit_counts_with_the_commands_and_in_the_environment() {
        let listed = judge("git_head", &[("commands.txt", &format!("# Git SHA: {COMMIT}\nmake\n"))]);
        assert_eq!((listed.verdict, listed.places[0].line), (Verdict::Holds, Some(1)), "{listed}");
        let env = format!("{{\n  \"git_sha\": \"{COMMIT}\"\n}}\n");
        let found = judge("git_head", &[("commands.txt", "make\n"), ("env.json", &env)]);
        assert!(found.to_string().starts_with("env.json:2: "), "{found}");
        assert_eq!(found.verdict, Verdict::Holds);
    }

    #[test]
    fn a_substitution_that_nobody_carried_out_is_none() {
        let finding = judge("git_head", &[("commands.txt", "# Commit: $(git rev-parse HEAD)\nmake\n")]);
        assert_eq!(finding.to_string(), "commands.txt:1: says how to ask git, and not what git said");
        assert_eq!(judge("git_head", &[("commands.txt", "make\n")]).verdict, Verdict::Broken);
    }

    #[test]
    fn outside_a_repository_there_is_none() {
        let line = "{\"cmd\": \"make\", \"git_head\": null}\n";
        assert_eq!(judge("git_head", &[("commands.jsonl", line)]).verdict, Verdict::NotApplicable);
    }
}
