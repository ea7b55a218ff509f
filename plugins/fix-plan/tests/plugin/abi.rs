//! The built library through the real ABI: what crosses the border is the edit that the crate computes, and
//! a refusal arrives with its kind and its words.

use runner_plugin_testkit::{FailureKind, Testkit, built_library};

use crate::support::{config, edit, ledger, record};

#[test]
fn the_library_gives_the_same_edit_as_the_crate() {
    let text = ledger("  * [2026-11-01] Attempt #4 - Result: x.");
    let kit = Testkit::load(built_library("fix-plan")).expect("the library");
    let over_abi = kit.ledger(config(), &[("docs/fix_plan.md", &text)], record()).expect("an edit");
    assert_eq!(over_abi, edit(config(), &text, None, record()).expect("an edit"));
    assert!(kit.artifacts().is_empty() && kit.programs().is_empty());
}

#[test]
fn a_refusal_arrives_with_the_line_and_a_proposal() {
    let kit = Testkit::load(built_library("fix-plan")).expect("the library");
    let twice = [("docs/fix_plan.md", "## [GAP-2] T\n## [GAP-2] T\n")];
    let edit = kit.ledger(config(), &twice, record()).expect("a proposal");
    let reason = edit.refused.expect("a reason");
    assert!(reason.starts_with("docs/fix_plan.md:1: item `[GAP-2]` has several"), "{reason}");
    assert!(edit.splices["docs/fix_plan.md"][0].text.contains("Attempt #1"));
    let failure = kit.ledger(config(), &twice, serde_json::json!({})).expect_err("no record, no entry");
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(
        failure.message.contains("has several") || failure.message.contains("run record"),
        "{}",
        failure.message
    );
}
