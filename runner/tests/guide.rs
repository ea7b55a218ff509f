//! Runs the guide: every workflow of docs/guide/workflow.md is checked, and run where it says how it ends.
//!
//! A block ```` ```yaml workflow ```` must be valid; `exit=N` behind that says with which code `runner run`
//! ends. The blocks share one project, in order, so that a later one may read the bundle of an earlier one.
//! Run by cargo; it must never leave a file outside its temporary project.

mod markdown;
mod support;

use markdown::{Block, blocks, page};
use support::Project;

const FILE: &str = "workflows/guide.yaml";

fn workflows() -> Vec<(Block, Option<Block>)> {
    let all = blocks(&page("docs/guide/workflow.md"));
    let next = all.iter().skip(1).cloned().map(Some).chain([None]);
    all.iter().cloned().zip(next).filter(|(block, _)| block.info.starts_with("yaml")).collect()
}

#[test]
fn every_workflow_of_the_guide_ends_as_the_guide_says() {
    let project = Project::new();
    let workflows = workflows();
    assert!(workflows.len() >= 15, "only {} workflows were found", workflows.len());
    for (block, next) in workflows {
        let place = format!("docs/guide/workflow.md:{}", block.line);
        assert!(block.text.starts_with("version: 1\n"), "{place} is not a whole workflow");
        project.write(FILE, &block.text);
        let exit =
            block.info.strip_prefix("yaml workflow").unwrap_or_else(|| panic!("{place}: {}", block.info));
        let expected: Option<i32> =
            exit.trim().strip_prefix("exit=").map(|code| code.parse().expect("a code"));
        let refused = expected.filter(|code| matches!(code, 2 | 5));
        let validated = project.runner(&["validate", FILE]);
        assert_eq!(validated.code, Some(refused.unwrap_or(0)), "{place}: {}", validated.transcript());
        if let (Some(_), Some(text)) = (refused, next.filter(|next| next.info == "text")) {
            assert_eq!(validated.stderr.trim_end(), text.text.trim_end(), "{place}: what the guide shows");
        }
        if expected.is_some() {
            let ended = project.runner(&["run", FILE]);
            assert_eq!(ended.code, expected, "{place}: {}", ended.transcript());
        }
    }
}

#[test]
fn every_key_of_a_step_is_in_the_guide() {
    let project = Project::new();
    project.write(FILE, "version: 1\nid: x\nbundle: { root: r, zzzzzz: 1 }\nzzzzzz: 1\nsteps: [{ id: a, run: [ls], zzzzzz: 1 }]\n");
    let refused = project.runner(&["validate", FILE]).stderr;
    let guide = page("docs/guide/workflow.md");
    let mut keys = 0;
    // The help of an unknown key lists those that exist.
    for line in refused.lines().filter(|line| line.contains("help")) {
        for key in line.split('`').skip(1).step_by(2).filter(|key| *key != "zzzzzz") {
            keys += 1;
            assert!(guide.contains(&format!("`{key}`")), "the guide does not name `{key}`");
        }
    }
    assert!(keys >= 20, "only {keys} keys in: {refused}");
}
