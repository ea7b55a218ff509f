//! [`HostSide`]: the host's table and what its functions work on.
//!
//! Made once for a job and leaked on purpose: a thread that a plugin left behind may still log after its
//! instance ended. The functions are called by foreign code, on any thread where the ABI allows it; they
//! must never panic and never unwind.
#![expect(unsafe_code, reason = "functions that foreign code calls with raw pointers")]

use std::ffi::{c_int, c_void};
use std::os::fd::IntoRawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use runner_plugin_abi::{ABI_MAJOR, ABI_MINOR, Buf, HostTable, Status, Str};
use serde_json::Value;

use crate::protocol::{Failure, FailureKind, FromHost};
use crate::{Cancellation, Peer, artifact, buffer};

/// Progress is passed on at most this often; a line is for eyes, and eyes see 20 a second.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// What a plugin instance is given, and the host's own view of it.
pub(crate) struct HostSide {
    table: HostTable,
    context: &'static Context,
}

struct Context {
    peer: Arc<dyn Peer>,
    cancellation: Arc<Cancellation>,
    root: PathBuf,
    bundle: PathBuf,
    last_progress: Mutex<Option<(Instant, String)>>,
}

impl HostSide {
    pub(crate) fn new(
        peer: Arc<dyn Peer>,
        cancellation: Arc<Cancellation>,
        root: PathBuf,
        bundle: PathBuf,
    ) -> &'static Self {
        let context: &'static Context = Box::leak(Box::new(Context {
            peer,
            cancellation,
            root,
            bundle,
            last_progress: Mutex::new(None),
        }));
        let table = HostTable {
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            struct_size: size_of::<HostTable>(),
            ctx: std::ptr::from_ref(context).cast_mut().cast(),
            log: Some(log),
            progress: Some(progress),
            cancelled: Some(cancelled),
            artifact: Some(open_artifact),
            read: Some(read),
            run: Some(run),
        };
        Box::leak(Box::new(Self { table, context }))
    }

    pub(crate) fn table(&self) -> *const HostTable {
        &raw const self.table
    }

    pub(crate) fn peer(&self) -> &dyn Peer {
        &*self.context.peer
    }

    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.context.cancellation
    }

    /// Announces what happens next, or fails when the run was cancelled meanwhile. An announcement comes
    /// before the call, because the last one is all that a crash leaves.
    pub(crate) fn enter(&self, phase: &str, iteration: Option<u64>) -> Result<(), Failure> {
        if self.cancellation().is_cancelled() {
            let message = "the run was cancelled".to_owned();
            return Err(Failure { kind: FailureKind::Cancelled, phase: phase.to_owned(), message });
        }
        self.peer().tell(FromHost::Phase { phase: phase.to_owned(), iteration });
        Ok(())
    }
}

/// # Safety
/// `ctx` must be the pointer that the host's table holds.
unsafe fn context<'a>(ctx: *mut c_void) -> Option<&'a Context> {
    // SAFETY: the context was leaked by `HostSide::new`; a null pointer is a plugin's mistake.
    unsafe { ctx.cast::<Context>().as_ref() }
}

/// # Safety
/// `out` must be null or valid for a write.
unsafe fn reply(out: *mut Buf, result: Result<Vec<u8>, (Status, String)>) -> Status {
    let (status, bytes) = match result {
        Ok(bytes) => (Status::OK, bytes),
        Err((status, message)) => (status, message.into_bytes()),
    };
    if !out.is_null() {
        // SAFETY: the caller demands a valid out-pointer; what it holds is overwritten, not released.
        unsafe { out.write(buffer::give(bytes)) }
    }
    status
}

fn no_context() -> (Status, String) {
    (Status::INVALID, "the call passed no context".to_owned())
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, message: Str) {
    // SAFETY: the plugin hands back the context, as the ABI demands.
    let Some(context) = (unsafe { context(ctx) }) else { return };
    // SAFETY: borrowed for this call.
    let message =
        unsafe { buffer::text(message) }.unwrap_or_else(|error| format!("(a log line that is {error})"));
    context.peer.tell(FromHost::Log { level: level.clamp(1, 4), message });
}

unsafe extern "C" fn progress(ctx: *mut c_void, done: u64, total: u64, what: Str) {
    // SAFETY: the plugin hands back the context, as the ABI demands.
    let Some(context) = (unsafe { context(ctx) }) else { return };
    // Another thread is reporting right now: this report would be throttled anyway.
    let Ok(mut last) = context.last_progress.try_lock() else { return };
    // SAFETY: borrowed for this call.
    let Ok(what) = (unsafe { buffer::text(what) }) else { return };
    let ends = total > 0 && done >= total;
    let too_soon = last.as_ref().is_some_and(|(at, last)| *last == what && at.elapsed() < PROGRESS_INTERVAL);
    if too_soon && !ends {
        return;
    }
    *last = Some((Instant::now(), what.clone()));
    context.peer.tell(FromHost::Progress { done, total, what });
}

unsafe extern "C" fn cancelled(ctx: *mut c_void) -> c_int {
    // SAFETY: the plugin hands back the context, as the ABI demands.
    unsafe { context(ctx) }.map_or(0, |context| c_int::from(context.cancellation.is_cancelled()))
}

unsafe extern "C" fn open_artifact(ctx: *mut c_void, path: Str, fd: *mut c_int, error: *mut Buf) -> Status {
    let open = || {
        // SAFETY: the plugin hands back the context, as the ABI demands.
        let context = unsafe { context(ctx) }.ok_or_else(no_context)?;
        if fd.is_null() {
            return Err((Status::INVALID, "artifact: no place for the descriptor".to_owned()));
        }
        // SAFETY: borrowed for this call.
        let path = unsafe { buffer::text(path) }
            .map_err(|error| (Status::INVALID, format!("artifact: the path is {error}")))?;
        let file = artifact::create(&context.bundle, &path).map_err(|error| (Status::FAILED, error))?;
        context.peer.tell(FromHost::Artifact { path });
        // SAFETY: not null, and valid for a write as the ABI demands.
        unsafe { fd.write(file.into_raw_fd()) };
        Ok(Vec::new())
    };
    // SAFETY: `error` comes from the plugin, as the ABI demands.
    unsafe { reply(error, open()) }
}

unsafe extern "C" fn read(ctx: *mut c_void, path: Str, out: *mut Buf) -> Status {
    let read = || {
        // SAFETY: the plugin hands back the context, as the ABI demands.
        let context = unsafe { context(ctx) }.ok_or_else(no_context)?;
        // SAFETY: borrowed for this call.
        let path = unsafe { buffer::text(path) }
            .map_err(|error| (Status::INVALID, format!("read: the path is {error}")))?;
        std::fs::read(context.root.join(&path)).map_err(|error| {
            let status = match error.kind() {
                std::io::ErrorKind::OutOfMemory => Status::OUT_OF_MEMORY,
                _ => Status::FAILED,
            };
            (status, format!("read `{}`: {error}", path.escape_debug()))
        })
    };
    // SAFETY: `out` comes from the plugin, as the ABI demands.
    unsafe { reply(out, read()) }
}

unsafe extern "C" fn run(ctx: *mut c_void, request: Str, out: *mut Buf) -> Status {
    let run = || {
        // SAFETY: the plugin hands back the context, as the ABI demands.
        let context = unsafe { context(ctx) }.ok_or_else(no_context)?;
        let invalid = |error: String| (Status::INVALID, format!("run: {error}"));
        // SAFETY: borrowed for this call.
        let request = unsafe { buffer::text(request) }.map_err(invalid)?;
        let request: Value = serde_json::from_str(&request).map_err(|error| invalid(error.to_string()))?;
        let argv = request.get("argv").and_then(Value::as_array);
        if argv.is_none_or(|argv| argv.is_empty() || !argv.iter().all(Value::is_string)) {
            return Err(invalid("`argv` must be a list of strings with at least the program".to_owned()));
        }
        let reply = context.peer.run(request).map_err(|error| (Status::FAILED, error))?;
        Ok(reply.to_string().into_bytes())
    };
    // SAFETY: `out` comes from the plugin, as the ABI demands.
    unsafe { reply(out, run()) }
}
