//! The C plugin that the guide shows is compiled and run as it stands there.
//!
//! The Rust examples of the guide are doc tests of this crate.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use runner_plugin_testkit::{Testkit, compile_c};
use serde_json::json;

#[test]
fn the_c_plugin_of_the_guide_works() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/plugins.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let (_, after) = guide.split_once("```c\n").expect("a block of C");
    let (program, _) = after.split_once("```\n").expect("its end");
    let directory = tempfile::tempdir().expect("a directory");
    let source = directory.path().join("guide.c");
    File::create(&source).and_then(|mut file| file.write_all(program.as_bytes())).expect("written");
    let library = directory.path().join("libpointer_size.so");
    if let Err(error) = compile_c(&source, &library) {
        panic!("{error}");
    }
    let kit = Testkit::load(library).expect("a plugin");
    assert_eq!(kit.manifest().name, "pointer-size");
    assert_eq!(kit.capture(json!({})).expect("captured"), json!({ "pointer_bytes": size_of::<usize>() }));
}
