//! What the scanner finds in small files that are easy to get wrong, one for each language.
//!
//! The loops of each fixture are a snapshot: place, depth, function, header and hint. Beside them stand what is told of
//! loops that no parser sees, what runs in tests only, and sources whose size or shape is meant to do harm.

use loop_inventory::language::Language;
use loop_inventory::scan::{Scanned, Scanner};
use loop_inventory_model::{Kind, Loop};

const PYTHON: &str = include_str!("fixtures/tricky.py");
const C: &str = include_str!("fixtures/tricky.c");
const CPP: &str = include_str!("fixtures/tricky.cpp");
const RUST: &str = include_str!("fixtures/tricky.rs");

fn scan(module: &str, text: &str, language: Language) -> Scanned {
    Scanner::default().scan(module, text, language)
}

/// Lines, depth, function, type and header of each loop.
fn shown(scanned: &Scanned) -> String {
    let line = |one: &Loop| {
        format!(
            "{}:{}-{}:{} {} {} {} `{}` {}\n",
            one.line,
            one.col_offset,
            one.last_line(),
            one.end_col.expect("a column"),
            one.depth.expect("a depth"),
            one.function.as_deref().unwrap_or("-"),
            one.loop_type,
            one.loop_header,
            one.iteration_hint
        )
    };
    scanned.loops.iter().map(line).collect()
}

fn problems(scanned: &Scanned) -> Vec<String> {
    scanned.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn python_loops_are_written_as_python_unparses_them() {
    let scanned = scan("tricky.py", PYTHON, Language::Python);
    insta::assert_snapshot!(shown(&scanned));
    assert_eq!(problems(&scanned), [""; 0]);
    let comprehensions = scanned.loops.iter().filter(|one| one.kind == Kind::Comprehension);
    assert_eq!(comprehensions.count(), 4, "listed, but no loops");
}

#[test]
fn c_loops_have_one_line_headers_without_comments_and_goto_is_none() {
    let scanned = scan("tricky.c", C, Language::C);
    insta::assert_snapshot!(shown(&scanned));
    let told = [
        "tricky.c:30:15: `;` is missing here: loops near it may be missing too",
        "tricky.c:2:1: the macro `EACH` holds a loop: it is not listed where the macro is used",
    ];
    assert_eq!(problems(&scanned), told, "`do while (0)` in a macro is no loop");
}

#[test]
fn cpp_functions_are_qualified_and_a_lambda_belongs_to_its_function() {
    let scanned = scan("tricky.cpp", CPP, Language::Cpp);
    insta::assert_snapshot!(shown(&scanned));
    assert_eq!(problems(&scanned), [""; 0]);
}

#[test]
fn rust_chains_are_one_loop_each_and_loops_in_macros_are_told() {
    let scanned = scan("tricky.rs", RUST, Language::Rust);
    insta::assert_snapshot!(shown(&scanned));
    insta::assert_snapshot!(problems(&scanned).join("\n"));
}

#[test]
fn a_parent_is_the_next_loop_of_the_same_function_and_not_the_receiver_of_a_chain() {
    let scanned = scan("tricky.rs", RUST, Language::Rust);
    let of = |header: &str| {
        scanned
            .loops
            .iter()
            .find(|one| one.loop_header.contains(header))
            .unwrap_or_else(|| panic!("{header}"))
    };
    let outer = of("self.0.iter()");
    for inner in ["for value in row", "row.iter()"] {
        assert_eq!(of(inner).parent.as_ref(), Some(&outer.id), "{inner}");
    }
    assert_eq!(of("(0..4).map(|n| ..).collect()").parent, None);
    let twice = of("(0..4).map(|n| ..).collect().into_iter()");
    assert_eq!((twice.parent.as_ref(), twice.depth), (None, Some(0)));
}

#[test]
fn an_id_survives_edits_elsewhere_and_changes_with_the_loop() {
    let ids = |text: &str| {
        let scanned = scan("tricky.py", text, Language::Python);
        scanned.loops.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let before = ids(PYTHON);
    let unique: std::collections::HashSet<&String> = before.iter().collect();
    assert_eq!(unique.len(), before.len(), "equal headers in one function too: {before:#?}");
    let added = format!("def new(xs):\n    for x in xs:\n        pass\n\n\n{PYTHON}");
    assert_eq!(ids(&added)[1..], before[..], "lines and a function above");
    let spaced = PYTHON.replace("(key,\n             value)", "key, value");
    assert_eq!(ids(&spaced), before, "another layout of the header");
    let changed = PYTHON.replace("for x in xs: print(x)\n", "for y in xs: print(y)\n");
    let differing = ids(&changed).iter().zip(&before).filter(|(now, then)| now != then).count();
    assert_eq!(differing, 2, "the loop, and the second of its kind, which is the first now");
}

#[test]
fn a_mistake_in_a_source_is_told_with_its_place_and_the_rest_is_listed() {
    let text = "def f(xs):\n    for x in xs:\n        pass\n\nif ) else:\n";
    let scanned = scan("a.py", text, Language::Python);
    assert_eq!(scanned.loops.len(), 1);
    let told = problems(&scanned);
    assert!(told[0].starts_with("a.py:5:") && told[0].contains("not understood as Python"), "{told:?}");
}

#[test]
fn a_header_is_read_as_the_language_that_fits_it() {
    let cpp = "namespace a { class B { void f() { for (auto &x : xs) g(x); } }; }\n";
    let scanned = scan("a.h", cpp, Language::C);
    assert_eq!(scanned.loops[0].language.as_deref(), Some("cpp"));
    let plain = scan("b.h", "static inline void f(int n) { while (n) n--; }\n", Language::C);
    assert_eq!(plain.loops[0].language.as_deref(), Some("c"));
}

#[test]
fn a_source_nested_ten_thousand_deep_is_scanned() {
    let deep = format!("for x in {}1{}:\n    pass\n", "(".repeat(10_000), ")".repeat(10_000));
    let scanned = scan("deep.py", &deep, Language::Python);
    assert!(!scanned.loops.is_empty() || !scanned.problems.is_empty());
    let nested = format!("void f(int n) {{ {} }}\n", "while (n) { ".repeat(3_000) + &"}".repeat(3_000));
    let scanned = scan("deep.c", &nested, Language::C);
    assert_eq!(scanned.loops.last().and_then(|one| one.depth), Some(2_999));
}

#[test]
fn a_chain_of_twenty_thousand_calls_ends_and_its_header_is_short() {
    let chain = |call: &str| format!("fn f(x: X) {{\n    x{}.collect();\n}}\n", call.repeat(20_000));
    let scanned = scan("long.rs", &chain(".iter()"), Language::Rust);
    assert_eq!(scanned.loops.len(), 1, "one call consumes it");
    let header = &scanned.loops[0].loop_header;
    assert!(header.starts_with("...iter()") && header.ends_with(".iter().collect()"), "{header}");
    assert_eq!(header.matches(".iter()").count(), 64);
    // Each call of these could end a chain.
    assert_eq!(scan("long.rs", &chain(".max()"), Language::Rust).loops.len(), 1);
    assert_eq!(scan("long.rs", &chain(".extend(a)"), Language::Rust).loops.len(), 1);
}

fn lines_of_tests(module: &str, text: &str, language: Language) -> Vec<u64> {
    let scanned = scan(module, text, language);
    scanned.loops.iter().filter(|one| one.test).map(|one| one.line).collect()
}

#[test]
fn loops_of_tests_are_told_from_those_of_the_program() {
    let rust = "\
fn f() { loop {} }
#[cfg(test)]
use std::fmt;
fn g() { loop {} }
#[cfg(not(test))]
fn h() { loop {} }
#[cfg(test)]
// Why it is here.
#[rustfmt::skip]
mod tests {
    fn help() { loop {} }
    #[test]
    fn one() { loop {} }
}
fn i() { loop {} }
#[test]
#[should_panic(expected = \"x\")]
fn two() { while a { loop {} } }
fn j() { loop {} }
";
    assert_eq!(lines_of_tests("a.rs", rust, Language::Rust), [11, 13, 18, 18]);
    let inner = "#![cfg(test)]\nfn f() { loop {} }\n";
    assert_eq!(lines_of_tests("a.rs", inner, Language::Rust), [2]);
    let python = "for a in b: pass\nclass C:\n    def test_x(self):\n        for c in d: pass\ndef f():\n    for e in g: pass\n";
    assert_eq!(lines_of_tests("src/model.py", python, Language::Python), [4]);
    for name in ["test_model.py", "src/model_test.py", "tests/conftest.py"] {
        assert_eq!(lines_of_tests(name, python, Language::Python), [1, 4, 6], "{name}");
    }
    assert_eq!(lines_of_tests("test_model.c", "void f() { for (;;) {} }\n", Language::C), [0; 0]);
}
