//! What a note asks for and the runner does anyway: [`held`], a table of rules.
//!
//! Each rule is a list of word groups that an item must all contain, and the sentence that says who holds it.
//! A rule that is missing here costs a comment "not understood"; a wrong one would hide something that a
//! person must do. So the groups are narrow, and an item keeps its text in the draft either way.

/// What of the draft a rule can lean on.
#[expect(clippy::struct_excessive_bools, reason = "each says whether one thing is there")]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    pub(super) env: bool,
    pub(super) collect: bool,
    pub(super) ledger: bool,
    pub(super) fallback: bool,
}

/// All groups must be there; the words of a group are alternatives.
struct Rule {
    groups: &'static [&'static [&'static str]],
    needs: fn(Steps) -> bool,
    by: &'static str,
}

const fn always(_: Steps) -> bool {
    true
}

const RULES: &[Rule] = &[
    Rule {
        groups: &[&["stamp=$(date", "stamp=\"$(date", "fresh $stamp", "fresh stamp"]],
        needs: always,
        by: "the runner makes the stamp (UTC) and the bundle; no earlier one is written again",
    },
    Rule {
        groups: &[&["ascii"]],
        needs: always,
        by: "ASCII-only: held by the writer of summary.md and commands.txt",
    },
    Rule {
        groups: &[&["commands.txt"], &["record", "capture", "log", "list", "keep", "document"]],
        needs: always,
        by: "commands.txt: each command with environment, start, end, exit code and git HEAD, by the one way to start a program",
    },
    Rule {
        groups: &[
            &["do not", "don't", "avoid", "no ", "never", "without"],
            &[
                "production code",
                "source code",
                "production source",
                "source files",
                "production edits",
                "code edits",
                "code changes",
            ],
        ],
        needs: always,
        by: "evidence-only: writes outside the bundle are prevented, and the repository is compared before and after",
    },
    Rule {
        groups: &[&[
            "stray file",
            "remains under",
            "stays under",
            "stay under",
            "inside the timestamped",
            "under the timestamped",
        ]],
        needs: always,
        by: "outputs under the stamp: writes elsewhere are prevented, and bundle.requires is checked before sealing",
    },
    Rule {
        groups: &[
            &["do not", "don't", "avoid", "never"],
            &["downscale", "down-scale", "reduce the size", "shrink", "smaller size", "reduce detector"],
        ],
        needs: |steps| steps.fallback,
        by: "the asked size first: the fallback runs only after it was tried and failed, and the run is blocked then",
    },
    Rule {
        groups: &[&["warning"], &["keep", "note", "capture", "retain", "do not suppress", "never suppress"]],
        needs: always,
        by: "warnings kept: those in the logs become surprises in summary.md, and none is filtered",
    },
    Rule {
        groups: &[
            &["do not", "don't", "avoid", "never"],
            &["move", "rename", "overwrite", "delete", "modify", "edit"],
            &["prior", "earlier", "previous", "archival", "existing"],
            &["artifact", "bundle", "report", "evidence", "data"],
        ],
        needs: always,
        by: "earlier bundles untouched: no step can write there, and those below `inputs:` are digested before and after",
    },
    Rule {
        groups: &[
            &["exited 0", "exit code", "exit status", "exits 0", "exit 0"],
            &["verify", "check", "confirm", "ensure"],
        ],
        needs: always,
        by: "a step that does not exit with 0 ends the run: blocked, with its evidence",
    },
    Rule {
        groups: &[
            &["env.json", "environment info", "environment metadata", "env metadata"],
            &["dump", "record", "capture", "write", "emit", "save"],
        ],
        needs: |steps| steps.env,
        by: "step `env`",
    },
    Rule {
        groups: &[
            &["--collect-only", "collect.log", "collect-only"],
            &["run", "capture", "record", "save", "| tee", ">"],
        ],
        needs: |steps| steps.collect,
        by: "step `collect`",
    },
    Rule {
        groups: &[
            &["fix_plan", "fix plan", "ledger"],
            &["update", "refresh", "append", "record", "add an attempt", "log"],
        ],
        needs: |steps| steps.ledger,
        by: "step `ledger`: the attempt, its metrics and its artifacts",
    },
    Rule {
        groups: &[&["summary.md"], &["create", "write", "outline", "summarise", "summarize", "compose"]],
        needs: always,
        by: "in part: the runner writes summary.md from the evidence (status, figures, surprises); what only a person can conclude is not in it",
    },
];

/// Who holds what an item asks for; `None` when nobody is known to.
pub(super) fn held(text: &str, steps: Steps) -> Option<&'static str> {
    let text = text.to_lowercase();
    let all = |rule: &&Rule| rule.groups.iter().all(|group| group.iter().any(|word| text.contains(word)));
    RULES.iter().filter(|rule| (rule.needs)(steps)).find(all).map(|rule| rule.by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Steps = Steps { env: true, collect: true, ledger: true, fallback: true };

    #[test]
    fn a_rule_is_known_by_its_words_and_only_where_its_step_is() {
        let by = |text: &str| held(text, ALL).unwrap_or("nobody");
        assert!(by("Maintain ASCII-only content in summary and command logs.").starts_with("ASCII-only"));
        assert!(
            by("Avoid editing production code; this loop is evidence-only.").starts_with("evidence-only")
        );
        assert!(by("Verify the profiler exited 0 before proceeding").starts_with("a step that does not"));
        assert_eq!(by("Skip GPU profiling until the blocker is cleared."), "nobody");
        assert_eq!(by("Edit the production code of the kernel."), "nobody");
        assert_eq!(held("Update `docs/fix_plan.md` Attempt history", Steps::default()), None);
    }
}
