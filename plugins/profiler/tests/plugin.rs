//! Drives the plugin as the host does: through the exported symbol, with JSON, into files.
#![expect(unsafe_code, reason = "the test plays the host on the other side of the C ABI")]
#![expect(clippy::unwrap_used, reason = "a test program")]

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::os::fd::IntoRawFd;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use profiler as _; // links the library whose symbol is called below
use runner_plugin_abi::{ABI_MAJOR, ABI_MINOR, Buf, CallFn, HostTable, PluginTable, Status, Str};
use serde_json::{Value, json};

unsafe extern "C" {
    fn runner_plugin_v1() -> *const PluginTable;
}

/// One profile at a time: where perf is refused, the timer source is one of its kind in a process.
static TURN: Mutex<()> = Mutex::new(());

/// The bundle and the log of one run.
struct Bundle {
    directory: PathBuf,
    log: Vec<(u32, String)>,
}

/// A plugin instance and the host that it talks to.
struct Driven {
    table: &'static PluginTable,
    _host: Box<HostTable>,
    bundle: Box<Bundle>,
    instance: *mut c_void,
    _turn: MutexGuard<'static, ()>,
}

unsafe fn text(text: Str) -> String {
    // SAFETY: borrowed for the call, as the ABI demands.
    String::from_utf8(unsafe { std::slice::from_raw_parts(text.ptr, text.len) }.to_vec()).unwrap()
}

unsafe extern "C" fn artifact(ctx: *mut c_void, path: Str, fd: *mut c_int, _error: *mut Buf) -> Status {
    // SAFETY: the context is the bundle; pointers are valid for the call.
    let (bundle, path) = unsafe { (&*ctx.cast::<Bundle>(), text(path)) };
    let path = bundle.directory.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // SAFETY: an out-pointer of the caller.
    unsafe { fd.write(std::fs::File::create(path).unwrap().into_raw_fd()) };
    Status::OK
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, message: Str) {
    // SAFETY: the context is the bundle, and the plugin logs from the test's thread only.
    unsafe { (*ctx.cast::<Bundle>()).log.push((level, text(message))) };
}

fn string(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}

fn take(buf: &Buf) -> String {
    // SAFETY: the plugin handed the buffer over; it is released once.
    unsafe {
        let text = String::from_utf8(std::slice::from_raw_parts(buf.ptr, buf.len).to_vec()).unwrap();
        buf.free.unwrap()(buf.ptr, buf.len);
        text
    }
}

impl Driven {
    fn create(directory: PathBuf, with: &Value) -> Result<Self, (Status, String)> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the entry returns the plugin's static table.
        let table = unsafe { runner_plugin_v1().as_ref() }.unwrap();
        let mut bundle = Box::new(Bundle { directory, log: Vec::new() });
        let host = Box::new(HostTable {
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            struct_size: size_of::<HostTable>(),
            ctx: (&raw mut *bundle).cast(),
            log: Some(log),
            progress: None,
            cancelled: None,
            artifact: Some(artifact),
            read: None,
            run: None,
        });
        let (mut instance, mut out) = (std::ptr::null_mut(), Buf::EMPTY);
        let with = with.to_string();
        // SAFETY: the table of the host lives as long as the instance.
        let status = unsafe {
            table.create.unwrap()(&raw const *host, string(&with), &raw mut instance, &raw mut out)
        };
        let text = take(&out);
        if status == Status::OK {
            Ok(Self { table, _host: host, bundle, instance, _turn: turn })
        } else {
            Err((status, text))
        }
    }

    fn call(&self, entry: Option<CallFn>, input: &Value) -> Result<Value, (Status, String)> {
        let input = input.to_string();
        let mut out = Buf::EMPTY;
        // SAFETY: the instance lives, the strings are borrowed for the call.
        let status = unsafe { entry.unwrap()(self.instance, string(&input), &raw mut out) };
        let text = take(&out);
        if status == Status::OK { Ok(serde_json::from_str(&text).unwrap()) } else { Err((status, text)) }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        // SAFETY: made by `create`, released once.
        unsafe { self.table.destroy.unwrap()(self.instance) };
    }
}

#[inline(never)]
fn iterate() -> f64 {
    let mut sum = 0.0;
    for index in 0..400_000_u32 {
        sum += black_box(f64::from(index)).sqrt();
    }
    black_box(sum)
}

#[test]
fn a_profile_asks_for_iterations_until_it_is_thick_enough_and_writes_its_artifacts() {
    let directory = tempfile::tempdir().unwrap();
    let with =
        json!({"hz": 499, "overhead": "none", "min_samples": 60, "min_seconds": 0.1, "max_seconds": 60});
    let plugin = Driven::create(directory.path().to_owned(), &with).unwrap();
    plugin.call(plugin.table.start, &Value::Null).unwrap();
    let begin = Instant::now();
    let mut reasons = Vec::new();
    let mut iterations = 0;
    loop {
        iterate();
        iterations += 1;
        let progress = json!({"iterations": iterations, "seconds": begin.elapsed().as_secs_f64()});
        match plugin.call(plugin.table.more, &progress).unwrap()["reason"].as_str() {
            Some(reason) => reasons.push(reason.to_owned()),
            None => break,
        }
    }
    let report = plugin.call(plugin.table.stop, &Value::Null).unwrap();

    assert!(reasons[0].ends_with("want 60 samples and 0.1 s (at most 60 s)"), "{}", reasons[0]);
    assert_eq!(
        (&report["iterations"], &report["hz"], &report["short"]),
        (&json!(iterations), &json!(499), &Value::Null)
    );
    assert!(report["total"].as_u64().unwrap() >= 60);
    let names = ["hotspots.json", "flamegraph.svg", "profile.speedscope.json", "stacks.folded"];
    assert_eq!(report["artifacts"], json!(names.map(|name| format!("profile/{name}"))));

    let read = |name: &str| std::fs::read_to_string(directory.path().join("profile").join(name)).unwrap();
    let hotspots: Value = serde_json::from_str(&read("hotspots.json")).unwrap();
    let operations = hotspots["operations"].as_array().unwrap();
    let (kernel, others): (Vec<_>, Vec<_>) = operations.iter().partition(|row| row["kind"] == "kernel");
    let head: Vec<_> = kernel.into_iter().chain(others).take(10).collect();
    assert_eq!(report["operations"], json!(head));
    for key in ["source", "source_reason", "hz", "seconds", "total", "lost", "iterations"] {
        assert_eq!(report[key], hotspots[key], "{key}");
    }
    let hot = operations.iter().find(|row| row["function"] == "plugin::iterate").unwrap();
    assert!(hot["inclusive_percent"].as_f64().unwrap() > 80.0, "{hot}");
    assert_eq!(hot["kind"], "kernel");
    let glue: Vec<_> = operations.iter().filter(|row| row["kind"] == "glue").collect();
    assert!(glue.iter().all(|row| row["inclusive_percent"].as_f64().unwrap() < 10.0), "{glue:?}");

    let svg = read("flamegraph.svg");
    assert!(roxmltree::Document::parse(&svg).unwrap().descendants().any(|node| node.has_tag_name("title")));
    let folded_total: u64 = read("stacks.folded")
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(Some(folded_total), hotspots["total"].as_u64());
    let viewer: Value = serde_json::from_str(&read("profile.speedscope.json")).unwrap();
    let frames = viewer["shared"]["frames"].as_array().unwrap().len() as u64;
    for thread in viewer["profiles"].as_array().unwrap() {
        let (samples, weights) =
            (thread["samples"].as_array().unwrap(), thread["weights"].as_array().unwrap());
        assert_eq!(samples.len(), weights.len());
        let indices = samples.iter().flat_map(|stack| stack.as_array().unwrap());
        assert!(indices.map(|index| index.as_u64().unwrap()).all(|index| index < frames));
    }
}

#[test]
fn a_profile_that_stays_thin_at_the_cap_says_so_and_does_not_fail() {
    let directory = tempfile::tempdir().unwrap();
    let with = json!({"min_seconds": 0.01, "max_seconds": 0.02, "min_samples": 1_000_000, "out": "p"});
    let plugin = Driven::create(directory.path().to_owned(), &with).unwrap();
    plugin.call(plugin.table.start, &Value::Null).unwrap();
    let asked = plugin.call(plugin.table.more, &json!({"iterations": 1, "seconds": 0.019})).unwrap();
    assert!(asked["reason"].is_string());
    let capped = plugin.call(plugin.table.more, &json!({"iterations": 2, "seconds": 0.021})).unwrap();
    assert!(capped["reason"].is_null());
    let report = plugin.call(plugin.table.stop, &Value::Null).unwrap();
    let short = report["short"].as_str().unwrap();
    assert!(short.ends_with("in 0.02 s, want 1000000 samples and 0.01 s (at most 0.02 s)"), "{short}");
    let warning = plugin.bundle.log.last().unwrap();
    assert_eq!(*warning, (2, format!("the profile is thin: {short}")));
    assert!(directory.path().join("p/hotspots.json").is_file());
}

#[test]
fn a_configuration_that_is_not_acceptable_is_refused_before_anything_runs() {
    let refused = |with: Value| Driven::create(PathBuf::new(), &with).err().unwrap();
    assert_eq!(refused(json!({"hz": 0})), (Status::INVALID, "with: hz is 0, want 1 to 10000".to_owned()));
    let (status, message) = refused(json!({"herz": 999}));
    assert_eq!(status, Status::INVALID);
    assert!(message.starts_with("with: unknown field `herz`, expected one of `hz`, `source`"), "{message}");
    let (status, message) = refused(json!({"source": "ebpf"}));
    assert_eq!(status, Status::INVALID);
    assert!(message.contains("unknown variant `ebpf`, expected one of `auto`, `perf`, `timer`"), "{message}");
}

#[test]
fn calls_out_of_order_are_errors_with_a_name() {
    let plugin = Driven::create(PathBuf::new(), &json!({})).unwrap();
    let error = plugin.call(plugin.table.stop, &Value::Null).unwrap_err();
    assert_eq!(error, (Status::INVALID, "the profiler was not started".to_owned()));
    plugin.call(plugin.table.start, &Value::Null).unwrap();
    let error = plugin.call(plugin.table.start, &Value::Null).unwrap_err();
    assert_eq!(error, (Status::INVALID, "the profiler was started twice".to_owned()));
}
