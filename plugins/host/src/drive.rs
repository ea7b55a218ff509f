//! [`drive`]: does one job from loading to the result.
//!
//! Called by `serve` (with the runner behind pipes) and by the testkit (in memory). Everything that a plugin
//! may answer becomes a value or a [`Failure`]; only a plugin that ends the process leaves neither.

use std::sync::Arc;

use serde_json::Value;

use crate::library::Plugin;
use crate::manifest::Role;
use crate::protocol::{Failure, FailureKind, Job, RoleJob};
use crate::table::HostSide;
use crate::{Cancellation, Peer, capture, kernel, ledger, program};

/// Loads the plugin (and the profiler beside it) and plays the role. The value is what
/// [`FromHost::Done`](crate::protocol::FromHost::Done) carries: a
/// [`KernelResult`](crate::protocol::KernelResult), the captured JSON, the profiler's report, or the edit.
pub fn drive(job: &Job, peer: Arc<dyn Peer>, cancellation: Arc<Cancellation>) -> Result<Value, Failure> {
    let side = HostSide::new(peer, cancellation, job.root.clone(), job.bundle.clone());
    let role = match job.role {
        RoleJob::Kernel => Role::Kernel,
        RoleJob::Capture => Role::Capture,
        RoleJob::Ledger { .. } => Role::Ledger,
        RoleJob::Profiler { .. } => Role::Profiler,
    };
    side.enter("load", None)?;
    let plugin = Plugin::load(&job.plugin, role, "load")?;
    let config = &job.plugin.config;
    match &job.role {
        RoleJob::Kernel => {
            let profiler = job.profiler.as_ref().map(|library| {
                side.enter("profiler load", None)?;
                Plugin::load(library, Role::Profiler, "profiler load").map(|plugin| (plugin, &library.config))
            });
            let profiler = profiler.transpose()?;
            let observer = profiler.as_ref().map(|(plugin, config)| (plugin, *config));
            let result = kernel::drive(&plugin, config, observer, side)?;
            serde_json::to_value(result).map_err(|error| Failure {
                kind: FailureKind::BadResult,
                phase: "finish".to_owned(),
                message: error.to_string(),
            })
        }
        RoleJob::Capture => capture::drive(&plugin, config, side),
        RoleJob::Profiler { socket } => program::drive(&plugin, config, *socket, &job.bundle, side),
        RoleJob::Ledger { record } => ledger::drive(&plugin, config, record, side),
    }
}
