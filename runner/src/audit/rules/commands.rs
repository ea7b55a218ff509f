//! The rule `commands`: the commands that were run are written down.

use super::Rule;
use crate::audit::Finding;
use crate::audit::subject::{Subject, is_commands_name};
use crate::diagnostic::counted;

pub const RULE: Rule = Rule {
    id: "commands",
    what: "a file holds the commands that were run (`commands.txt`, `.sh`, `.log`, `.jsonl`, ...)",
    unless: "",
    check,
};

fn check(subject: &Subject) -> Finding {
    if let Some(source) = subject.commands.first() {
        let line = source.commands.first().map_or(1, |told| told.line);
        let told = counted(source.working().count(), "command");
        let named = is_commands_name(&source.file);
        let how = if named { "" } else { ", found by its content: name it commands.txt" };
        return Finding::holds(format!("{told}{how}")).at(&source.file, line);
    }
    match (subject.command_texts.first(), no_reading(subject)) {
        (_, Some(finding)) => finding,
        (Some(text), None) => Finding::broken("holds no command that can be recognised").in_file(&text.name),
        (None, None) => Finding::broken("no file tells what was run"),
    }
}

/// When a list of commands is there but cannot be read.
pub fn no_reading(subject: &Subject) -> Option<Finding> {
    let reason = subject
        .unreadable
        .iter()
        .find(|reason| is_commands_name(reason.split(" cannot be read").next().unwrap_or_default()))?;
    Some(Finding::unknown(reason.clone()))
}

/// What rules about commands say where there are none.
pub fn without_commands(subject: &Subject) -> Finding {
    no_reading(subject).unwrap_or_else(|| Finding::not_applicable("there are no commands"))
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    #[test]
    fn commands_are_found_by_name_and_by_content() {
        for (name, text) in [
            ("commands.txt", "python run.py\n"),
            ("commands.log", "$ anything --at all\n"),
            ("run.sh", "#!/bin/bash\nset -e\n./simulate\n"),
            ("summary.md", "# X\n## Command\n```bash\npython run.py\n```\n"),
        ] {
            let finding = judge("commands", &[(name, text)]);
            assert_eq!(finding.verdict, Verdict::Holds, "{name}: {finding}");
            assert!(finding.to_string().starts_with(name), "{finding}");
        }
    }

    #[test]
    fn a_list_without_a_command_and_no_list_break_it_and_a_link_is_not_followed() {
        for files in [&[("commands.txt", "nothing was run by hand\n")][..], &[("analysis.md", "# X\n")][..]] {
            assert_eq!(judge("commands", files).verdict, Verdict::Broken);
        }
        let finding = judge("commands", &[("commands.txt", "-> /etc/passwd")]);
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding}");
        assert!(finding.reason.contains("symbolic link"), "{finding}");
    }
}
