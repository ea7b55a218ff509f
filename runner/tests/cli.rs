//! The command line as a user meets it: help, listings, dry runs, wrong usage.
//!
//! Whole outputs are compared with committed snapshots (see `support` for what is redacted). Workflows with
//! mistakes are in `broken_workflows.rs`. Nothing here runs a step.

mod support;

use support::Project;

#[test]
fn the_version_is_the_version_of_the_package() {
    let ended = Project::new().runner(&["--version"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout, format!("runner {}\n", env!("CARGO_PKG_VERSION")));
}
