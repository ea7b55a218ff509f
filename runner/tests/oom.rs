//! Out of memory, known as such whoever says it: the kernel's counter of the control group, the allocator in
//! the program's own output, the plugin's process that its allocator aborted.
//!
//! The programs really print and end as told here. A kill by the kernel needs a control group of the test's
//! own; where the machine does not give one, that test says so and passes.

mod evidence;
mod support;

use std::path::{Path, PathBuf};

use evidence::{Evidence, workflow};
use serde_json::Value;
use support::Project;

/// Runs one step that is this shell line; its record, and the end of its command.
fn step(line: &str) -> (Value, Value) {
    let project = Project::new();
    project.write("said.sh", line);
    project.write("w.yaml", workflow("", "  - id: work\n    run: [sh, said.sh]\n"));
    project.commit();
    project.runner(&["run", "w.yaml"]);
    let evidence = Evidence::only(&project);
    let end = evidence.commands_of("work").remove(0).1;
    (evidence.step("work"), end)
}

#[test]
fn a_program_that_survives_its_allocator_is_oom_with_file_line_and_text() {
    for (line, text) in [
        (
            "printf 'Traceback (most recent call last):\\n  File \"a.py\"\\nMemoryError\\n' >&2; exit 1",
            "MemoryError",
        ),
        ("echo 'RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB'", "CUDA out of memory"),
        ("echo 'error: std::bad_alloc' >&2; exit 0", "std::bad_alloc"),
        ("echo 'sh: Cannot fork: Cannot allocate memory' >&2; exit 1", "Cannot allocate memory"),
    ] {
        let (step, end) = step(&format!("echo one\necho two >&2\n{line}\n"));
        assert_eq!((&step["outcome"], &end["outcome"]), (&"oom".into(), &"oom".into()), "{line}: {step}");
        let claim = end["claim"].as_str().expect("a claim");
        let log = if line.contains(">&2") { "logs/work-1.stderr.log" } else { "logs/work-1.stdout.log" };
        let number = if line.contains("Traceback") { 4 } else { 2 };
        assert!(claim.contains(text) && claim.contains(&format!("({log}, line {number})")), "{claim}");
        assert!(claim.starts_with("exit status "), "how it ended is told too: {claim}");
        assert_eq!(step["attempts"][0]["claim"], end["claim"]);
    }
}

#[test]
fn a_list_of_tests_and_a_source_listing_leave_a_good_run_good() {
    let (step, _) = step(
        "echo 'test memory::test_memoryerror_is_handled ... ok'\n\
         echo '    except MemoryError:'\n\
         echo \"raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')\" >&2\n",
    );
    assert_eq!(step["outcome"], "ok", "{step}");
}

#[test]
fn an_interpreter_that_gets_no_memory_is_oom() {
    // 2^46 bytes are more than any machine promises.
    let (step, end) = step("exec python3 -c 'bytearray(1 << 46)'\n");
    if end["exit_code"] == 127 {
        println!("not caused here: no python3");
        return;
    }
    assert_eq!(step["outcome"], "oom", "{end}");
    assert!(end["claim"].as_str().expect("a claim").contains("Python got no memory: `MemoryError`"), "{end}");
}

#[test]
fn a_plugin_whose_allocator_aborts_it_is_oom_and_no_crash() {
    let project = Project::new();
    project.write("w.yaml", workflow("", "  - id: work\n    uses: villain\n    with: { do: allocate }\n"));
    project.commit();
    // Address space, so that the allocator fails before the machine's memory is touched.
    run_under(&project, "ulimit -v 3000000", Path::new("-"));
    let evidence = Evidence::only(&project);
    let attempt = evidence.step("work")["attempts"][0].clone();
    assert_eq!(attempt["outcome"], "oom", "{attempt}");
    let claim = attempt["claim"].as_str().expect("a claim");
    assert!(claim.contains("SIGABRT (6), but Rust got no memory: `memory allocation of"), "{claim}");
    assert!(claim.contains("logs/work-1.log, line "), "{claim}");
}

/// A control group with little memory, made by the test and removed after it.
struct Group(PathBuf);

impl Group {
    /// `None` where this machine does not let the test make one.
    fn with_memory(bytes: &str) -> Option<Self> {
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("runner-test-{}", std::process::id());
        let legacy = own.lines().find_map(|line| line.split_once(":memory:").map(|(_, group)| group));
        let (path, limit) = match legacy {
            Some(group) => (format!("/sys/fs/cgroup/memory{group}/{name}"), "memory.limit_in_bytes"),
            // Version 2 delegates memory only to groups without processes of their own.
            None => (format!("/sys/fs/cgroup/{name}"), "memory.max"),
        };
        std::fs::create_dir(&path).ok()?;
        let group = Self(path.into());
        group.set(limit, bytes).then_some(group)
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the kernel is written in place")]
    fn set(&self, file: &str, text: &str) -> bool {
        let path = self.0.join(file);
        path.exists() && std::fs::write(path, text).is_ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Runs the workflow, which must block, with the runner itself under what a shell does first; `$0` is `path`.
#[expect(clippy::disallowed_methods, reason = "the tests start the runner from outside, as a user does")]
fn run_under(project: &Project, first: &str, path: &Path) {
    let runner = project.command_of_runner();
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(format!("{first} && exec \"$@\"")).arg(path).arg(runner.get_program());
    command.args(runner.get_args()).args(["run", "w.yaml"]).current_dir(project.root());
    let output = command.output().expect("sh starts");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_kill_in_the_control_group_is_oom_also_behind_a_shell_that_goes_on() {
    let Some(group) = Group::with_memory("268435456") else {
        println!("not caused here: this machine gives the test no control group");
        return;
    };
    // `tail` of an endless line keeps all of it.
    let eat = "tail /dev/zero";
    for (line, how) in [
        (format!("exec {eat}"), "SIGKILL"),
        (format!("{eat}; exit $?"), "exit status 137"),
        (format!("{eat} || exit 1"), "exit status 1"),
    ] {
        let project = Project::new();
        project.write("eat.sh", line);
        project.write(
            "w.yaml",
            workflow("", "  - id: work\n    run: [sh, eat.sh]\n    limits: { time: 60s }\n"),
        );
        project.commit();
        run_under(&project, "echo $$ > \"$0\"", &group.0.join("cgroup.procs"));
        let attempt = Evidence::only(&project).step("work")["attempts"][0].clone();
        assert_eq!(attempt["outcome"], "oom", "{attempt}");
        let claim = attempt["claim"].as_str().expect("a claim");
        assert!(claim.starts_with(how), "{claim}");
        let file = group.0.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(claim.contains(&file) && claim.contains("oom_kill"), "the file is named: {claim}");
    }
}
