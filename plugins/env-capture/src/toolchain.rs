//! Toolchains: the first line of `--version` of the programs that build and record the work.
//!
//! Called by the capture for its section `toolchains`. A tool that is missing is unknown with its reason,
//! never an error of the step.

use runner_plugin::Host;
use serde_json::{Map, Value};

use crate::program;
use crate::unknown::Unknown;

const TOOLS: [&str; 4] = ["rustc", "cargo", "cc", "git"];
const TIMEOUT_S: f64 = 10.0;

pub(crate) fn look(host: Host, unknown: &mut Unknown) -> Value {
    let mut toolchains = Map::new();
    for tool in TOOLS {
        let version = program::output(host, &[tool, "--version"], &[], TIMEOUT_S).and_then(|stdout| {
            let line = stdout.lines().map(str::trim).find(|line| !line.is_empty());
            line.map(str::to_owned).ok_or_else(|| format!("`{tool} --version` printed nothing"))
        });
        toolchains.insert(tool.to_owned(), unknown.or_null(&format!("toolchains.{tool}"), version));
    }
    Value::Object(toolchains)
}
