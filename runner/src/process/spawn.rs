//! [`spawn`]: starts a program as `posix_spawn` does, with a hook of ours before it becomes the program.
//!
//! The child shares the memory of the runner until then, while the thread that starts it waits. A copy of all
//! memory, as fork makes it, would cost a step that does nothing a fifth of its time. That is also why this is not
//! `std::process::Command`, which forks as soon as there is a hook.

#![expect(unsafe_code, reason = "no maintained crate starts a program this way with a hook")]

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::fs::{Access, access};
use rustix::process::Pid;

/// What the child needs besides what the program calls by itself.
const STACK: usize = 64 << 10;
/// Where programs are looked for when there is no `PATH`, as in the C library.
const PATH: &str = "/bin:/usr/bin";
/// What runs a file without `#!`, as in the C library.
const SHELL: &[u8] = b"/bin/sh\0";

/// A program to become.
pub(super) struct Program<'a> {
    /// Its name and arguments; not empty.
    pub argv: &'a [OsString],
    /// Variables added to those of the runner.
    pub env: &'a [(String, String)],
    /// The working directory.
    pub cwd: &'a Path,
    /// Its standard input, output and error.
    pub streams: [OwnedFd; 3],
    /// What it does before, in a process group of its own and in its directory: system calls only, nothing that
    /// allocates or locks.
    pub before: &'a dyn Fn() -> io::Result<()>,
}

/// Starts a program; its number. An error is that of finding it, of the hook, or of becoming the program.
pub(super) fn spawn(program: Program<'_>) -> io::Result<Pid> {
    let Program { argv, env, cwd, streams, before } = program;
    let environment = environment(env);
    let path = find(argv, &environment, cwd)?;
    let environment = environment.into_iter().map(|(name, value)| {
        let mut line = name;
        line.push("=");
        line.push(value);
        text(&line)
    });
    let argv = argv.iter().map(|word| text(word)).collect::<io::Result<Vec<_>>>()?;
    let environment = environment.collect::<io::Result<Vec<_>>>()?;
    let path = text(path.as_os_str())?;
    let argv = pointers(argv.iter().map(|word| word.as_ptr()));
    let child = Child {
        directory: text(cwd.as_os_str())?,
        through_shell: pointers(
            [SHELL.as_ptr().cast(), path.as_ptr()].into_iter().chain(argv[1..].iter().copied()),
        ),
        path: &path,
        argv,
        environment: pointers(environment.iter().map(|line| line.as_ptr())),
        streams: streams.each_ref().map(AsRawFd::as_raw_fd),
        before,
        error: AtomicI32::new(0),
    };
    let mut stack = vec![0_u128; STACK / size_of::<u128>()];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let blocked = Blocked::all()?;
    // SAFETY: the stack grows down from the end of memory that outlives the child's use of it, as does `child`: with
    // CLONE_VFORK this thread goes on only when the child has become the program, or has ended.
    let number = unsafe {
        let top = stack.as_mut_ptr_range().end.cast::<c_void>();
        libc::clone(become_program, top, flags, (&raw const child).cast_mut().cast())
    };
    let failed = io::Error::last_os_error();
    drop(blocked);
    let Some(number) = Pid::from_raw(number).filter(|_| number > 0) else { return Err(failed) };
    match child.error.load(Ordering::Relaxed) {
        0 => Ok(number),
        error => {
            super::wait::Exit::of(number).reap();
            Err(io::Error::from_raw_os_error(error))
        }
    }
}

/// All that the child uses; made before, so that it allocates nothing.
struct Child<'a> {
    path: &'a CString,
    argv: Vec<*const c_char>,
    /// The same program as a script of the shell.
    through_shell: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    directory: CString,
    streams: [c_int; 3],
    before: &'a dyn Fn() -> io::Result<()>,
    /// Why there is no program.
    error: AtomicI32,
}

impl Child<'_> {
    /// Never comes back but with an error. Runs in the child, on its own stack, in the runner's memory.
    fn begin(&self) -> io::Error {
        let prepared = self.prepare().and_then(|()| (self.before)());
        if let Err(error) = prepared.and_then(|()| default_signals()) {
            return error;
        }
        // SAFETY: all three are lists of texts that end in a null pointer, and live as long as the runner waits.
        unsafe { libc::execve(self.path.as_ptr(), self.argv.as_ptr(), self.environment.as_ptr()) };
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ENOEXEC) {
            return error;
        }
        // SAFETY: as above.
        unsafe {
            libc::execve(SHELL.as_ptr().cast(), self.through_shell.as_ptr(), self.environment.as_ptr());
        }
        error
    }

    fn prepare(&self) -> io::Result<()> {
        for (number, stream) in (0..).zip(self.streams) {
            // SAFETY: plain numbers. The runner's own streams have 0 to 2, so these have others.
            checked(unsafe { libc::dup2(stream, number) })?;
        }
        // SAFETY: a text that lives as long as the runner waits.
        checked(unsafe { libc::chdir(self.directory.as_ptr()) })?;
        // SAFETY: plain numbers.
        checked(unsafe { libc::setpgid(0, 0) })
    }
}

extern "C" fn become_program(child: *mut c_void) -> c_int {
    // SAFETY: what `spawn` passes, which waits.
    let child = unsafe { &*child.cast::<Child<'_>>() };
    let error = child.begin().raw_os_error().unwrap_or(libc::EIO);
    child.error.store(error, Ordering::Relaxed);
    // SAFETY: nothing of the runner may be run at this end, and nothing is.
    unsafe { libc::_exit(127) }
}

/// Signals as a program expects them: none blocked, those that the runner handles or its language ignores as they
/// are by default. One that was ignored when the runner was started (`nohup`) stays ignored.
fn default_signals() -> io::Result<()> {
    // SAFETY: an all-zero action is the default one, and a set is made before it is used.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        for signal in 1..=libc::SIGRTMAX() {
            let mut now: libc::sigaction = std::mem::zeroed();
            let handled = libc::sigaction(signal, std::ptr::null(), &raw mut now) == 0
                && (signal == libc::SIGPIPE || !matches!(now.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN));
            if handled {
                checked(libc::sigaction(signal, &raw const default, std::ptr::null_mut()))?;
            }
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        checked(libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()))
    }
}

/// All signals blocked in this thread, until it is dropped: a handler must not run in the child, whose memory is the
/// runner's.
struct Blocked(libc::sigset_t);

impl Blocked {
    fn all() -> io::Result<Self> {
        // SAFETY: both sets are made before they are used.
        unsafe {
            let (mut all, mut before): (libc::sigset_t, libc::sigset_t) =
                (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&raw mut all);
            checked(libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before))?;
            Ok(Self(before))
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set that was read before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

/// The errno of the last call as a result.
fn checked(result: c_int) -> io::Result<()> {
    match result {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn environment(added: &[(String, String)]) -> BTreeMap<OsString, OsString> {
    let mut all: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    all.extend(added.iter().map(|(name, value)| (name.into(), value.into())));
    all
}

/// The file of a program, looked for as `execvp` does.
fn find(argv: &[OsString], environment: &BTreeMap<OsString, OsString>, cwd: &Path) -> io::Result<PathBuf> {
    let Some(name) = argv.first() else { return Err(io::Error::other("no program was named")) };
    if name.as_bytes().contains(&b'/') {
        return Ok(name.into());
    }
    let missing = || io::Error::from_raw_os_error(libc::ENOENT);
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
        error = io::Error::from_raw_os_error(libc::EACCES);
    }
    Err(error)
}

fn text(of: &OsStr) -> io::Result<CString> {
    Ok(CString::new(of.to_os_string().into_vec())?)
}

fn pointers(texts: impl Iterator<Item = *const c_char>) -> Vec<*const c_char> {
    texts.chain([std::ptr::null()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, Permissions, create_dir, set_permissions};
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    /// Runs a program in a directory, with `PATH` as given; what it prints, or the error of the start.
    fn run(cwd: &Path, argv: &[&str], path: &str) -> io::Result<String> {
        let (mut reader, writer) = io::pipe()?;
        let null = || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let env = [("PATH".to_owned(), path.to_owned()), ("GREETING".to_owned(), "good day".to_owned())];
        let streams = [null()?, writer.into(), null()?];
        let number = spawn(Program { argv: &argv, env: &env, cwd, streams, before: &|| Ok(()) })?;
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        super::super::wait::Exit::of(number).reap();
        Ok(text)
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
    fn a_program_begins_with_no_signal_blocked_and_only_ignores_what_the_runner_was_told_to() {
        let status =
            run(Path::new("/"), &["grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"], "/bin:/usr/bin");
        let status = status.expect("runs");
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("there");
            u64::from_str_radix(line.trim(), 16).expect("a mask")
        };
        let pipe = 1 << (libc::SIGPIPE - 1);
        assert_eq!((mask("SigBlk:"), mask("SigIgn:") & pipe), (0, 0), "{status}");
    }

    #[test]
    fn what_goes_wrong_before_is_told_and_no_process_is_left() {
        let null =
            || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from).expect("there");
        let refused = || Err(io::Error::from_raw_os_error(libc::ENOTUNIQ));
        let argv = [OsString::from("true")];
        let program = Program {
            argv: &argv,
            env: &[],
            cwd: Path::new("/"),
            streams: [null(), null(), null()],
            before: &refused,
        };
        assert_eq!(spawn(program).expect_err("refused").raw_os_error(), Some(libc::ENOTUNIQ));
    }
}
