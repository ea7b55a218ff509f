//! Holds README.md and the other pages to what is there: the first two blocks of code are the two commands
//! that a newcomer needs, links lead to files, and every subcommand that is written down exists.
//!
//! Run by cargo; `.ci/run` takes the test command from the second block. It must never run the first one,
//! which builds everything.

mod markdown;

use std::process::Command;

use markdown::{blocks, linked_files, page, repository};

/// Every page for people, relative to the repository. The ledger and the plans are not pages: runs write them.
fn pages() -> Vec<String> {
    let mut pages = ["README.md", "CHANGELOG.md", "reports/README.md"].map(str::to_owned).to_vec();
    for directory in ["docs/guide", "docs/architecture"] {
        for entry in std::fs::read_dir(repository().join(directory)).expect("a directory of pages") {
            let path = entry.expect("readable").path();
            assert!(
                path.extension().is_some_and(|extension| extension == "md"),
                "{} is no page",
                path.display()
            );
            let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
            pages.push(format!("{directory}/{name}"));
        }
    }
    pages.sort();
    pages
}

/// The subcommands that `runner --help` lists.
fn subcommands() -> Vec<String> {
    let help = runner(&["--help"]);
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A long description goes on in lines that are indented further.
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
}

#[expect(clippy::disallowed_methods, reason = "the test starts the runner from outside, as a user does")]
fn runner(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_runner")).args(arguments).output().expect("the runner starts");
    String::from_utf8(output.stdout).expect("help is UTF-8")
}

#[test]
fn the_first_two_blocks_build_and_run_and_test() {
    let blocks = blocks(&page("README.md"));
    let texts: Vec<&str> = blocks.iter().map(|block| block.text.as_str()).collect();
    assert_eq!(
        texts[..2],
        [
            "cargo build --release --locked && target/release/runner run workflows/phase_b1.yaml\n",
            "cargo test --locked --workspace\n",
        ]
    );
    assert!(repository().join("workflows/phase_b1.yaml").is_file());
}

#[test]
fn every_link_between_pages_leads_to_a_file() {
    for name in pages() {
        let path = repository().join(&name);
        let directory = path.parent().expect("a page lies in a directory");
        for file in linked_files(&page(&name)) {
            assert!(directory.join(&file).exists(), "{name} links to {file}");
        }
    }
}

#[test]
fn every_subcommand_that_is_written_down_exists() {
    let known = subcommands();
    assert!(known.iter().any(|name| name == "run"), "{known:?}");
    let mut named = 0;
    for name in pages() {
        let text = page(&name);
        for (at, start) in ["`runner ", "target/release/runner "].iter().flat_map(|s| text.match_indices(s)) {
            let rest = &text[at + start.len()..];
            let word: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            // An option, a placeholder, or the hidden subcommand that no person calls.
            if !word.is_empty() && !word.starts_with('-') && word != "plugin-host" {
                named += 1;
                assert!(known.contains(&word), "{name} names `runner {word}`");
            }
        }
    }
    assert!(named >= 10, "only {named} subcommands were found: the search is broken");
}

#[test]
fn the_readme_names_every_subcommand() {
    let readme = page("README.md");
    for name in subcommands().iter().filter(|name| *name != "help") {
        assert!(readme.contains(&format!("`{name}`")), "README.md does not name `{name}`");
    }
}

#[test]
fn pages_are_ascii() {
    for name in pages() {
        for (index, line) in page(&name).lines().enumerate() {
            assert!(line.is_ascii(), "{name}:{}: {line}", index + 1);
        }
    }
}
