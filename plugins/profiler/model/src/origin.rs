//! Whose code a function is: [`Kind`], decided from its name, its source file and its object.
//!
//! Called by the symboliser once for each function. The summary shows `kernel` rows first; the rules are plain
//! text rules, so that a reader can check them, and they never look at how hot something is.

use serde::{Deserialize, Serialize};

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The workload: everything that is not one of the others.
    Kernel,
    /// Rust's library, crates of a registry, the C library, the start of a thread.
    Runtime,
    /// The plugin host, the SDK, the profiler and the runner itself.
    Glue,
}

/// Crates that stand between the runner and a kernel.
const GLUE: [&str; 6] = [
    "runner_plugin",
    "runner_plugin_host",
    "runner_plugin_testkit",
    "runner_plugin_abi",
    "profiler",
    "runner",
];
/// Crates whose generic functions are compiled into other crates' objects, for objects without source lines.
const LIBRARIES: [&str; 7] = ["std", "core", "alloc", "rayon", "rayon_core", "test", "crossbeam_deque"];
/// Objects of the C runtime, up to the first `.` or `-` of their name.
const SYSTEM_OBJECTS: [&str; 9] =
    ["libc", "libm", "libpthread", "libdl", "librt", "libgcc_s", "libstdc++", "ld", "linux"];

/// Decides. `file` is the path as the debug information states it, `object` the file name of the object.
pub fn kind(function: &str, file: Option<&str>, object: &str) -> Kind {
    let krate = crate_of(function);
    if GLUE.contains(&krate) || file.is_some_and(is_glue_path) {
        return Kind::Glue;
    }
    let library = match file {
        Some(file) => is_library_path(file),
        None => is_system_object(object) || LIBRARIES.contains(&krate),
    };
    if library || is_compiler_made(function, file) { Kind::Runtime } else { Kind::Kernel }
}

/// The sources of this workspace that are no kernel, wherever the workspace lies.
fn is_glue_path(file: &str) -> bool {
    ["sdk", "abi", "host", "profiler"].iter().any(|name| file.contains(&format!("/plugins/{name}/src/")))
}

/// Rust's own sources and those of cargo's registry and git checkouts.
fn is_library_path(file: &str) -> bool {
    file.starts_with("/rustc/")
        || ["/lib/rustlib/src/", "/registry/src/", "/git/checkouts/"].iter().any(|part| file.contains(part))
        || file.contains("/sysdeps/") // glibc with debug information
}

fn is_system_object(object: &str) -> bool {
    let stem = object.trim_start_matches('[').split(['.', '-']).next().unwrap_or_default();
    SYSTEM_OBJECTS.contains(&stem) || object == "[vdso]"
}

/// What the compiler puts in, and what starts a process or a thread, whatever object it is linked into. A bare
/// `main` is Rust's own where it has a source of Rust, or none; a C program's is its work.
fn is_compiler_made(function: &str, file: Option<&str>) -> bool {
    let rust =
        || file.is_none_or(|file| std::path::Path::new(file).extension().is_some_and(|end| end == "rs"));
    (function == "main" && rust())
        || matches!(function, "_start" | "clone" | "clone3" | "start_thread" | "__libc_start_main")
        || function.starts_with("__rust_") // `__rust_try` and the allocator's entries have no source
}

/// The crate at the front of a demangled Rust path: `a` of `a::b`, `<a::B as c::D>::e` and `<&mut a::B>::f`.
/// Empty for a name without a path: C, or an inlined call in an object with `debug = "line-tables-only"`.
pub fn crate_of(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&', '*', '[', '(']);
    let path =
        ["mut ", "dyn ", "const "].iter().fold(path, |path, word| path.strip_prefix(word).unwrap_or(path));
    let first = path.split_once("::").map_or("", |(first, _)| first);
    // `fold<core::ops::Range<u32>>` and `{closure#0}<a::B>` are names without a path.
    if first.chars().all(|character| character.is_alphanumeric() || character == '_') { first } else { "" }
}

/// A path as the evidence shows it: relative to `root` when it lies below it, and without the place of cargo's
/// registry, which differs from machine to machine.
pub fn shown_path(file: &str, root: &str) -> String {
    if let Some(inside) = file.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')) {
        return inside.to_owned();
    }
    // .../registry/src/<index>/<crate>-<version>/src/...
    let registry = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    registry.map_or(file, |(_index, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_follows_name_source_and_object() {
        let std_file = Some("/rustc/0123/library/core/src/iter/range.rs");
        let registry =
            Some("/home/u/.cargo/registry/src/index.crates.io-1949/rayon-core-1.12.1/src/join/mod.rs");
        let cases = [
            (
                "nanobragg::render",
                Some("/p/plugins/nanobragg/src/render.rs"),
                "libnanobragg.so",
                Kind::Kernel,
            ),
            ("core::iter::range::next", std_file, "libnanobragg.so", Kind::Runtime),
            ("rayon_core::join::join", registry, "libnanobragg.so", Kind::Runtime),
            ("<core::iter::Map<I,F>>::next", None, "libnanobragg.so", Kind::Runtime),
            ("__sin_fma", None, "libm.so.6", Kind::Runtime),
            ("__libc_start_call_main", None, "libc.so.6", Kind::Runtime),
            ("__rust_try", None, "libnanobragg.so", Kind::Runtime),
            ("main", Some("/p/runner/src/main.rs"), "runner", Kind::Runtime),
            ("main", Some("/p/src/main.c"), "a.out", Kind::Kernel),
            ("runner_plugin::ffi::call", Some("/p/plugins/sdk/src/ffi.rs"), "libnanobragg.so", Kind::Glue),
            ("<runner_plugin_host::Serve as x::Y>::z", None, "runner", Kind::Glue),
            ("call", Some("/p/plugins/sdk/src/ffi.rs"), "libnanobragg.so", Kind::Glue),
            ("{closure#0}<std::vec::Vec<u8>>", Some("/p/src/k.rs"), "libnanobragg.so", Kind::Kernel),
            ("fold<core::ops::Range<u32>>", std_file, "libnanobragg.so", Kind::Runtime),
            ("hot_loop", None, "libkernel_in_c.so", Kind::Kernel),
            ("hot_loop", None, "libmatrix.so", Kind::Kernel),
            ("[vdso]+0x12", None, "[vdso]", Kind::Runtime),
        ];
        for (function, file, object, expected) in cases {
            assert_eq!(kind(function, file, object), expected, "{function} in {object}");
        }
    }

    #[test]
    fn paths_are_shown_without_the_machine() {
        let registry = "/home/u/.cargo/registry/src/index.crates.io-1949/rayon-1.12.0/src/iter/mod.rs";
        assert_eq!(shown_path(registry, "/p"), "rayon-1.12.0/src/iter/mod.rs");
        assert_eq!(shown_path("/p/src/a.rs", "/p"), "src/a.rs");
        assert_eq!(shown_path("/project/src/a.rs", "/p"), "/project/src/a.rs");
        assert_eq!(shown_path("/rustc/01/library/core/src/a.rs", "/p"), "/rustc/01/library/core/src/a.rs");
    }
}
