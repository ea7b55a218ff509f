//! [`Driver`]: an instance of the plugin, called through its C table as the plugin host calls it.
//!
//! The host's side is a small stand-in that can refuse an artifact and be cancelled. Used by the tests of
//! this directory; it judges nothing itself.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::IntoRawFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use nanobragg as _;
use runner_plugin_abi::{ABI_MAJOR, ABI_MINOR, Buf, CallFn, EntryFn, HostTable, PluginTable, Status, Str};
use serde_json::Value;

/// The answer of an entry: its JSON, or its status and error text.
pub(crate) type Answer = Result<Value, (Status, String)>;

unsafe extern "C" {
    fn runner_plugin_v1() -> *const PluginTable;
}

/// The table that this library exports.
pub(crate) fn table() -> &'static PluginTable {
    let entry: EntryFn = runner_plugin_v1;
    // SAFETY: the symbol is exported by the linked library; its table is static.
    unsafe { entry().as_ref() }.expect("the plugin has a table")
}

/// The manifest in the table.
pub(crate) fn manifest() -> Value {
    let Str { ptr, len } = table().manifest;
    // SAFETY: the manifest is static data of the library.
    serde_json::from_slice(unsafe { std::slice::from_raw_parts(ptr, len) }).expect("the manifest is JSON")
}

/// What the stand-in for the host knows.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    cancelled: AtomicBool,
    refused: AtomicBool,
    artifacts: Mutex<Vec<(String, File)>>,
}

/// One instance and its host.
pub(crate) struct Driver {
    instance: *mut c_void,
    bundle: Box<Bundle>,
    _host: Box<HostTable>,
}

impl Driver {
    pub(crate) fn create(config: &Value) -> Result<Self, (Status, String)> {
        let bundle = Box::<Bundle>::default();
        let host = Box::new(HostTable {
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            struct_size: size_of::<HostTable>(),
            ctx: std::ptr::from_ref(&*bundle).cast_mut().cast(),
            log: None,
            progress: None,
            cancelled: Some(cancelled),
            artifact: Some(artifact),
            read: None,
            run: None,
        });
        let (mut instance, mut out) = (std::ptr::null_mut(), Buf::EMPTY);
        let config = config.to_string();
        let create = table().create.expect("create is there");
        // SAFETY: the host's table is boxed and outlives the instance; the out-pointers are valid.
        let status = unsafe { create(&raw const *host, borrow(&config), &raw mut instance, &raw mut out) };
        answer(status, out)?;
        Ok(Self { instance, bundle, _host: host })
    }

    pub(crate) fn prepare(&mut self) -> Answer {
        self.call(table().prepare, &Value::Null)
    }

    pub(crate) fn iterate(&mut self) -> Answer {
        self.call(table().iterate, &serde_json::json!({ "index": 0, "warmup": false }))
    }

    pub(crate) fn finish(&mut self, seconds: &[f64]) -> Answer {
        self.call(table().finish, &serde_json::json!({ "seconds": seconds, "asked": 1 }))
    }

    pub(crate) fn cancel(&self, cancelled: bool) {
        self.bundle.cancelled.store(cancelled, Ordering::Relaxed);
    }

    pub(crate) fn refuse_artifacts(&self) {
        self.bundle.refused.store(true, Ordering::Relaxed);
    }

    /// Names and contents of the artifacts so far.
    pub(crate) fn artifacts(&self) -> Vec<(String, Vec<u8>)> {
        let mut artifacts = self.bundle.artifacts.lock().expect("no test panicked in the host");
        let read = |(name, file): &mut (String, File)| {
            let mut bytes = Vec::new();
            file.rewind().expect("a file can be rewound");
            file.read_to_end(&mut bytes).expect("the artifact can be read");
            (name.clone(), bytes)
        };
        artifacts.iter_mut().map(read).collect()
    }

    fn call(&mut self, entry: Option<CallFn>, input: &Value) -> Answer {
        let (input, mut out) = (input.to_string(), Buf::EMPTY);
        let entry = entry.expect("the entry of the role is there");
        // SAFETY: the instance was made by this table's create; calls do not overlap.
        let status = unsafe { entry(self.instance, borrow(&input), &raw mut out) };
        answer(status, out)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(destroy) = table().destroy {
            // SAFETY: made by create, released once.
            unsafe { destroy(self.instance) }
        }
    }
}

fn borrow(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}

#[expect(clippy::needless_pass_by_value, reason = "taking the buffer by value is what ends its life")]
fn answer(status: Status, out: Buf) -> Answer {
    let mut bytes = Vec::new();
    if !out.ptr.is_null() {
        // SAFETY: the plugin states `len` valid bytes, and its own release function is called once.
        unsafe {
            bytes.extend_from_slice(std::slice::from_raw_parts(out.ptr, out.len));
            if let Some(free) = out.free {
                free(out.ptr, out.len);
            }
        }
    }
    match status {
        Status::OK if bytes.is_empty() => Ok(Value::Null),
        Status::OK => Ok(serde_json::from_slice(&bytes).expect("the answer is JSON")),
        status => Err((status, String::from_utf8(bytes).expect("the error is UTF-8"))),
    }
}

unsafe extern "C" fn cancelled(ctx: *mut c_void) -> c_int {
    // SAFETY: `Driver::create` put a bundle there that outlives the instance.
    let bundle = unsafe { &*ctx.cast::<Bundle>() };
    bundle.cancelled.load(Ordering::Relaxed).into()
}

unsafe extern "C" fn artifact(ctx: *mut c_void, path: Str, fd: *mut c_int, error: *mut Buf) -> Status {
    const REFUSAL: &[u8] = b"the bundle is full";
    // SAFETY: as above; the path is borrowed for the call, and the out-pointers are valid.
    unsafe {
        let bundle = &*ctx.cast::<Bundle>();
        if bundle.refused.load(Ordering::Relaxed) {
            error.write(Buf { ptr: REFUSAL.as_ptr().cast_mut(), len: REFUSAL.len(), free: None });
            return Status::FAILED;
        }
        let path = String::from_utf8_lossy(std::slice::from_raw_parts(path.ptr, path.len)).into_owned();
        let Ok(file) = tempfile::tempfile() else { return Status::FAILED };
        let Ok(writer) = file.try_clone() else { return Status::FAILED };
        fd.write(writer.into_raw_fd());
        let Ok(mut artifacts) = bundle.artifacts.lock() else { return Status::FAILED };
        artifacts.push((path, file));
        Status::OK
    }
}
