//! The guarded edge: turns trait methods into C entries. Here, and only here, raw pointers are read; every
//! entry catches panics, because a panic must not cross into another library.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use runner_plugin_abi::{ABI_MAJOR, ABI_MINOR, Buf, CallFn, HostTable, PluginTable, Status, Str};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Capture, Error, Host, Kernel, Ledger, Profiler};

/// A plugin instance together with its host.
struct Instance<P> {
    host: Host,
    plugin: P,
}

pub(crate) fn borrow(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}

/// # Safety
/// `buf` must have been handed over by the other side and not been released yet.
#[expect(clippy::needless_pass_by_value, reason = "taking the buffer by value is what ends its life")]
pub(crate) unsafe fn take_buf(buf: Buf) -> Vec<u8> {
    if buf.ptr.is_null() {
        return Vec::new();
    }
    // SAFETY: the giver states `len` valid bytes.
    let bytes = unsafe { std::slice::from_raw_parts(buf.ptr, buf.len) }.to_vec();
    if let Some(free) = buf.free {
        // SAFETY: the giver's own release function, called once.
        unsafe { free(buf.ptr, buf.len) }
    }
    bytes
}

unsafe extern "C" fn free_box(ptr: *mut u8, len: usize) {
    // SAFETY: `give_buf` made the box from exactly this pointer and length.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(ptr, len)) });
}

fn give_buf(bytes: Vec<u8>) -> Buf {
    let bytes = bytes.into_boxed_slice();
    let len = bytes.len();
    Buf { ptr: Box::into_raw(bytes).cast(), len, free: Some(free_box) }
}

/// # Safety
/// `text` must be valid for `'a`, as the ABI demands for the duration of a call.
unsafe fn read_str<'a>(text: Str) -> Result<&'a str, Error> {
    if text.ptr.is_null() {
        return Ok("");
    }
    // SAFETY: the ABI demands `len` valid bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr, text.len) };
    std::str::from_utf8(bytes)
        .map_err(|error| Error::invalid(format!("the host sent invalid UTF-8: {error}")))
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".to_owned())
}

/// Runs `body`, and turns its value, its error or its panic into a status and a buffer.
///
/// # Safety
/// `out` must be valid for a write, or null.
unsafe fn guarded(out: *mut Buf, body: impl FnOnce() -> Result<Vec<u8>, Error>) -> Status {
    let (status, bytes) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(bytes)) => (Status::OK, bytes),
        Ok(Err(error)) => (error.kind().status(), error.to_string().into_bytes()),
        Err(payload) => (Status::PANICKED, panic_text(payload.as_ref()).into_bytes()),
    };
    if !out.is_null() {
        // SAFETY: the caller gave a valid out-pointer, which holds nothing yet.
        unsafe { out.write(give_buf(bytes)) };
    }
    status
}

unsafe fn create<P: Send + 'static, C: DeserializeOwned>(
    host: *const HostTable,
    config: Str,
    instance: *mut *mut c_void,
    out: *mut Buf,
    make: impl FnOnce(&Host, C) -> Result<P, Error>,
) -> Status {
    let body = || {
        // SAFETY: the host's table is valid for the life of the instance, as the ABI demands.
        let host = unsafe { Host::new(host) }.ok_or_else(|| Error::invalid("the host passed no table"))?;
        // SAFETY: borrowed for the call.
        let config = unsafe { read_str(config)? };
        let config: C =
            serde_json::from_str(config).map_err(|error| Error::invalid(format!("with: {error}")))?;
        let boxed = Box::new(Instance { host, plugin: make(&host, config)? });
        // SAFETY: the caller gave a valid out-pointer.
        unsafe { instance.write(Box::into_raw(boxed).cast()) };
        Ok(Vec::new())
    };
    // SAFETY: `out` comes from the caller, as the ABI demands.
    unsafe { guarded(out, body) }
}

unsafe fn call<P: 'static, I: DeserializeOwned, O: Serialize>(
    instance: *mut c_void,
    input: Str,
    out: *mut Buf,
    method: impl FnOnce(&mut P, &Host, I) -> Result<O, Error>,
) -> Status {
    let body = || {
        // SAFETY: `instance` was made by `create` of the same type, and calls do not overlap.
        let instance = unsafe { instance.cast::<Instance<P>>().as_mut() };
        let instance = instance.ok_or_else(|| Error::invalid("the host passed no instance"))?;
        // SAFETY: borrowed for the call.
        let input = match unsafe { read_str(input)? } {
            "" => "null",
            text => text,
        };
        let output = method(&mut instance.plugin, &instance.host, serde_json::from_str(input)?)?;
        Ok(serde_json::to_vec(&output)?)
    };
    // SAFETY: `out` comes from the caller, as the ABI demands.
    unsafe { guarded(out, body) }
}

unsafe extern "C" fn destroy<P: 'static>(instance: *mut c_void) {
    if !instance.is_null() {
        // A panic in a destructor has nobody to be told to; the process ends soon after.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: made by `create` of the same type, released once.
            drop(unsafe { Box::from_raw(instance.cast::<Instance<P>>()) });
        }));
    }
}

/// What `attach` is given.
#[derive(serde::Deserialize)]
struct AttachInput {
    socket: i32,
    bundle: std::path::PathBuf,
}

fn target(input: AttachInput) -> Result<crate::Target, Error> {
    if input.socket < 0 {
        return Err(Error::invalid("the host passed no socket"));
    }
    // SAFETY: the host hands over an open descriptor that nobody else owns, as the ABI demands.
    let socket = unsafe { std::os::fd::FromRawFd::from_raw_fd(input.socket) };
    Ok(crate::Target { socket, bundle: input.bundle })
}

/// Plugins learn of a cancellation by [`Host::cancelled`]; the entry exists for plugins in C that block.
unsafe extern "C" fn cancel(_instance: *mut c_void) {}

const fn empty(manifest: &'static [u8]) -> PluginTable {
    PluginTable {
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        struct_size: size_of::<PluginTable>(),
        needs_host_minor: 0,
        manifest: Str { ptr: manifest.as_ptr(), len: manifest.len() },
        create: None,
        destroy: None,
        cancel: Some(cancel),
        prepare: None,
        iterate: None,
        finish: None,
        start: None,
        more: None,
        stop: None,
        capture: None,
        documents: None,
        edit: None,
        attach: None,
    }
}

/// Makes the `create` entry of a role: its trait and how its constructor is called.
macro_rules! create_entry {
    ($role:ident, |$host:ident, $config:ident| $make:expr) => {{
        unsafe extern "C" fn entry<P: $role>(
            host: *const HostTable,
            config: Str,
            instance: *mut *mut c_void,
            out: *mut Buf,
        ) -> Status {
            // SAFETY: the host calls with valid pointers, as the ABI demands.
            unsafe {
                create(host, config, instance, out, |$host: &Host, $config: P::Config| -> Result<P, Error> {
                    $make
                })
            }
        }
        Some(entry::<P>)
    }};
}

/// Makes a call entry of a role: which method is called, with what input.
macro_rules! call_entry {
    ($role:ident, |$plugin:ident, $host:ident, $input:ident: $type:ty| $body:expr) => {{
        unsafe extern "C" fn entry<P: $role>(instance: *mut c_void, input: Str, out: *mut Buf) -> Status {
            // SAFETY: the host calls with valid pointers, as the ABI demands.
            unsafe { call(instance, input, out, |$plugin: &mut P, $host: &Host, $input: $type| $body) }
        }
        let entry: CallFn = entry::<P>;
        Some(entry)
    }};
}

/// The table of a kernel.
pub const fn kernel<P: Kernel>(manifest: &'static [u8]) -> PluginTable {
    PluginTable {
        create: create_entry!(Kernel, |host, config| P::create(host, config)),
        destroy: Some(destroy::<P>),
        prepare: call_entry!(Kernel, |plugin, host, _input: ()| plugin.prepare(host)),
        iterate: call_entry!(Kernel, |plugin, host, input: crate::Iteration| plugin.iterate(host, input)),
        finish: call_entry!(Kernel, |plugin, host, input: crate::Finish| {
            plugin.finish(host, &input).map(|metrics| serde_json::json!({ "metrics": metrics }))
        }),
        ..empty(manifest)
    }
}

/// The table of a profiler.
pub const fn profiler<P: Profiler>(manifest: &'static [u8]) -> PluginTable {
    PluginTable {
        create: create_entry!(Profiler, |host, config| P::create(host, config)),
        destroy: Some(destroy::<P>),
        start: call_entry!(Profiler, |plugin, host, _input: ()| plugin.start(host)),
        more: call_entry!(Profiler, |plugin, host, input: crate::Progress| {
            plugin.more(host, &input).map(|reason| serde_json::json!({ "reason": reason }))
        }),
        stop: call_entry!(Profiler, |plugin, host, _input: ()| plugin.stop(host)),
        attach: call_entry!(Profiler, |plugin, host, input: AttachInput| plugin.attach(host, target(input)?)),
        ..empty(manifest)
    }
}

/// The table of a capture plugin.
pub const fn capture<P: Capture>(manifest: &'static [u8]) -> PluginTable {
    PluginTable {
        create: create_entry!(Capture, |host, config| P::create(host, config)),
        destroy: Some(destroy::<P>),
        capture: call_entry!(Capture, |plugin, host, _input: ()| plugin.capture(host)),
        ..empty(manifest)
    }
}

/// The table of a ledger plugin.
pub const fn ledger<P: Ledger>(manifest: &'static [u8]) -> PluginTable {
    PluginTable {
        create: create_entry!(Ledger, |_host, config| P::create(config)),
        destroy: Some(destroy::<P>),
        documents: call_entry!(Ledger, |plugin, _host, _input: ()| Ok(plugin.documents())),
        edit: call_entry!(Ledger, |plugin, _host, input: crate::EditRequest| plugin.edit(&input)),
        ..empty(manifest)
    }
}
