//! Holds README.md and the other pages to what is there: the first two blocks of code are the two commands
//! that a newcomer needs, links lead to files, and every subcommand that is written down exists.
//!
//! Run by cargo; `.ci/run` takes the test command from the second block. It must never run the first one,
//! which builds everything.

mod markdown;

use std::process::Command;

use markdown::{blocks, linked_files, page, repository};

const PAGES: [&str; 12] = [
    "README.md",
    "CHANGELOG.md",
    "reports/README.md",
    "docs/guide/workflow.md",
    "docs/guide/bundle.md",
    "docs/guide/plugins.md",
    "docs/architecture/README.md",
    "docs/architecture/stages.md",
    "docs/architecture/evidence.md",
    "docs/architecture/dependencies.md",
    "docs/architecture/profiler.md",
    "docs/architecture/kernel.md",
];

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
            "cargo build --release --locked --workspace && target/release/runner run workflows/phase_b1.yaml\n",
            "cargo test --locked --workspace\n",
        ]
    );
    assert!(repository().join("workflows/phase_b1.yaml").is_file());
}

#[test]
fn every_link_between_pages_leads_to_a_file() {
    for name in PAGES {
        let path = repository().join(name);
        let directory = path.parent().expect("a page lies in a directory");
        for file in linked_files(&page(name)) {
            assert!(directory.join(&file).exists(), "{name} links to {file}");
        }
    }
}

#[test]
fn every_subcommand_that_is_written_down_exists() {
    let help = runner(&["--help"]);
    let known: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .collect();
    assert!(known.contains(&"run"), "{help}");
    let mut named = 0;
    for name in PAGES {
        // What a page calls future work it may name.
        let page = page(name).replace("`runner compare`", "").replace("`runner verify`", "");
        for line in page.lines() {
            for part in line.split("runner ").skip(1) {
                let before = line.split(part).next().unwrap_or_default();
                let command = before.ends_with("`runner ")
                    || before.ends_with("release/runner ")
                    || before == "runner "
                    || before == "$ runner ";
                let word: String = part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                if command && !word.is_empty() && !word.starts_with('-') && word != "plugin-host" {
                    named += 1;
                    assert!(known.contains(&word.as_str()), "{name} names `runner {word}`: {line}");
                }
            }
        }
    }
    assert!(named >= 10, "only {named} subcommands were found: the search is broken");
}

#[test]
fn every_command_of_the_help_is_in_the_readme() {
    let help = runner(&["--help"]);
    let readme = page("README.md");
    for line in help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|l| !l.is_empty()) {
        let Some(command) = line.split_whitespace().next().filter(|_| line.starts_with("  ")) else { continue };
        if command != "help" && line.chars().nth(2).is_some_and(|c| c != ' ') {
            assert!(readme.contains(&format!("`{command}`")), "README.md does not name `{command}`");
        }
    }
}

#[test]
fn pages_are_ascii() {
    for name in PAGES {
        for (index, line) in page(name).lines().enumerate() {
            assert!(line.is_ascii(), "{name}:{}: {line}", index + 1);
        }
    }
}
