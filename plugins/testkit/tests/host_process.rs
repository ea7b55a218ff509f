//! What is left when a plugin ends its process: a wait status, and the last phase that was announced.
//!
//! The test plays the runner: it starts a host process, sends a job and reads its lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use runner_plugin_host::protocol::{FailureKind, FromHost, Job, Library, RoleJob, ToHost};
use runner_plugin_testkit::built_library;
use serde_json::{Value, json};

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;

struct Host {
    child: Child,
    bundle: tempfile::TempDir,
}

struct Ended {
    status: ExitStatus,
    said: Vec<FromHost>,
    log: String,
}

impl Ended {
    fn last_phase(&self) -> String {
        let phase = self.said.iter().rev().find_map(|message| match message {
            FromHost::Phase { phase, .. } => Some(phase.clone()),
            _ => None,
        });
        phase.expect("at least one phase")
    }

    fn has_last_word(&self) -> bool {
        matches!(self.said.last(), Some(FromHost::Done(_) | FromHost::Failed(_)))
    }
}

impl Host {
    /// Starts a host; `shell` is what a shell does before it becomes the host, for limits.
    fn start(shell: &str) -> Self {
        Self::start_with(shell, &[])
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays the runner")]
    fn start_with(shell: &str, grace_ms: &[&str]) -> Self {
        let test = std::env::current_exe().expect("a path");
        let program = test.ancestors().nth(2).expect("the profile's directory").join("examples/plugin-host");
        let child = Command::new("sh")
            .args(["-c", &format!("{shell}\nexec \"$0\" \"$@\"")])
            .arg(program)
            .args(grace_ms)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cargo builds examples before tests");
        Self { child, bundle: tempfile::tempdir().expect("a directory") }
    }

    fn send(&mut self, message: &ToHost) {
        let mut line = serde_json::to_vec(message).expect("JSON");
        line.push(b'\n');
        self.child.stdin.as_mut().expect("piped").write_all(&line).expect("sent");
    }

    fn send_job(&mut self, config: Value) {
        let path = built_library("villain");
        let job = Job {
            plugin: Library { name: "villain".to_owned(), path, config },
            profiler: None,
            root: self.bundle.path().to_owned(),
            bundle: self.bundle.path().to_owned(),
            role: RoleJob::Kernel,
        };
        self.send(&ToHost::Job(Box::new(job)));
    }

    /// Reads lines up to the one that announces `phase`.
    fn wait_for(&mut self, phase: &str) -> BufReader<std::process::ChildStdout> {
        let mut lines = BufReader::new(self.child.stdout.take().expect("piped"));
        let announced = format!("\"phase\":\"{phase}\"");
        let mut line = String::new();
        while !line.contains(&announced) {
            line.clear();
            assert_ne!(lines.read_line(&mut line).expect("readable"), 0, "the host ended before `{phase}`");
        }
        lines
    }

    fn end(mut self) -> Ended {
        let mut stderr = self.child.stderr.take().expect("piped");
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).map(|_| log)
        });
        let mut said = Vec::new();
        if let Some(stdout) = self.child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("readable");
                said.push(serde_json::from_str(&line).expect("every line is a message"));
            }
        }
        let status = self.child.wait().expect("it ends");
        Ended { status, said, log: log.join().expect("read").expect("readable") }
    }
}

fn run(shell: &str, config: Value) -> Ended {
    let mut host = Host::start(shell);
    host.send_job(config);
    host.end()
}

#[test]
fn a_good_plugin_ends_with_its_result_and_exit_code_0() {
    let ended = run("", json!({ "iterations": 3 }));
    assert_eq!(ended.status.code(), Some(0));
    let Some(FromHost::Done(result)) = ended.said.last() else { panic!("no result: {:?}", ended.said) };
    assert_eq!(result["seconds"].as_array().map(Vec::len), Some(3));
    assert_eq!(ended.log, "");
}

#[test]
fn a_failure_is_a_last_word_too() {
    let ended = run("", json!({ "do": "panic", "phase": "finish" }));
    assert_eq!(ended.status.code(), Some(0));
    let Some(FromHost::Failed(failure)) = ended.said.last() else { panic!("no reason: {:?}", ended.said) };
    assert_eq!((failure.kind, failure.phase.as_str()), (FailureKind::Panicked, "finish"));
    assert!(ended.log.contains("the villain panics"), "the panic's place is in the log: {}", ended.log);
}

#[test]
fn a_crash_is_a_signal_and_the_last_phase_names_its_place() {
    for (deed, phase, signal) in [
        ("segfault", "create", SIGSEGV),
        ("segfault", "iterate", SIGSEGV),
        ("abort", "prepare", SIGABRT),
        ("stack_overflow", "iterate", SIGABRT),
    ] {
        let ended = run("ulimit -c 0", json!({ "do": deed, "phase": phase }));
        assert_eq!(ended.status.signal(), Some(signal), "{deed}");
        assert_eq!(ended.last_phase(), phase, "{deed}");
        assert!(!ended.has_last_word(), "{deed}");
    }
}

#[test]
fn an_exit_with_code_0_in_the_middle_of_the_work_is_not_success() {
    let ended = run("", json!({ "do": "exit" }));
    assert_eq!(ended.status.code(), Some(0));
    assert!(!ended.has_last_word());
    assert_eq!(ended.last_phase(), "iterate");
}

#[test]
fn memory_without_end_is_an_abort_whose_log_names_the_allocation() {
    let ended = run("ulimit -c 0; ulimit -v 400000", json!({ "do": "allocate" }));
    assert_eq!(ended.status.signal(), Some(SIGABRT));
    assert!(ended.log.contains("memory allocation of 16777216 bytes failed"), "{}", ended.log);
}

#[test]
fn a_flood_on_stdout_goes_to_the_log_and_never_into_the_conversation() {
    let mut host = Host::start("");
    host.send_job(json!({ "do": "flood" }));
    let mut conversation = host.wait_for("iterate");
    let mut log = host.child.stderr.take().expect("piped");
    let mut flood = vec![0; 1 << 20];
    log.read_exact(&mut flood).expect("it floods");
    assert!(flood.iter().all(|byte| matches!(byte, b'x' | b'\n')));
    host.child.kill().expect("ours");
    let mut rest = String::new();
    conversation.read_to_string(&mut rest).expect("readable");
    assert_eq!(rest, "");
    assert_eq!(host.child.wait().expect("it ends").signal(), Some(SIGKILL));
}

#[test]
fn a_cancel_message_ends_a_hanging_plugin() {
    let mut host = Host::start("");
    host.send_job(json!({ "do": "hang" }));
    let conversation = host.wait_for("iterate");
    host.send(&ToHost::Cancel);
    let last = conversation.lines().last().expect("a last word").expect("readable");
    let FromHost::Failed(failure) = serde_json::from_str(&last).expect("a message") else { panic!("{last}") };
    assert_eq!(failure.kind, FailureKind::Cancelled);
    assert_eq!(host.end().status.code(), Some(0));
}

#[test]
fn a_runner_that_is_gone_ends_a_plugin_that_listens() {
    let mut host = Host::start("");
    host.send_job(json!({ "do": "hang" }));
    let _conversation = host.wait_for("iterate");
    drop(host.child.stdin.take());
    assert_eq!(host.end().status.code(), Some(0));
}

#[test]
fn a_runner_that_is_gone_takes_a_plugin_that_ignores_its_cancellation_with_it() {
    let mut host = Host::start_with("", &["200"]);
    host.send_job(json!({ "do": "hang_ignoring_cancel" }));
    let _conversation = host.wait_for("iterate");
    let gone = Instant::now();
    drop(host.child.stdin.take());
    let ended = host.end();
    assert_eq!(ended.status.code(), Some(1));
    let reason = "plugin-host: the runner is gone, and the plugin did not return within 0.2 s\n";
    assert_eq!(ended.log, reason);
    assert!(gone.elapsed() >= Duration::from_millis(200), "it was given its time");
}

#[test]
fn an_orphan_ends_even_when_its_log_is_full_and_its_pipes_are_closed() {
    // Standard output and standard error have no reader at all, as after a kill of the runner.
    let mut host = Host::start_with("", &["100"]);
    host.send_job(json!({ "do": "hang_ignoring_cancel" }));
    drop(host.wait_for("iterate"));
    drop(host.child.stderr.take());
    drop(host.child.stdin.take());
    assert_eq!(host.child.wait().expect("it ends").code(), Some(1));

    // Standard error is full and nobody takes from it.
    let mut host = Host::start_with("", &["100"]);
    host.send_job(json!({ "do": "flood" }));
    drop(host.wait_for("iterate"));
    std::thread::sleep(Duration::from_millis(50));
    drop(host.child.stdin.take());
    assert_eq!(host.child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn a_plugin_that_ignores_a_cancellation_must_be_killed() {
    let mut host = Host::start("");
    host.send_job(json!({ "do": "hang_ignoring_cancel" }));
    let _conversation = host.wait_for("iterate");
    host.send(&ToHost::Cancel);
    std::thread::sleep(Duration::from_millis(100));
    assert!(host.child.try_wait().expect("ours").is_none(), "it is still there");
    host.child.kill().expect("ours");
    assert_eq!(host.end().status.signal(), Some(SIGKILL));
}

#[test]
fn without_a_job_the_host_says_so_and_fails() {
    let mut host = Host::start("");
    host.send(&ToHost::Cancel);
    let ended = host.end();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(ended.log, "plugin-host: the first message must be a job\n");
    assert!(ended.said.is_empty());
}
