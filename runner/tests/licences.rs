//! Holds the licence of every dependency against the list in deny.toml, and its source against crates.io.
//!
//! Asks `cargo metadata`, offline: what is looked at is what cargo resolved and downloaded for this platform.
//! [`allowed`] reads an SPDX expression. Run by cargo; it must never use the network.

use std::process::Command;

use serde_json::Value;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The entries of `allow = [...]` in the text of deny.toml.
fn allow_list(deny: &str) -> Vec<&str> {
    let (_, after) = deny.split_once("\nallow = [").expect("a list of licences");
    let (list, _) = after.split_once(']').expect("the end of the list");
    list.split('"').skip(1).step_by(2).collect()
}

/// Whether an SPDX expression can be met with the licences of the list: `OR` (in old manifests `/`) needs
/// one side, `AND` both; `AND` binds closer.
fn allowed(expression: &str, list: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, list);
    met && at == words.len()
}

fn any(words: &[&str], at: &mut usize, list: &[&str]) -> bool {
    let mut met = all(words, at, list);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, list);
    }
    met
}

fn all(words: &[&str], at: &mut usize, list: &[&str]) -> bool {
    let mut met = one(words, at, list);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, list);
    }
    met
}

fn one(words: &[&str], at: &mut usize, list: &[&str]) -> bool {
    if words.get(*at) == Some(&"(") {
        *at += 1;
        let met = any(words, at, list);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return met && closed;
    }
    let mut name = words.get(*at).copied().unwrap_or_default().to_owned();
    *at += 1;
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).copied().unwrap_or_default());
        *at += 2;
    }
    list.contains(&name.as_str())
}

#[expect(clippy::disallowed_methods, reason = "a test asks cargo about the workspace; nothing is built")]
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

#[test]
fn every_dependency_has_an_allowed_licence_and_comes_from_crates_io() {
    let deny = include_str!("../../deny.toml");
    let list = allow_list(deny);
    let version = cargo(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo's platform");
    let metadata =
        cargo(&["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let mut wrong = Vec::new();
    let mut foreign = 0;
    for package in packages {
        let (name, version) = (&package["name"], &package["version"]);
        let licence = package["license"].as_str().unwrap_or("no licence");
        match package["source"].as_str() {
            None => {}
            Some(CRATES_IO) => foreign += 1,
            Some(other) => wrong.push(format!("{name} {version} comes from {other}")),
        }
        if !allowed(licence, &list) {
            wrong.push(format!("{name} {version}: {licence}"));
        }
    }
    assert!(foreign > 50, "only {foreign} dependencies were found");
    assert!(wrong.is_empty(), "not allowed by deny.toml:\n{}", wrong.join("\n"));
}

#[test]
fn an_expression_is_met_by_one_side_of_or_and_both_of_and() {
    let list = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-3-Clause"];
    for good in [
        "MIT",
        "GPL-3.0-only OR MIT",
        "MIT/GPL-3.0-only",
        "(MIT OR GPL-3.0-only) AND BSD-3-Clause",
        "Apache-2.0 WITH LLVM-exception",
        "MIT AND GPL-3.0-only OR Apache-2.0",
    ] {
        assert!(allowed(good, &list), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "(MIT",
        "MIT MIT",
        "GPL-3.0-only WITH LLVM-exception",
        "MIT AND (CDDL-1.0 OR GPL-3.0-only)",
        "no licence",
    ] {
        assert!(!allowed(bad, &list), "{bad}");
    }
}
