//! Which files are scanned, what is left out, and what is told of files that cannot be read. Each test has a
//! project of its own on the disk.
//! The host is played by the test, which reads from there; the ABI is tested in `plugin`.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use loop_inventory::Config;
use loop_inventory::take::{Outside, Taken, take};
use loop_inventory_model::Class;
use serde_json::{Value, json};
use tempfile::TempDir;

const LOOP: &str = "def f(xs):\n    for x in xs:\n        pass\n";

struct Disk<'p>(&'p Path);

impl Outside for Disk<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(self.0.join(path)).map_err(|error| format!("read `{path}`: {error}"))
    }

    fn go_on(&self, _done: u64, _total: u64) -> bool {
        true
    }
}

fn project(files: &[(&str, &[u8])]) -> TempDir {
    let project = tempfile::tempdir().expect("a directory");
    for (path, bytes) in files {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        File::create(path).expect("made").write_all(bytes).expect("written");
    }
    project
}

fn taken(project: &TempDir, config: Value) -> Result<Taken, String> {
    let config: Config = serde_json::from_value(config).expect("a configuration");
    take(project.path(), &config, &Disk(project.path())).map_err(|error| error.to_string())
}

fn modules(taken: &Taken) -> Vec<&str> {
    taken.inventory.modules().into_iter().collect()
}

#[test]
fn ignored_files_are_counted_and_skipped_unless_they_are_named() {
    let loop_ = LOOP.as_bytes();
    let project = project(&[
        (".gitignore", b"build/\n*_gen.py\n"),
        ("src/a.py", loop_),
        ("src/b_gen.py", loop_),
        ("src/.hidden.py", loop_),
        ("src/build/c.py", loop_),
        ("src/notes.txt", b"for x in xs"),
    ]);
    let all = taken(&project, json!({ "paths": ["src"] })).expect("taken");
    assert_eq!(modules(&all), ["src/.hidden.py", "src/a.py"]);
    assert_eq!((all.skipped.ignored_files, all.skipped.ignored_directories), (1, 1));
    let named = taken(&project, json!({ "paths": ["./src/b_gen.py", "src/build/"] })).expect("taken");
    assert_eq!(modules(&named), ["src/b_gen.py", "src/build/c.py"]);
}

#[test]
fn patterns_choose_and_exclude_and_languages_narrow() {
    let project = project(&[
        ("src/a.py", LOOP.as_bytes()),
        ("src/test_a.py", LOOP.as_bytes()),
        ("src/deep/b.c", b"void f(int n) { while (n) n--; }\n"),
        ("other/c.py", LOOP.as_bytes()),
    ]);
    let config = json!({ "paths": ["*/*.py", "src/deep"], "exclude": ["test_*"], "hot": ["src/*.py"] });
    let all = taken(&project, config).expect("taken");
    assert_eq!(modules(&all), ["other/c.py", "src/a.py", "src/deep/b.c"]);
    assert_eq!(all.skipped.excluded, 1);
    let hot: Vec<_> = all.inventory.hot_loops.iter().map(|one| one.module.as_str()).collect();
    assert_eq!((hot, all.inventory.hot_loops_count), (vec!["src/a.py"], 1));
    let c = taken(&project, json!({ "paths": ["."], "languages": ["c"], "hot": ["*.rs"] })).expect("taken");
    assert_eq!((modules(&c), c.skipped.other_language), (vec!["src/deep/b.c"], 3));
    assert!(c.is_hot_empty);
}

#[test]
fn a_path_that_names_nothing_is_an_error_with_its_words() {
    let project = project(&[("src/a.py", LOOP.as_bytes()), ("README.md", b"")]);
    for (paths, words) in [
        (json!(["srv"]), "`paths`: `srv` is no file, directory or pattern that finds one"),
        (json!(["src/*.c"]), "`paths`: `src/*.c` is no file"),
        (json!(["../src"]), "`paths`: `../src` must lie in the project"),
        (json!(["/etc"]), "`paths`: `/etc` must lie in the project"),
        (json!(["README.md"]), "`README.md` is in no language that is known here"),
    ] {
        let error = taken(&project, json!({ "paths": paths })).expect_err("refused");
        assert!(error.contains(words), "{error}");
    }
    let error = taken(&project, json!({ "paths": ["src"], "languages": ["rust"] })).expect_err("refused");
    assert!(error.contains("no source file") && error.contains("\"other_language\":1"), "{error}");
    let error = taken(&project, json!({ "paths": ["src"], "classes": "plans/no.md" })).expect_err("refused");
    assert!(error.contains("`classes`: read `plans/no.md`"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_as_text_is_told_with_its_place() {
    let project = project(&[
        ("src/a.py", LOOP.as_bytes()),
        ("src/latin.py", b"# first\nname = 'caf\xe9'\n"),
        ("src/broken.rs", b"fn f( { for x in }"),
    ]);
    let linked = project.path().join("src/link.py");
    std::os::unix::fs::symlink("a.py", linked).expect("linked");
    let all = taken(&project, json!({ "paths": ["src"] })).expect("taken");
    let told: Vec<String> = all.inventory.problems.iter().map(ToString::to_string).collect();
    assert!(
        told.contains(&"src/latin.py:2:12: is not UTF-8 from here on; the file is not scanned".to_owned())
    );
    assert!(told.iter().any(|text| text.starts_with("src/broken.rs:1:")), "{told:?}");
    assert_eq!((modules(&all), all.skipped.links), (vec!["src/a.py"], 1));
}

#[test]
fn a_copy_of_the_table_for_people_with_classes_filled_in_is_a_file_of_classes() {
    let id = {
        let project = project(&[("src/a.py", LOOP.as_bytes())]);
        taken(&project, json!({ "paths": ["src"] })).expect("taken").inventory.all_loops[0].id.clone()
    };
    let table = format!(
        "## src/a.py\n\n| Line | Function | Depth | Type | Header | Hint | Class | Loop |\n|---|---|---|---|---|---|---|---|\n\
         | 2-3 | f | 0 | for | `for x in xs` | unknown iterable | todo | `{id}` |\n"
    );
    let moved = format!("\n\n{LOOP}");
    let project = project(&[("src/a.py", moved.as_bytes()), ("plans/loops.md", table.as_bytes())]);
    let all = taken(&project, json!({ "paths": ["src"], "classes": "plans/loops.md" })).expect("taken");
    assert_eq!(all.inventory.all_loops[0].class.map(Class::name), Some("todo"));
    assert!(all.inventory.contradictions.is_empty(), "{:?}", all.inventory.contradictions);
}

#[test]
fn classes_are_joined_and_the_inventory_reads_back() {
    let table = "| Module | Line | Status |\n|---|---|---|\n| a.py | 2 | Safe |\n| a.py | 9 | Todo |\n";
    let project = project(&[("src/a.py", LOOP.as_bytes()), ("plans/loops.md", table.as_bytes())]);
    let all = taken(&project, json!({ "paths": ["src"], "classes": ["plans/loops.md"], "hot": ["a.py"] }));
    let inventory = all.expect("taken").inventory;
    for one in [&inventory.all_loops[0], &inventory.hot_loops[0]] {
        assert_eq!(one.class_source.as_deref(), Some("plans/loops.md:3"));
    }
    assert_eq!(inventory.contradictions[0].to_string(), "plans/loops.md:4: src/a.py:9 has no loop");
    assert_eq!((&inventory.scan_timestamp, inventory.scan_timestamp_reason.is_some()), (&None, true));
    let bytes = inventory.to_json().expect("JSON");
    assert_eq!(loop_inventory_model::Inventory::read(&bytes).expect("an inventory"), inventory);
}
