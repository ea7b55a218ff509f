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
fn a_refusal_arrives_as_invalid_with_the_line() {
    let kit = Testkit::load(built_library("fix-plan")).expect("the library");
    let failure = kit
        .ledger(config(), &[("docs/fix_plan.md", "## [GAP-2] T\n## [GAP-2] T\n")], record())
        .expect_err("a refusal");
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(
        failure.message.contains("docs/fix_plan.md:1: item `[GAP-2]` has several"),
        "{}",
        failure.message
    );
}
