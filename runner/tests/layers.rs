//! The shape of the source: which module may import which, and what every file must have.
//!
//! The layers are read from the documentation of `runner/src/lib.rs`, so that text cannot become untrue.
//! Nothing here starts the runner.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use regex::Regex;

/// No file may be longer; a longer one has more than one subject.
const MAX_LINES: usize = 600;
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every `.rs` file below a directory, sorted; build outputs left out.
fn sources(directory: &Path) -> Vec<PathBuf> {
    files(directory, &["rs"])
}

/// Every file that people read or that is compared with what they see.
fn texts(directory: &Path) -> Vec<PathBuf> {
    files(directory, &["rs", "md", "toml", "yaml", "json", "snap", "c", "h", "js"])
}

fn files(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("readable") {
            let path = entry.expect("readable").path();
            // A bundle is evidence and no source: it records where it was made.
            let skipped = ["target", ".git"].iter().any(|name| path.ends_with(name))
                || path.join("state.json").is_file();
            if path.is_dir() && skipped {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if extensions.iter().any(|wanted| path.extension().is_some_and(|e| e == *wanted)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Module to layer: 0 is the lowest. Read from the header of `lib.rs`: the names in backticks behind "below it".
fn layers() -> BTreeMap<String, usize> {
    let lib = text(&workspace().join("runner/src/lib.rs"));
    let header: String = lib.lines().take_while(|line| line.starts_with("//!")).collect();
    let list = header.split("below it").nth(1).expect("the header names the layers");
    let name = Regex::new("`([a-z_]+)`").expect("a valid pattern");
    let names: Vec<String> = name.captures_iter(list).map(|found| found[1].to_owned()).collect();
    names.into_iter().rev().enumerate().map(|(layer, name)| (name, layer)).collect()
}

/// The modules of this crate that a source uses outside comments, with the line.
fn uses(source: &str) -> Vec<(usize, String)> {
    let path = Regex::new(r"\bcrate::(?:([a-z_]+)|\{([^}]*)\})").expect("a valid pattern");
    let code: Vec<&str> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for used in path.captures_iter(&code) {
        let start = used.get(0).expect("the whole").start();
        let line = code[..start].matches('\n').count() + 1;
        match (used.get(1), used.get(2)) {
            (Some(module), _) => found.push((line, module.as_str().to_owned())),
            (None, Some(list)) => {
                let modules = list.as_str().split(',').map(|part| part.trim().split(':').next());
                found.extend(modules.flatten().filter(|name| !name.is_empty()).map(|n| (line, n.to_owned())));
            }
            (None, None) => {}
        }
    }
    found
}

#[test]
fn a_module_imports_only_from_layers_below_it() {
    let layers = layers();
    let root = workspace().join("runner/src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in sources(&root) {
        let below = path.strip_prefix(&root).expect("below the root");
        let module = below.components().next().expect("a name").as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(own) = layers.get(module) else {
            wrong.push(format!("`{module}` has no layer: name it in the header of lib.rs"));
            continue;
        };
        for (line, used) in uses(&text(&path)) {
            seen += 1;
            match layers.get(&used) {
                Some(other) if used == module || other < own => {}
                Some(_) => wrong
                    .push(format!("{}:{line}: `{module}` uses `{used}`, which is above it", below.display())),
                None => wrong.push(format!("{}:{line}: `{used}` has no layer", below.display())),
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 100, "the search finds imports at all: {seen}");
}

#[test]
fn every_module_of_the_library_has_exactly_one_layer() {
    let lib = text(&workspace().join("runner/src/lib.rs"));
    let mut modules: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    modules.sort_unstable();
    assert_eq!(modules, layers().keys().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn imports_are_found_in_every_form() {
    let source =
        "use crate::fs::{a, b};\nuse crate::{git, spec::node};\nlet x = crate::clock::now(); // crate::no\n";
    let found: Vec<String> = uses(source).into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(found, ["1 fs", "2 git", "2 spec", "3 clock"]);
}

#[test]
fn every_file_says_first_what_it_is_and_none_is_too_long() {
    let mut wrong = Vec::new();
    let files = sources(&workspace());
    assert!(files.len() > 100, "the whole workspace is searched: {}", files.len());
    for path in files {
        let (text, name) = (text(&path), path.display());
        if !text.starts_with("//! ") {
            wrong.push(format!("{name}: does not begin with `//! `"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{name}: {lines} lines, at most {MAX_LINES}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_text_names_a_directory_of_one_machine() {
    let workspace = workspace();
    // The checkout itself, and everything that is as specific as a person's own directory. The names here
    // are those that examples use.
    let personal = Regex::new(r"/(?:home|Users)/([A-Za-z0-9_.-]+)/").expect("a valid pattern");
    let examples = ["me", "u", "user", "you"];
    let mut wrong = Vec::new();
    for path in texts(&workspace) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate() {
            let here = line.contains(&workspace.display().to_string());
            let home = personal.captures_iter(line).any(|found| !examples.contains(&&found[1]));
            if here || home {
                wrong.push(format!("{}:{}: {line}", path.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_built_for_users_is_the_runner_and_every_plugin() {
    let workspace = workspace();
    let manifest = text(&workspace.join("Cargo.toml"));
    let (_, after) = manifest.split_once("\ndefault-members = [").expect("the list of what is built");
    let (list, _) = after.split_once(']').expect("its end");
    let mut built: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    built.sort_unstable();
    let mut expected = vec!["runner".to_owned()];
    for entry in std::fs::read_dir(workspace.join("plugins")).expect("readable") {
        let path = entry.expect("readable").path();
        let manifest = std::fs::read_to_string(path.join("Cargo.toml")).unwrap_or_default();
        if manifest.contains("\"cdylib\"") {
            expected.push(format!("plugins/{}", path.file_name().expect("a name").display()));
        }
    }
    expected.sort_unstable();
    assert_eq!(built, expected);
}
