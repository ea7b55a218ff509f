//! The C header says the same as the Rust types: a C program prints what it sees, and every line is compared.
//!
//! The fields are listed once, by macros that make both sides from the same names: a field that one side
//! lacks does not compile.

#![expect(clippy::disallowed_methods, reason = "the test runs the C compiler and what it made")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use runner_plugin_abi::{
    ABI_MAJOR, ABI_MINOR, ATTACH_GO, ATTACH_OPEN, Buf, ENTRY_SYMBOL, HostTable, MANIFEST_SECTION,
    PluginTable, Status, Str,
};

/// For each type the C program's lines and the lines that Rust expects.
macro_rules! compare {
    ($program:ident, $expected:ident, $($rust:ident = $c:literal { $($field:ident),* $(,)? })*) => {
        $(
            let _ = writeln!($program, r#"printf("{0} %zu\n", sizeof({0}));"#, $c);
            let _ = writeln!($expected, "{} {}", $c, size_of::<$rust>());
            // Every field is named here, or the pattern does not compile.
            let _ = |value: &$rust| { let $rust { $($field: _),* } = value; };
            $(
                let field = stringify!($field);
                let _ = writeln!($program, r#"printf("{0}.{1} %zu %zu\n", offsetof({0}, {1}), sizeof((({0} *)0)->{1}));"#, $c, field);
                let size = size_of_field(|value: &$rust| &raw const value.$field);
                let _ = writeln!($expected, "{}.{field} {} {size}", $c, offset_of!($rust, $field));
            )*
        )*
    };
}

fn size_of_field<T, F>(_: impl Fn(&T) -> *const F) -> usize {
    size_of::<F>()
}

/// The C program's statements and the output that Rust expects from them.
fn both_sides() -> (String, String) {
    let (mut program, mut expected) = (String::new(), String::new());
    compare! { program, expected,
        Str = "runner_str" { ptr, len }
        Buf = "runner_buf" { ptr, len, free }
        HostTable = "runner_host" {
            abi_major, abi_minor, struct_size, ctx, log, progress, cancelled, artifact, read, run,
        }
        PluginTable = "runner_plugin" {
            abi_major, abi_minor, struct_size, needs_host_minor, manifest, create, destroy, cancel,
            prepare, iterate, finish, start, more, stop, capture, documents, edit, attach,
        }
    }
    for (name, value) in [
        ("RUNNER_ABI_MAJOR", i64::from(ABI_MAJOR)),
        ("RUNNER_ABI_MINOR", i64::from(ABI_MINOR)),
        ("RUNNER_ATTACH_OPEN", i64::from(ATTACH_OPEN)),
        ("RUNNER_ATTACH_GO", i64::from(ATTACH_GO)),
        ("RUNNER_OK", i64::from(Status::OK.0)),
        ("RUNNER_FAILED", i64::from(Status::FAILED.0)),
        ("RUNNER_INVALID", i64::from(Status::INVALID.0)),
        ("RUNNER_CANCELLED", i64::from(Status::CANCELLED.0)),
        ("RUNNER_PANICKED", i64::from(Status::PANICKED.0)),
        ("RUNNER_OUT_OF_MEMORY", i64::from(Status::OUT_OF_MEMORY.0)),
        ("RUNNER_UNSUPPORTED", i64::from(Status::UNSUPPORTED.0)),
        ("sizeof(runner_status)", i64::try_from(size_of::<Status>()).expect("small")),
    ] {
        let _ = writeln!(program, r#"printf("{name} %ld\n", (long)({name}));"#);
        let _ = writeln!(expected, "{name} {value}");
    }
    for (name, value) in
        [("RUNNER_ENTRY_SYMBOL", ENTRY_SYMBOL), ("RUNNER_MANIFEST_SECTION", MANIFEST_SECTION)]
    {
        let _ = writeln!(program, r#"printf("{name} %s\n", {name});"#);
        let _ = writeln!(expected, "{name} {value}");
    }
    (program, expected)
}

/// Compiles the statements with these arguments and returns what the program prints.
fn output_of(statements: &str, compiler: &str, arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let source = directory.path().join(if compiler == "c++" { "layout.cpp" } else { "layout.c" });
    let program = format!(
        "#include <stdio.h>\n#include \"runner_plugin.h\"\nint main(void) {{\n{statements}return 0;\n}}\n"
    );
    File::create(&source).and_then(|mut file| file.write_all(program.as_bytes())).expect("written");
    let binary = directory.path().join("layout");
    let made = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
        .arg("-o")
        .args([&binary, &source])
        .output()
        .expect("the C compiler starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let printed = Command::new(&binary).output().expect("the program starts");
    assert!(printed.status.success());
    String::from_utf8(printed.stdout).expect("ASCII")
}

#[test]
fn the_c_header_has_the_layout_of_the_rust_types() {
    let (program, expected) = both_sides();
    assert_eq!(output_of(&program, "cc", &["-std=c99"]), expected);
    assert!(expected.lines().count() > 45, "all types and constants are compared:\n{expected}");
}

#[test]
fn the_header_is_usable_from_cpp() {
    let (program, expected) = both_sides();
    assert_eq!(output_of(&program, "c++", &["-std=c++11", "-Wno-invalid-offsetof"]), expected);
}
