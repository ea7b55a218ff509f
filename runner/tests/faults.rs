//! The table of faults in `docs/architecture/faults.md` names a test for each row, and each of them exists.
//!
//! Reads files only. Whether the words of a row are true is for the named test and its reader.

use std::path::{Path, PathBuf};

use regex::Regex;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of every row of every table, without heads and delimiters.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).filter(|row: &Vec<String>| row[0] != "Fault").collect()
}

/// The source of `blocked`, or of `fix-plan/plugin/edit` (a plugin, a file of its tests).
fn source(name: &str) -> PathBuf {
    match name.split_once('/') {
        None => repository().join("runner/tests").join(format!("{name}.rs")),
        Some((plugin, file)) => {
            repository().join("plugins").join(plugin).join("tests").join(format!("{file}.rs"))
        }
    }
}

/// What is wrong with a row; `None` when it names tests that exist.
fn wrong(row: &[String]) -> Option<String> {
    let [fault, seen, tests] = row else { return Some(format!("{row:?} has {} cells, not 3", row.len())) };
    if fault.is_empty() || seen.is_empty() {
        return Some(format!("{row:?} has an empty cell"));
    }
    let named = Regex::new(r"`([a-z0-9_/-]+)::([a-z0-9_]+)`").expect("a valid pattern");
    let found: Vec<(String, String)> =
        named.captures_iter(tests).map(|one| (one[1].to_owned(), one[2].to_owned())).collect();
    if found.is_empty() {
        return Some(format!("`{fault}` names no test as `file::test_name`: {tests}"));
    }
    found.iter().find_map(|(file, test)| {
        let path = source(file);
        if !path.is_file() {
            return Some(format!("`{fault}`: there is no {}", path.display()));
        }
        let is_test = text(&path).contains(&format!("#[test]\nfn {test}()"));
        (!is_test).then(|| format!("`{fault}`: {} has no test `{test}`", path.display()))
    })
}

#[test]
fn every_fault_of_the_table_names_a_test_that_exists() {
    let rows = rows(&text(&repository().join("docs/architecture/faults.md")));
    let wrong: Vec<String> = rows.iter().filter_map(|row| wrong(row)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows.len() >= 40, "only {} rows", rows.len());
}

#[test]
fn a_row_without_a_test_or_with_one_that_does_not_exist_is_seen() {
    let page = "| Fault | What | Test |\n|---|---|---|\n| a | b | `faults::a_row_without_a_test_or_with_one_that_does_not_exist_is_seen` |\n\
                | a | b | none |\n| a | b | `faults::no_such` |\n| a | b | `nowhere::x` |\n| a | b |\n| | b | `faults::x` |\n";
    let seen: Vec<bool> = rows(page).iter().map(|row| wrong(row).is_some()).collect();
    assert_eq!(seen, [false, true, true, true, true, true]);
}
