//! [`compile_c`]: makes a plugin library from one C file, with the system's C compiler.
//!
//! For the tests of plugins in C. The compiler is `$CC` or `cc`; warnings are errors, so that a fixture shows
//! what a plugin in C should look like.

use std::path::{Path, PathBuf};

/// The directory of `runner_plugin.h`.
pub fn include_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../abi/include")
}

/// Compiles `source` (C99) into the dynamic library `out`. The error holds the compiler's own words, or
/// says that there is no compiler.
pub fn compile_c(source: &Path, out: &Path) -> Result<(), String> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    #[expect(clippy::disallowed_methods, reason = "a test's own compiler run is no step of a workflow")]
    let run = std::process::Command::new(&compiler)
        .args(["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-shared", "-I"])
        .arg(include_dir())
        .arg("-o")
        .args([out, source])
        .output()
        .map_err(|error| format!("cannot start the C compiler {}: {error}", compiler.display()))?;
    if run.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}\n{}", source.display(), run.status, String::from_utf8_lossy(&run.stderr)))
}
