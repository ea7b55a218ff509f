//! A profiler beside the program of a `run:` step: [`profile_program`].
//!
//! Starts the profiler's host, waits until it listens, lets the caller run the program, tells the host that it
//! has ended, and returns what both came to. Called by an attempt. It must never judge the program: how that
//! ended is what the caller's own launch says.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::channel;

use runner_plugin_host::protocol::RoleJob;

use crate::client::{Beside, PluginCall, PluginRun, run_host};
use crate::event::Events;
use crate::evidence::EvidenceError;
use crate::guard::socket_pair;
use crate::launch::Launcher;
use crate::process::Wire;

/// Runs `program` with a profiler beside it; it is given the program's end of the socket. The job's role is set
/// here. `None` stands for a program that was not run, because the profiler never listened: why is in the run
/// of the plugin.
pub fn profile_program<T>(
    launcher: &Launcher,
    events: &Events,
    mut call: PluginCall<'_>,
    program: impl FnOnce(Wire) -> Result<T, EvidenceError>,
) -> Result<(Option<T>, PluginRun), EvidenceError> {
    let unusable = |error| {
        EvidenceError::at(launcher.bundle().path(), "no socket between profiler and program for", error)
    };
    let (profilers, programs) = socket_pair().map_err(unusable)?;
    call.job.role = RoleJob::Profiler { socket: profilers.as_raw_fd() };
    let wire = Wire::Profiler(Arc::new(profilers));
    let (attached, listens) = channel();
    let (over, ended) = channel();
    let no_documents = |path: &str| Err(format!("a profiler does not read `{path}` this way"));
    std::thread::scope(|scope| {
        let call = &call;
        let no_documents = &no_documents;
        let host = scope.spawn(move || {
            run_host(launcher, events, call, no_documents, wire, Some(Beside { attached, ended }))
        });
        let ran = listens.recv().is_ok().then(|| program(Wire::Program(Arc::new(programs))));
        if ran.is_some() {
            // A host that is gone needs no word.
            let _ = over.send(());
        }
        drop(over);
        let run = host.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((ran.transpose()?, run))
    })
}
