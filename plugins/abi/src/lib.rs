//! The C ABI between runner's plugin host and a plugin, version 1.
//!
//! Types and constants only: no I/O, no allocation. `include/runner_plugin.h` states the same in C, and
//! `tests/header.rs` compiles it and compares every size and offset.
//!
//! Rules that hold for every entry:
//! - Strings are UTF-8, borrowed for the call, never NUL-terminated.
//! - Payloads are JSON. A [`Buf`] is owned by whoever receives it and is released by its own `free`.
//! - Every call returns a [`Status`]; when it is not [`Status::OK`] the out-buffer holds an error text.
//! - Both tables begin with `abi_major, abi_minor, struct_size`. Fields are only ever appended; a reader
//!   treats a field beyond `struct_size` as absent.
//! - Only `cancel` may be called from another thread. A library is never unloaded.
//! - The ABI version is its own number, never the crate's.
#![allow(unsafe_code, reason = "this crate is the ABI: raw pointers are its subject")]
#![warn(missing_docs)]

use core::ffi::{c_int, c_void};

/// The major version: a plugin of another major is refused. It is also in [`ENTRY_SYMBOL`].
pub const ABI_MAJOR: u32 = 1;
/// The minor version that this crate describes: it counts the appended fields.
pub const ABI_MINOR: u32 = 1;
/// The one exported symbol of a plugin: a function of type [`EntryFn`].
pub const ENTRY_SYMBOL: &str = "runner_plugin_v1";
/// The ELF section that holds the manifest (JSON, UTF-8, trailing NUL bytes ignored).
///
/// It is read from the file, so that nothing of the plugin runs when it is listed or when a workflow is
/// validated. Keys: `name`, `version`, `role` (`kernel`, `profiler`, `capture`, `ledger`), `abi`
/// (`[major, minor]`), `needs_host_minor`, `summary`, `config_schema` (JSON Schema 2020-12 of `with:`).
pub const MANIFEST_SECTION: &str = ".runner_plugin";

/// First word of a message to the program that is watched: open an event. See [`PluginTable::attach`].
pub const ATTACH_OPEN: u32 = 1;
/// First word of a message to the program that is watched: begin.
pub const ATTACH_GO: u32 = 2;

/// A borrowed UTF-8 string: valid for the duration of the call it is passed to.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// First byte; may be null only when `len` is 0.
    pub ptr: *const u8,
    /// Length in bytes.
    pub len: usize,
}

/// An owned buffer. Whoever receives it calls `free(ptr, len)` once, if `free` is set.
#[repr(C)]
#[derive(Debug)]
pub struct Buf {
    /// First byte; null when there is nothing.
    pub ptr: *mut u8,
    /// Length in bytes.
    pub len: usize,
    /// Releases the buffer; `None` for static or empty data.
    pub free: Option<unsafe extern "C" fn(ptr: *mut u8, len: usize)>,
}

impl Buf {
    /// Nothing: what an out-parameter holds before a call.
    pub const EMPTY: Self = Self { ptr: core::ptr::null_mut(), len: 0, free: None };
}

/// What every entry returns. An unknown value is read as [`Status::FAILED`].
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// The out-buffer holds the JSON result (or nothing).
    pub const OK: Self = Self(0);
    /// The work failed; the out-buffer holds the reason.
    pub const FAILED: Self = Self(1);
    /// The configuration or the request is not acceptable.
    pub const INVALID: Self = Self(2);
    /// The plugin stopped because `cancel` was called.
    pub const CANCELLED: Self = Self(3);
    /// A panic was caught inside the plugin.
    pub const PANICKED: Self = Self(4);
    /// An allocation failed inside the plugin.
    pub const OUT_OF_MEMORY: Self = Self(5);
    /// This plugin, or this host, does not offer the call.
    pub const UNSUPPORTED: Self = Self(6);
}

/// A call on an instance: JSON in, JSON or error text out.
pub type CallFn = unsafe extern "C" fn(instance: *mut c_void, input: Str, out: *mut Buf) -> Status;

/// The host's table. It outlives every instance that was created with it. `log`, `progress` and
/// `cancelled` may be called from any thread, the others only from the thread of the running call.
#[repr(C)]
#[derive(Debug)]
pub struct HostTable {
    /// [`ABI_MAJOR`] of the host.
    pub abi_major: u32,
    /// [`ABI_MINOR`] of the host.
    pub abi_minor: u32,
    /// `sizeof` of the host's table.
    pub struct_size: usize,
    /// To be handed back as the first argument of each function below.
    pub ctx: *mut c_void,
    /// Writes one line to the run's log. `level`: 1 error, 2 warning, 3 info, 4 debug.
    pub log: Option<unsafe extern "C" fn(ctx: *mut c_void, level: u32, message: Str)>,
    /// Reports progress: `done` of `total` (0 when unknown) units of `what`.
    pub progress: Option<unsafe extern "C" fn(ctx: *mut c_void, done: u64, total: u64, what: Str)>,
    /// Is not 0 once the run was cancelled: long loops ask it now and then.
    pub cancelled: Option<unsafe extern "C" fn(ctx: *mut c_void) -> c_int>,
    /// Creates the artifact `path` (relative, inside the bundle, never outside) and stores a file
    /// descriptor open for writing in `fd`; the caller closes it. `error` holds the reason of a refusal.
    pub artifact:
        Option<unsafe extern "C" fn(ctx: *mut c_void, path: Str, fd: *mut c_int, error: *mut Buf) -> Status>,
    /// Reads a whole file. A relative path counts from the project root.
    pub read: Option<unsafe extern "C" fn(ctx: *mut c_void, path: Str, out: *mut Buf) -> Status>,
    /// Runs a program to its end. Request: `{"argv": [..], "env": {..}, "timeout_s": 60}`. Reply:
    /// `{"outcome": "ok", "exit_code": 0, "signal": null, "stdout": "..", "stderr": ".."}`. The command is
    /// recorded in the bundle like any other.
    pub run: Option<unsafe extern "C" fn(ctx: *mut c_void, request: Str, out: *mut Buf) -> Status>,
}

/// The plugin's table: static data that lives as long as the process. Entries that do not belong to the
/// plugin's role are null.
#[repr(C)]
#[derive(Debug)]
pub struct PluginTable {
    /// [`ABI_MAJOR`] the plugin was built for.
    pub abi_major: u32,
    /// [`ABI_MINOR`] the plugin was built for.
    pub abi_minor: u32,
    /// `sizeof` of the plugin's table.
    pub struct_size: usize,
    /// The lowest host minor version the plugin can work with.
    pub needs_host_minor: u32,
    /// The same bytes as in [`MANIFEST_SECTION`] (which also keeps the linker from dropping the section).
    pub manifest: Str,
    /// Makes an instance from the step's `with:` (JSON object).
    pub create: Option<
        unsafe extern "C" fn(
            host: *const HostTable,
            config: Str,
            instance: *mut *mut c_void,
            out: *mut Buf,
        ) -> Status,
    >,
    /// Releases an instance.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// Asks a running call to return soon. The only entry that may be called from another thread.
    pub cancel: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    /// Kernel: allocates and sets up. Out: `{"warmup": 1, "iterations": 1, "device": "cpu"}`.
    pub prepare: Option<CallFn>,
    /// Kernel: one iteration. In: `{"index": 0, "warmup": false}`.
    pub iterate: Option<CallFn>,
    /// Kernel: in `{"seconds": [..], "asked": 1}` (one per measured iteration); out
    /// `{"metrics": {"name": {"value": 1.0, "unit": "s"}}}`; artifacts are written here.
    pub finish: Option<CallFn>,
    /// Profiler: begins to sample, in the process of the kernel, after the warm-up.
    pub start: Option<CallFn>,
    /// Profiler: called after *every* measured iteration, so that it can mark the time. In `{"iterations": 3,
    /// "seconds": 0.03}`; out `{"reason": ".."}` when another measured iteration is needed for a meaningful
    /// profile, `{"reason": null}` when not. A reason given before the asked iterations were run has no effect.
    pub more: Option<CallFn>,
    /// Profiler: ends, writes its artifacts, returns its report. Follows `start` or `attach`.
    pub stop: Option<CallFn>,
    /// Capture: returns the captured JSON; the runner writes it as `<step>.json`.
    pub capture: Option<CallFn>,
    /// Ledger: out `["docs/fix_plan.md", ..]`, the documents it wants to see.
    pub documents: Option<CallFn>,
    /// Ledger: a pure function. In `{"documents": {path: text}, "record": {..}}`; out
    /// `{"splices": {path: [{"start": 0, "end": 0, "text": ".."}]}, "attempt": 3, "summary": ".."}`.
    pub edit: Option<CallFn>,
    /// Profiler (since minor version 1): begins to watch the program of a `run:` step instead of a kernel. In
    /// `{"socket": 5, "bundle": "/abs/path"}`: a connected `SOCK_SEQPACKET` descriptor, which the plugin owns
    /// from now on, and the bundle, where files of the program may be found after its end. It returns as soon
    /// as it listens; the program starts then, and when it has ended comes `stop`.
    ///
    /// At the other end of the socket is the program's process, just before it becomes the program. It does
    /// what it is told, one message at a time, in words of 32 bits: [`ATTACH_OPEN`], the number of a processor,
    /// and a `struct perf_event_attr` (at most 496 bytes) make it call `perf_event_open` on *itself* and that
    /// processor. It answers with one word, 0 and the descriptor (`SCM_RIGHTS`), or the errno. [`ATTACH_GO`],
    /// any other message, a closed socket, or 10 s of silence let it go on: the program begins.
    pub attach: Option<CallFn>,
}

// SAFETY: the table is immutable static data: pointers to code and to static bytes.
unsafe impl Sync for PluginTable {}

/// The exported function: returns the plugin's table, or null when the plugin refuses to load.
pub type EntryFn = unsafe extern "C" fn() -> *const PluginTable;
