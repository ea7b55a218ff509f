//! `runner ledger show` and `runner ledger check`, from outside: a ledger with every kind of trouble, a clean
//! one, and files that are none. What the check may say of a path is decided by files that exist or do not.

mod evidence;
mod support;

use evidence::{Evidence, LEDGER_STEP, workflow};
use insta::assert_snapshot;
use serde_json::Value;
use support::Project;

/// One of each sort of trouble; `src/a.rs` and `reports/` exist.
const MESSY: &str = "\
# Plan

**Last Updated:** 2999-01-01

## Index
| ID | Title | Priority | Status |
| --- | --- | --- | --- |
| [GAP-002](#gap-002-audit) | Audit of a|b | High | done |
| [OLD-001](#old-001) | Old | High | done |
| [GAP-002](#gap-002-audit) | Audit | High | in_progress |
| [FIX-003](#fix-003-fix-x) | Fix -x | Low | blocked |

## [GAP-002] Audit
- Status: in_progress (Phase A complete)
- Plan Reference: `plans/none.md`
- Attempts History:
  * [2026-01-02] Attempt #5 \u{2014} Result: fine. Did it.
    Artifacts:
      - `src/a.rs:12`, `src/b.rs`
      - `reports/20260102T030405Z` and `24/24`
    Next Actions: look at `src/c.rs`
  * [2026-02-30 10:11Z] Attempt #2 (me) - Result: partial
  * [2999-01-02] Attempt #5 - Result: again

### Archive

---

## [FIX-003] Fix -x
- Status: blocked: no machine
- Attempts History:
  * [2026-01-02] Attempt #1 - Result: code
    ```text
  * [2026-01-02] Attempt #99 - Result: in code

## [GAP-002] Audit
<<<<<<< HEAD
- Status: done
=======
- Status: open
>>>>>>> other
```
## [HIDDEN-001] never closed
";

fn project(ledger: &str) -> Project {
    let project = Project::without_git();
    project.write("docs/fix_plan.md", ledger);
    project.write("src/a.rs", "");
    project.write("reports/README.md", "");
    project
}

#[test]
fn every_kind_of_trouble_is_listed_with_its_line() {
    let project = project(MESSY);
    let ended = project.runner(&["-C", ".", "ledger", "check", "docs/fix_plan.md"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert_snapshot!(ended.transcript());
    assert_eq!(project.read("docs/fix_plan.md"), MESSY, "nothing is changed");
}

#[test]
fn machines_get_the_same_findings_with_line_kind_and_item() {
    let project = project(MESSY);
    let text = project.runner(&["-C", ".", "ledger", "check", "docs/fix_plan.md"]);
    let json = project.runner(&["--json", "-C", ".", "ledger", "check", "docs/fix_plan.md"]);
    assert_eq!(json.code, Some(4), "{}", json.transcript());
    let value: Value = serde_json::from_str(&json.stdout).expect("one document");
    let findings = value["findings"].as_array().expect("a list");
    assert_eq!(value["clean"], false);
    assert_eq!(findings.len() + 1, text.stdout.lines().count(), "a line each, and the count");
    for (finding, line) in findings.iter().zip(text.stdout.lines()) {
        let start =
            format!("docs/fix_plan.md:{}: {}: ", finding["line"], finding["kind"].as_str().expect("a word"));
        assert!(line.starts_with(&start), "{start} and {line}");
        assert!(line.ends_with(finding["message"].as_str().expect("words")), "{line}");
    }
}

#[test]
fn a_clean_ledger_is_said_to_be_clean() {
    let project = Project::without_git();
    let ended = project.runner(&["ledger", "check", "docs/fix_plan.md"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(ended.stdout, "docs/fix_plan.md: 1 item, nothing is wrong\n");
    let quiet = project.runner(&["--quiet", "ledger", "check", "docs/fix_plan.md"]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (Some(0), ""));
}

#[test]
fn a_ledger_that_cannot_be_read_is_no_clean_one() {
    let project = Project::without_git();
    let missing = project.runner(&["ledger", "check", "docs/none.md"]);
    assert_eq!(missing.code, Some(2), "{}", missing.transcript());
    assert!(missing.stderr.contains("cannot read the ledger `docs/none.md`"), "{}", missing.stderr);
    project.write("docs/latin.md", b"# Plan\n\ncaf\xe9\n");
    let latin = project.runner(&["ledger", "show", "docs/latin.md"]);
    assert_eq!(latin.code, Some(2), "{}", latin.transcript());
    assert!(latin.stderr.contains("docs/latin.md:3: the ledger is not UTF-8"), "{}", latin.stderr);
    // Another text, and one whose items a fence hides.
    project.write("docs/other.md", "# Notes\n\n## Today\n");
    project.write("docs/hidden.md", "# Plan\n\n```text\n\n## [GAP-001] Hidden\n");
    for (file, end) in [
        ("other", "`## [ID] Title`\n"),
        ("hidden", "the code fence on line 3 is never closed and hides what follows\n"),
    ] {
        for command in ["show", "check"] {
            let ended = project.runner(&["ledger", command, &format!("docs/{file}.md")]);
            assert_eq!(ended.code, Some(2), "{}", ended.transcript());
            assert!(
                ended.stderr.contains("no items: an item begins with") && ended.stderr.ends_with(end),
                "{ended:?}"
            );
        }
    }
}

#[test]
fn items_and_attempts_are_shown() {
    let project = project(MESSY);
    let all = project.runner(&["ledger", "show", "docs/fix_plan.md"]);
    let one = project.runner(&["ledger", "show", "docs/fix_plan.md", "FIX-003"]);
    assert_snapshot!(format!("{}\n{}", all.transcript(), one.transcript()));
    let json = project.runner(&["--json", "ledger", "show", "docs/fix_plan.md"]);
    let value: Value = serde_json::from_str(&json.stdout).expect("one document");
    let item = &value["items"][0];
    assert_eq!((&item["id"], &item["highest"], &item["next"]), (&"GAP-002".into(), &5.into(), &6.into()));
    assert_eq!(item["attempts"][1]["date"], "2026-02-30 10:11Z");
    assert_eq!(item["attempts"][1]["result"], "partial");
}

#[test]
fn an_item_that_is_ambiguous_or_missing_is_refused_with_its_lines() {
    let project = project(&MESSY.replace("<<<<<<< HEAD\n", "").replace(">>>>>>> other\n", ""));
    let twice = project.runner(&["ledger", "show", "docs/fix_plan.md", "GAP-002"]);
    assert_eq!(twice.code, Some(2));
    assert!(twice.stderr.contains("has several headings, on lines 13 and 36"), "{}", twice.stderr);
    let none = project.runner(&["ledger", "show", "docs/fix_plan.md", "GAP-003"]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("did you mean `GAP-002`"), "{}", none.stderr);
}

/// A project that is committed, whose workflow runs a step and then the ledger.
fn runs() -> Project {
    let project = Project::new();
    let steps = format!("  - id: step\n    uses: villain\n    with: {{ size: 64 }}\n{LEDGER_STEP}");
    project.write("w.yaml", workflow("", &steps));
    project
}

#[test]
fn what_a_run_writes_is_clean_and_names_only_artifacts_that_exist() {
    let project = runs();
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let ledger = project.read("docs/fix_plan.md");
    assert!(ledger.contains("summary.md`\n"), "artifacts are named: {ledger}");
    let checked = project.runner(&["ledger", "check", "docs/fix_plan.md"]);
    assert_eq!(checked.code, Some(0), "{}", checked.transcript());
}

#[test]
fn an_entry_without_a_place_is_a_patch_that_git_applies() {
    let project = runs();
    project.write("docs/fix_plan.md", "# Fix plan\n\n## [OTHER-001] Something else\n- Attempts History:\n");
    project.commit();
    let before = project.read("docs/fix_plan.md");
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(project.read("docs/fix_plan.md"), before);
    let patch = Evidence::only(&project).path().join("ledger.patch");
    project.git(&["apply", patch.to_str().expect("UTF-8")]);
    let shown = project.runner(&["ledger", "show", "docs/fix_plan.md", "LOOP-001"]);
    assert!(shown.stdout.contains("next attempt: #2\n"), "{}", shown.transcript());
    assert!(project.read("docs/fix_plan.md").starts_with(&before), "only added lines");
}
