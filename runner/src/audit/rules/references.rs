//! The rule `references`: files that the summary and the list of commands name are in the bundle.

use std::path::Path;

use super::Rule;
use crate::audit::Finding;
use crate::audit::paths::mentions;
use crate::audit::subject::Subject;
use crate::diagnostic::counted;

pub const RULE: Rule = Rule {
    id: "references",
    what: "every file of the bundle that the summary or the list of commands names is there",
    unless: "they name no file of the bundle",
    check,
};

fn check(subject: &Subject) -> Finding {
    let all = mentions(subject);
    if all.is_empty() {
        return Finding::not_applicable("the summary and the commands name no file of the bundle");
    }
    let there = |path: &str| {
        let path = Path::new(path);
        let in_repository = || subject.root.as_ref().is_some_and(|root| Subject::is_there(root, path));
        Subject::is_there(&subject.path, path) || in_repository()
    };
    let missing: Vec<_> = all.iter().filter(|mention| !there(&mention.path)).collect();
    let Some(first) = missing.first() else {
        return Finding::holds(format!("{}, all there", counted(all.len(), "name")));
    };
    let others = match missing.len() {
        1 => String::new(),
        more => format!(", and {} more of {}", more - 1, all.len()),
    };
    let mut finding = Finding::broken(format!("`{}` is not there{others}", first.path));
    for mention in missing.iter().take(20) {
        finding = finding.at(&mention.file, mention.line);
    }
    finding
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::{STAMP, judge};

    #[test]
    fn a_path_with_the_stamp_must_be_there() {
        let summary =
            format!("# X\n- trace: `reports/x/{STAMP}/a/trace.json`\n- log: `r/{STAMP}/run.log` (3 lines)\n");
        let finding = judge("references", &[("summary.md", &summary), ("run.log", "")]);
        assert_eq!(finding.verdict, Verdict::Broken);
        assert_eq!(finding.to_string(), "summary.md:2: `a/trace.json` is not there");
        let finding =
            judge("references", &[("summary.md", &summary), ("run.log", ""), ("a/trace.json", "{}")]);
        assert_eq!(finding.verdict, Verdict::Holds, "{finding}");
    }

    #[test]
    fn the_stamp_may_be_a_variable_and_a_list_of_files_names_them_plainly() {
        let commands = "pytest > reports/x/$STAMP/collect.log\n";
        let finding = judge("references", &[("commands.txt", commands)]);
        assert_eq!(finding.to_string(), "commands.txt:1: `collect.log` is not there");
        let summary = "Read `notes.md` first.\n\n## Artifacts\n- `env.json`\n- [plot](plot.png)\n";
        let finding = judge("references", &[("summary.md", summary), ("env.json", "{}")]);
        assert_eq!(finding.to_string(), "summary.md:5: `plot.png` is not there");
        assert_eq!(judge("references", &[("summary.md", "nothing\n")]).verdict, Verdict::NotApplicable);
    }

    #[test]
    fn a_bundle_of_the_same_second_elsewhere_is_another_one() {
        let summary = format!("- input: `reports/other/{STAMP}/trace.json`\n");
        let other = format!("../other/{STAMP}/trace.json");
        let finding = judge("references", &[("summary.md", &summary), (&other, "{}")]);
        assert_eq!(finding.verdict, Verdict::NotApplicable, "{finding}");
        let state = ("state.json", "{}");
        for (home, verdict) in [("reports/other", Verdict::Broken), ("reports/own", Verdict::NotApplicable)] {
            // A copy, of which the plan says where it was made.
            let plan = format!("{{\"bundle\": \"{home}/{STAMP}\"}}");
            let finding = judge("references", &[("summary.md", &summary), ("plan.json", &plan), state]);
            assert_eq!(finding.verdict, verdict, "{finding}");
            let summary = format!("see `../other/{STAMP}/trace.json`\n");
            let finding = judge("references", &[("summary.md", &summary), ("plan.json", &plan), state]);
            assert_eq!(finding.verdict, verdict, "from beside it: {finding}");
        }
        let finding = judge("references", &[("summary.md", &summary)]);
        assert_eq!(finding.verdict, Verdict::Broken, "where it was before it was moved: {finding}");
    }

    #[test]
    fn what_lies_behind_a_link_is_not_looked_at() {
        let summary = format!("see r/{STAMP}/out/passwd\n");
        let finding = judge("references", &[("summary.md", &summary), ("out", "-> /etc")]);
        assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
    }
}
