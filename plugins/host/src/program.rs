//! Drives a profiler beside the program of a `run:` step: create, attach, wait for the program's end, stop.
//!
//! Called by `drive`; yields the profiler's report. The program itself is started and judged by the runner. An
//! error here never is an error of the program.

use std::path::Path;

use serde_json::{Value, json};

use crate::instance::Instance;
use crate::library::Plugin;
use crate::protocol::{Failure, FailureKind};
use crate::table::HostSide;

/// Runs the whole role. `socket` leads to the process that becomes the program; it was inherited.
pub(crate) fn drive(
    plugin: &Plugin,
    config: &Value,
    socket: i32,
    bundle: &Path,
    side: &'static HostSide,
) -> Result<Value, Failure> {
    let mut instance = Instance::create(plugin, side, config, ["profiler create", "profiler destroy"])?;
    let input = json!({ "socket": socket, "bundle": bundle });
    instance.call(plugin.table.attach, "profiler attach", None, &input)?;
    side.peer().attached().map_err(|message| Failure {
        kind: FailureKind::Failed,
        phase: "profiler attach".to_owned(),
        message,
    })?;
    instance.call(plugin.table.stop, "profiler stop", None, &Value::Null)?.json("a report")
}
