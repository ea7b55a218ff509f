//! Broken workflows, and what a user is told: every mistake of a file at once, each where it stands, with a
//! way out, and nothing run.
//!
//! The files are in `workflows/`; [`refused`] holds the exit code and the places (written here by hand)
//! against `validate --json`, and the whole text against a committed snapshot. What is too large or no text
//! at all is made here. A test never edits a fixture.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use support::{Ended, Project};

/// One project for the tests that need no file of their own.
static PROJECT: LazyLock<Project> = LazyLock::new(Project::without_git);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflows")
}

/// Checks that the fixture is refused with `code` and has its mistakes at `places` ("line:column").
fn refused(fixture: &str, code: i32, places: &[&str]) {
    let content = std::fs::read(fixtures().join(format!("{fixture}.yaml"))).expect("a fixture");
    refused_content(fixture, &content, code, places);
}

fn refused_content(name: &str, content: &[u8], code: i32, places: &[&str]) {
    let project = Project::without_git();
    let file = format!("{name}.yaml");
    project.write(&file, content);
    let before = project.files();
    let ended = project.runner(&["validate", "--json", &file]);
    assert_eq!(ended.code, Some(code), "{}", ended.transcript());
    assert_eq!(found(&ended), places, "places in {file}");
    let ended = project.runner(&["validate", &file]);
    assert_eq!(ended.code, Some(code), "people and machines are told the same");
    assert_eq!(project.files(), before, "nothing was made");
    insta::assert_snapshot!(name, ended.transcript());
}

/// The places of the mistakes; each must have a message and a way out.
fn found(ended: &Ended) -> Vec<String> {
    let answer: Value = serde_json::from_str(&ended.stdout).expect("one JSON document");
    let mistakes = answer["mistakes"].as_array().expect("a list of mistakes");
    let place = |mistake: &Value| {
        assert!(mistake["help"].is_string(), "no way out of: {mistake}");
        assert!(mistake["message"].is_string(), "no message: {mistake}");
        match (mistake["line"].as_u64(), mistake["column"].as_u64()) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            _ => "the file".to_owned(),
        }
    };
    mistakes.iter().map(place).collect()
}

macro_rules! refused {
    ($($test:ident: $fixture:literal, $code:literal, [$($place:literal),*];)*) => {
        $(#[test] fn $test() { refused($fixture, $code, &[$($place),*]); })*

        #[test]
        fn every_fixture_is_used_by_a_test() {
            let named: BTreeSet<String> = [$($fixture.to_owned()),*].into();
            let entries = std::fs::read_dir(fixtures()).expect("the fixtures");
            let files = entries.map(|entry| entry.expect("readable").path());
            let there: BTreeSet<String> =
                files.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
            assert_eq!(named, there);
        }
    };
}

// The names in brackets are fixture, exit code, and the place of each mistake.
refused! {
    // The shape of the file.
    an_empty_file_is_an_empty_workflow: "empty", 2, ["the file"];
    comments_alone_are_an_empty_workflow: "only_comments", 2, ["the file"];
    a_list_is_no_workflow: "a_list_at_the_top", 2, ["1:1"];
    a_text_is_no_workflow: "text_at_the_top", 2, ["1:1"];
    what_is_missing_is_named: "nothing_but_a_title", 2, ["1:1", "1:1", "1:1", "1:1"];
    another_version_is_refused: "version_2", 2, ["1:10"];
    an_unknown_key_gets_the_nearest_known_one: "unknown_keys", 2, ["5:3", "6:1", "11:15", "12:5"];
    a_duplicate_key_never_replaces_the_first: "duplicate_keys", 2, ["4:1", "10:5"];
    a_wrong_type_says_what_is_there_and_what_should_be:
        "wrong_types", 2, ["2:5", "3:8", "4:7", "5:9", "8:11", "9:12", "10:13", "11:12", "12:13", "13:5"];
    all_mistakes_of_all_stages_are_told_at_once: "everything_at_once", 2,
        ["3:1", "5:17", "7:21", "11:19", "11:22", "12:14", "14:11", "15:12", "17:11", "17:33"];

    // YAML.
    a_tab_in_the_indentation_is_shown: "tab_indentation", 2, ["4:1"];
    a_second_document_is_shown_where_it_begins: "two_documents", 2, ["8:1"];
    an_unknown_anchor_is_named_so: "alias_and_anchor", 2, ["7:11"];
    a_merge_key_is_not_supported: "merge_key", 2, ["8:13"];
    a_key_is_plain_text: "keys_that_are_no_text", 2, ["8:5"];
    an_open_bracket_is_shown_near_its_place: "yaml_syntax", 2, ["7:9"];
    a_wrong_indentation_is_shown: "yaml_indentation", 2, ["7:4"];
    an_open_quote_is_shown_where_it_opens: "yaml_quotes", 2, ["4:8"];
    windows_line_endings_do_not_move_a_place: "windows_line_endings", 2, ["10:12", "11:5"];
    letters_of_two_bytes_count_as_one_column: "after_other_letters", 2, ["6:61"];

    // Plugins and programs.
    a_missing_plugin_is_exit_code_5: "plugins_missing", 5, ["6:11", "9:11", "11:11"];
    a_missing_program_is_exit_code_5: "program_missing", 5, ["6:11", "8:11", "10:11"];
    a_plugin_in_the_wrong_place_is_told_its_own: "plugins_in_the_wrong_place", 2, ["6:11", "10:22", "13:22"];
    a_size_of_zero_is_refused_by_the_plugin: "size_zero", 2, ["7:19"];
    a_size_beyond_the_plugin_is_refused: "size_too_large", 2, ["7:19"];
    a_size_that_is_a_text_is_refused: "size_text", 2, ["7:19"];
    a_size_from_a_variable_shows_its_value: "size_from_a_variable", 2, ["8:19"];
    a_fallback_size_is_corrected_in_the_fallback: "size_of_the_fallback", 2, ["9:31"];
    a_key_that_the_plugin_does_not_know_is_shown: "with_keys", 2, ["7:23", "7:44", "7:61", "8:40", "10:11"];

    // Expressions.
    an_unknown_name_is_shown_inside_its_expression: "unknown_names", 2,
        ["6:22", "10:24", "12:22", "12:68", "12:83", "12:113", "12:134"];
    a_step_cannot_use_what_a_later_one_measures: "later_step", 2, ["6:22"];
    a_wrong_expression_is_shown_where_it_breaks: "expression_syntax", 2, ["8:34", "9:34", "11:21"];
    a_gate_needs_no_braces: "gate_with_braces", 2, ["8:13"];
    a_mistake_in_a_block_scalar_is_shown_on_its_own_line: "block_scalar", 2, ["9:21", "14:21"];

    // Steps, bundles, inputs, limits, fallbacks.
    two_profiles_do_not_go_to_one_directory: "two_profiles", 2, ["13:22"];
    a_metric_from_text_has_a_pattern_with_one_group: "patterns", 2, ["7:14", "11:7", "19:15", "20:19", "21:14"];
    a_step_does_one_thing: "run_and_uses", 2, ["7:11", "9:5", "11:5", "13:5"];
    a_workflow_without_steps_does_nothing: "no_steps", 2, ["4:8"];
    a_step_is_named_by_a_word_and_only_once: "step_ids", 2, ["7:9", "9:9", "11:9"];
    a_key_of_the_other_kind_of_step_is_refused:
        "keys_of_the_other_kind", 2, ["8:11", "11:10", "12:10", "13:23"];
    a_bundle_root_is_no_absolute_path: "bundle_root_absolute", 2, ["3:17"];
    a_bundle_stays_inside_the_project: "bundle_root_above", 2, ["3:17", "3:48"];
    an_input_names_a_bundle_that_is_there: "inputs", 2, ["5:46", "6:22", "7:22"];
    a_step_works_and_collects_inside_the_project:
        "places", 2, ["7:10", "8:14", "11:23", "15:23", "15:35"];
    a_limit_has_a_unit: "limits", 2, ["8:21", "8:42", "11:21", "11:33", "14:21", "14:49", "17:23", "20:23"];
    a_fallback_follows_a_fault_and_changes_something:
        "fallbacks", 2, ["9:24", "9:30", "13:41", "17:15", "21:17", "25:47"];
    nothing_comes_after_the_ledger: "ledger_not_last", 2, ["8:9"];
    the_end_of_a_run_is_recorded_once: "two_ledgers", 2, ["8:9"];
    the_files_of_the_runner_are_not_overwritten:
        "own_names", 2, ["5:9", "7:9", "11:10", "14:10", "17:10", "20:10", "23:34", "23:71"];
    two_steps_do_not_share_a_log: "same_log", 2, ["11:10"];
}

const HEAD: &str = "version: 1\nid: demo\nbundle: { root: reports/demo }\n";

#[test]
fn a_file_of_ten_megabytes_is_no_workflow() {
    let content = format!("{HEAD}# {}\n", "x".repeat(10_000_000));
    refused_content("ten_megabytes", content.as_bytes(), 2, &["the file"]);
}

#[test]
fn a_file_without_end_is_no_workflow() {
    let ended = PROJECT.runner(&["validate", "/dev/zero"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("larger than 1 MiB"), "{}", ended.stderr);
}

#[test]
fn aliases_that_multiply_are_stopped_before_they_cost_anything() {
    let mut content = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        let aliases = [alias.as_str(); 9].join(", ");
        writeln!(content, "a{level}: &a{level} [{aliases}]").expect("a String takes it");
    }
    refused_content("billion_laughs", content.as_bytes(), 2, &["5:10"]);
}

#[test]
fn deep_nesting_is_refused_in_both_styles() {
    let flow = format!("{HEAD}vars: {{ a: {}{} }}\n", "[".repeat(100), "]".repeat(100));
    refused_content("deep_lists", flow.as_bytes(), 2, &["4:74"]);
    let levels: Vec<String> = (1..=100).map(|level| format!("{}a:\n", "  ".repeat(level))).collect();
    let block = format!("{HEAD}vars:\n{}", levels.concat());
    refused_content("deep_mappings", block.as_bytes(), 2, &["68:129"]);
    // Deep enough to overflow a stack that nobody guards.
    let content = format!("a: {}", "[".repeat(500_000));
    let project = Project::without_git();
    project.write("abyss.yaml", content);
    assert_eq!(project.runner(&["validate", "abyss.yaml"]).code, Some(2));
}

#[test]
fn a_text_in_latin_1_is_shown_where_it_stops_being_utf_8() {
    let mut content = format!("{HEAD}title: Gr").into_bytes();
    content.extend_from_slice(b"\xf6\xdfe\nsteps: []\n");
    refused_content("latin_1", &content, 2, &["4:10"]);
}

#[test]
fn a_tab_inside_a_block_scalar_is_no_mistake() {
    let project = Project::without_git();
    let content = format!("{HEAD}steps:\n  - id: a\n    run: |\n      cat <<'END'\n      \tx\n      END\n");
    project.write("tab.yaml", content);
    let ended = project.runner(&["validate", "tab.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

#[test]
fn a_number_reaches_a_program_as_it_was_written() {
    let project = Project::without_git();
    let content = format!("{HEAD}steps:\n  - id: a\n    run: [echo, 1.0, 007, 0x10, 1e3, -5]\n");
    project.write("numbers.yaml", content);
    let ended = project.runner(&["plan", "--json", "numbers.yaml"]);
    let plan: Value = serde_json::from_str(&ended.stdout).expect("a plan");
    let argv = &plan["steps"][0]["asked"]["action"]["run"]["argv"];
    assert_eq!(*argv, serde_json::json!(["echo", "1.0", "007", "0x10", "1e3", "-5"]));
}

#[test]
fn a_variable_that_is_set_must_exist_and_the_file_is_not_blamed() {
    let project = Project::without_git();
    let content = format!("{HEAD}vars: {{ size: 64 }}\nsteps:\n  - {{ id: a, run: [echo] }}\n");
    project.write("set.yaml", content);
    for command in ["plan", "run"] {
        let ended = project.runner(&[command, "set.yaml", "--set", "sise=32"]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        insta::assert_snapshot!("set_of_an_unknown_variable", ended.transcript());
    }
}

#[test]
fn a_value_that_is_set_is_held_against_the_schema_too() {
    let project = Project::without_git();
    let step = "{ id: a, uses: nanobragg, with: { size: \"${{ vars.size }}\" } }";
    project.write("set.yaml", format!("{HEAD}vars: {{ size: 64 }}\nsteps:\n  - {step}\n"));
    let ended = project.runner(&["plan", "set.yaml", "--set", "size=[1"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("--set size=[1: the value is not valid YAML"), "{}", ended.stderr);
    let ended = project.runner(&["plan", "set.yaml", "--set", "size=99999"]);
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!("set_of_a_value_that_is_refused", ended.transcript());
}

#[test]
fn run_refuses_as_validate_does_and_makes_nothing() {
    let project = Project::new();
    for fixture in ["everything_at_once", "plugins_missing"] {
        let content = std::fs::read(fixtures().join(format!("{fixture}.yaml"))).expect("a fixture");
        project.write("broken.yaml", content);
        let before = project.files();
        let validated = project.runner(&["validate", "broken.yaml"]);
        let ran = project.runner(&["run", "broken.yaml"]);
        assert_eq!(ran.transcript(), validated.transcript());
        assert_eq!(project.files(), before, "no bundle, no lock, no log");
    }
}

#[test]
fn a_missing_file_and_a_directory_are_told_apart() {
    let missing = PROJECT.runner(&["validate", "no/such.yaml"]);
    let directory = PROJECT.runner(&["validate", "docs"]);
    insta::assert_snapshot!("no_file", format!("{}\n{}", missing.transcript(), directory.transcript()));
}

#[test]
fn the_worst_of_several_files_decides_and_each_is_reported() {
    let project = Project::without_git();
    project.write("good.yaml", format!("{HEAD}steps:\n  - {{ id: a, run: [echo] }}\n"));
    project.write("missing.yaml", format!("{HEAD}steps:\n  - {{ id: a, run: [no-such-program] }}\n"));
    project.write("wrong.yaml", format!("{HEAD}steps: []\n"));
    assert_eq!(project.runner(&["validate", "good.yaml"]).code, Some(0));
    assert_eq!(project.runner(&["validate", "missing.yaml", "good.yaml"]).code, Some(5));
    let ended = project.runner(&["validate", "missing.yaml", "wrong.yaml", "good.yaml"]);
    assert_eq!(ended.code, Some(2));
    for part in ["no-such-program", "`steps` is empty", "wrong.yaml:4:8"] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "good.yaml: valid, 1 step\n");
}
