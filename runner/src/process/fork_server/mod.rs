//! The fork server: a small process, forked from the runner before that has grown, which forks the programs.
//!
//! A fork of the runner itself copies the tables of all its memory, which took a sixth of the time of a step that
//! does nothing, and the kernel counts the copy in the program's peak memory. Starting without a copy, as
//! `posix_spawn` does, counts the runner's own peak instead. A program is the runner's child all the same: the
//! server makes it with `CLONE_PARENT`, so the runner waits for it, and the kernel ends it with the runner.
//!
//! [`begin`] sends an order, [`Begun::started`] tells what became of it, [`ended`] is the end of it. The server ends when
//! the runner is gone, and then ends what is left of the programs' groups, and whoever left them ([`mark`]): the kernel
//! ends only the programs themselves. When the server is gone itself, the next order makes another one.

mod child;
mod mark;
mod order;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::Pid;

use super::{Wire, wait};
use crate::guard::{ChildGuard, socket_pair};
pub use mark::directory_prefix;
use order::{ENDED, Order, RUNS, Report};

/// Where programs are looked for when there is no `PATH`, as in the C library.
const PATH: &str = "/bin:/usr/bin";

/// A program to start.
pub(super) struct Program<'a> {
    /// Its file, from the working directory.
    pub file: &'a Path,
    /// Its name and arguments; not empty.
    pub argv: &'a [OsString],
    /// All of its variables.
    pub environment: &'a BTreeMap<OsString, OsString>,
    /// The working directory.
    pub cwd: &'a Path,
    /// Its standard input, output and error.
    pub streams: [OwnedFd; 3],
    /// What it is confined by.
    pub guard: ChildGuard,
    /// Its end of a socket to or from a profiler.
    pub wire: Wire,
    /// Where it says how long it was at a profiler's service.
    pub tell: Option<PipeWriter>,
}

/// A program on its way.
#[derive(Debug)]
pub(super) struct Begun(OwnedFd);

/// The server that there is, and the programs that run.
static SERVERS: Mutex<Servers> = Mutex::new(Servers { now: None, programs: Vec::new() });

#[derive(Debug)]
struct Servers {
    now: Option<Server>,
    programs: Vec<Pid>,
}

#[derive(Debug)]
struct Server {
    pid: Pid,
    socket: UnixStream,
}

/// Makes the server now: the earlier, the smaller it is.
pub fn prepare() -> io::Result<()> {
    servers().made().map(drop)
}

/// The server's number, which is no program's.
pub(super) fn pid() -> Option<Pid> {
    servers().now.as_ref().map(|server| server.pid)
}

fn servers() -> MutexGuard<'static, Servers> {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Servers {
    fn made(&mut self) -> io::Result<&Server> {
        match &mut self.now {
            Some(server) => Ok(server),
            none => {
                let server = Server::fork()?;
                for program in &self.programs {
                    Order::of(*program, RUNS).send(&server.socket)?;
                }
                Ok(none.insert(server))
            }
        }
    }
}

/// Orders a program; [`Begun::started`] tells what became of it.
pub(super) fn begin(program: &Program<'_>) -> io::Result<Begun> {
    let (report, its) = socket_pair()?;
    let order = Order::new(program, its.as_fd())?;
    let mut servers = servers();
    match order.send(&servers.made()?.socket) {
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
            // Somebody ended it. Another one is as good, but for its size: it is forked from a runner that has grown.
            if let Some(gone) = servers.now.take() {
                wait::Exit::of(gone.pid).reap();
            }
            order.send(&servers.made()?.socket)?;
        }
        other => other?,
    }
    Ok(Begun(report))
}

/// Tells the server that a program has ended, and is reaped: its number may be given to another.
pub(super) fn ended(pid: Pid) {
    let mut servers = servers();
    servers.programs.retain(|program| *program != pid);
    if let Some(server) = &servers.now {
        // One that is gone needs not know.
        let _ = Order::of(pid, ENDED).send(&server.socket);
    }
}

impl Begun {
    /// Waits until the order has become the program, and returns its number.
    pub fn started(self) -> io::Result<Pid> {
        // Only the end wakes this thread, not each report before it.
        while let Err(Errno::INTR) = poll(&mut [PollFd::new(&self.0, PollFlags::empty())], None) {}
        let (mut number, mut failed) = (None, None);
        while let Some(report) = Report::receive(self.0.as_fd())? {
            match report {
                Report::Number(pid) => number = Some(pid),
                Report::Failed(error) => failed = Some(error),
            }
        }
        match (number, failed) {
            (Some(pid), None) => {
                servers().programs.push(pid);
                Ok(pid)
            }
            (number, Some(error)) => {
                if let Some(pid) = number {
                    wait::Exit::of(pid).reap();
                    ended(pid);
                }
                Err(error)
            }
            (None, None) => Err(io::Error::other("the runner's fork server gave no answer")),
        }
    }
}

impl Server {
    /// Forks it. Its parent, and so that of the programs, is the thread that does it, which must live as long as
    /// the runner: the kernel ends the programs with it.
    fn fork() -> io::Result<Self> {
        if rustix::thread::gettid() == rustix::process::getpid() {
            return Self::fork_here();
        }
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("fork-server".to_owned()).spawn(move || {
            let _ = tell.send(Self::fork_here());
            loop {
                std::thread::park();
            }
        })?;
        told.recv().map_err(io::Error::other)?
    }

    #[expect(unsafe_code, reason = "no maintained crate wraps fork")]
    fn fork_here() -> io::Result<Self> {
        let (ours, its) = UnixStream::pair()?;
        let runner = rustix::process::getpid();
        let own = mark::own();
        // SAFETY: the C library brings its own locks, that of the allocator among them, through a fork of a process
        // with threads; what the server does takes no other one.
        match unsafe { libc::fork() } {
            0 => {
                drop(ours);
                child::serve(&its, runner, &own)
            }
            number => match Pid::from_raw(number).filter(|_| number > 0) {
                Some(pid) => Ok(Self { pid, socket: ours }),
                None => Err(io::Error::last_os_error()),
            },
        }
    }
}

/// The variables of the runner, and these.
pub(super) fn environment(added: &[(String, String)]) -> BTreeMap<OsString, OsString> {
    let mut all: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    all.extend(added.iter().map(|(name, value)| (name.into(), value.into())));
    let outer = std::env::var_os(mark::VARIABLE);
    all.insert(mark::VARIABLE.into(), mark::with(outer));
    all
}

/// The file of a program, from the working directory; looked for as `execvp` does.
pub(super) fn find(
    argv: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
    cwd: &Path,
) -> io::Result<PathBuf> {
    let Some(name) = argv.first() else { return Err(io::Error::other("no program was named")) };
    if name.as_bytes().contains(&b'/') {
        return Ok(name.into());
    }
    let missing = || io::Error::from(Errno::NOENT);
    if name.is_empty() {
        return Err(missing());
    }
    let mut error = missing();
    let path = environment.get(OsStr::new("PATH")).map_or(OsStr::new(PATH), OsString::as_os_str);
    for directory in std::env::split_paths(path) {
        let file = directory.join(name);
        // Relative to where the program will be, and an empty one is that place itself.
        let seen = cwd.join(&file);
        if !seen.is_file() {
            continue;
        }
        if access(&seen, Access::EXEC_OK).is_ok() {
            let named = if directory.as_os_str().is_empty() { Path::new(".").join(name) } else { file };
            return Ok(named);
        }
        error = Errno::ACCESS.into();
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, Permissions, create_dir, set_permissions};
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    fn null() -> OwnedFd {
        File::options().read(true).write(true).open("/dev/null").expect("there").into()
    }

    /// Runs a program in a directory, with `PATH` as given; what it prints, or the error of the start.
    fn run_with(cwd: &Path, argv: &[&str], path: &str, guard: ChildGuard) -> io::Result<(String, u64)> {
        let (mut reader, writer) = io::pipe()?;
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let env = [("PATH".to_owned(), path.to_owned()), ("GREETING".to_owned(), "good day".to_owned())];
        let streams = [null(), writer.into(), null()];
        let environment = environment(&env);
        let file = &find(&argv, &environment, cwd)?;
        let (environment, argv) = (&environment, &argv);
        let program = Program { file, argv, environment, cwd, streams, guard, wire: Wire::None, tell: None };
        let begun = begin(&program)?;
        drop(program);
        let number = begun.started()?;
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        let (_, peak) = wait::Exit::of(number).reap();
        Ok((text, peak))
    }

    fn run(cwd: &Path, argv: &[&str], path: &str) -> io::Result<String> {
        run_with(cwd, argv, path, ChildGuard::of(None, None, 0)).map(|(text, _)| text)
    }

    #[test]
    fn a_program_is_found_as_a_shell_finds_it() {
        let directory = tempfile::tempdir().expect("tempdir");
        let place = |name: &str| directory.path().join(name);
        let executable = |name: &str, text: &str, mode: u32| {
            crate::fs::write_whole(&place(name), text.as_bytes()).expect("write");
            set_permissions(place(name), Permissions::from_mode(mode)).expect("chmod");
        };
        create_dir(place("bin")).expect("made");
        create_dir(place("other")).expect("made");
        create_dir(place("other/tool")).expect("a directory is no program");
        executable("bin/plain", "echo no interpreter, $1", 0o755);
        executable("other/plain", "echo not this one", 0o644);
        executable("bin/tool", "#!/bin/sh\necho $GREETING $0 $PWD", 0o755);
        executable("here", "#!/bin/sh\necho here", 0o755);
        let path = "other:bin:/usr/bin:/bin";
        let run = |argv: &[&str], path: &str| run(directory.path(), argv, path);
        assert_eq!(run(&["plain", "but a shell"], path).expect("runs"), "no interpreter, but a shell\n");
        assert_eq!(
            run(&["tool"], path).expect("runs"),
            format!("good day bin/tool {}\n", directory.path().display())
        );
        assert_eq!(run(&["./here"], path).expect("runs"), "here\n");
        assert_eq!(run(&["here"], ":/bin").expect("an empty part is this place"), "here\n");
        let error = |argv: &[&str], path: &str| run(argv, path).expect_err("no program").kind();
        assert_eq!(error(&["plain"], "other"), io::ErrorKind::PermissionDenied);
        assert_eq!(error(&["here"], path), io::ErrorKind::NotFound);
        assert_eq!(error(&["./none"], path), io::ErrorKind::NotFound);
        assert_eq!(error(&[""], path), io::ErrorKind::NotFound);
        assert_eq!(error(&["./bin"], path), io::ErrorKind::PermissionDenied);
        assert_eq!(error(&["tool", "a\0b"], path), io::ErrorKind::InvalidInput);
        assert_eq!(
            super::tests::run(&place("none"), &["tool"], "/bin").expect_err("no place").kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn a_program_begins_with_no_signal_blocked_and_is_the_runners_child_in_a_group_of_its_own() {
        let argv = ["grep", "-E", "^(SigBlk|SigIgn|Pid|PPid|NSpgid):", "/proc/self/status"];
        let told = run(Path::new("/"), &argv, "/bin:/usr/bin").expect("runs");
        let field = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).expect("there").trim();
        assert_eq!(field("PPid:"), std::process::id().to_string());
        assert_eq!(field("NSpgid:"), field("Pid:"));
        let mask = |name: &str| u64::from_str_radix(field(name), 16).expect("a mask");
        let pipe = 1 << (libc::SIGPIPE - 1);
        assert_eq!((mask("SigBlk:"), mask("SigIgn:") & pipe), (0, 0), "{told}");
    }

    #[test]
    fn a_program_has_its_streams_and_what_the_runner_was_given_to_pass_on() {
        let told = run(Path::new("/"), &["ls", "/proc/self/fd"], "/bin:/usr/bin").expect("runs");
        let given = |number: &&str| {
            let flags = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
            let word = flags.ok().and_then(|text| {
                let line = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
                i32::from_str_radix(line.trim(), 8).ok()
            });
            word.is_some_and(|word| word & libc::O_CLOEXEC == 0)
        };
        let open: Vec<&str> = told.lines().filter(|number| !given(number)).collect();
        assert_eq!(open.len(), 1, "and the directory that it lists: {open:?} of {told}");
    }

    #[test]
    fn the_runners_own_memory_does_not_count_as_the_programs() {
        prepare().expect("made");
        let large = vec![1_u8; 256 << 20];
        let none = ChildGuard::of(None, None, 0);
        let (_, peak) = run_with(Path::new("/"), &["true"], "/bin", none).expect("runs");
        assert!(large.iter().all(|byte| *byte == 1) && peak < 128 << 20, "{peak}");
    }

    #[test]
    fn arguments_larger_than_a_sockets_room_come_through() {
        let words = vec!["x".repeat(100_000); 12];
        let mut argv = vec!["sh", "-c", "echo $# ${#12}", "sh"];
        argv.extend(words.iter().map(String::as_str));
        assert_eq!(run(Path::new("/"), &argv, "/bin").expect("runs"), "12 100000\n");
        let long = "x".repeat(1 << 20);
        let error = run(Path::new("/"), &["true", &long], "/bin").expect_err("longer than the kernel takes");
        assert_eq!(error.raw_os_error(), Some(libc::E2BIG));
    }

    #[test]
    fn what_goes_wrong_before_is_told_and_no_process_is_left() {
        // No ruleset: the kernel says so after everything else was done.
        let guard = ChildGuard::of(Some(null()), None, 0);
        let error = run_with(Path::new("/"), &["true"], "/bin", guard).expect_err("refused");
        assert_eq!(error.raw_os_error(), Some(libc::EBADFD), "{error}");
    }
}
