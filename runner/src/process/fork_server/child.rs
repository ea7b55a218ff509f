//! What the fork server does, and what each of its children does until it is the program.

use std::ffi::{c_char, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process_group};

use super::mark;
use super::order::{ENDED, Head, LISTENER, Order, PROFILER, PROGRAM, RULESET, RUNS, Report, TELL};
use crate::guard::{ChildGuard, open_events_for};

/// What runs a file without `#!`, as in the C library.
const SHELL: &[u8] = b"/bin/sh\0";

impl Order<OwnedFd> {
    /// Lays everything out for the child; `None` for an order that did not come through whole.
    fn ready(self) -> Option<Child> {
        let Head { arguments, with, number, pass, .. } = self.head;
        let texts = self.texts;
        let mut starts = texts.split_inclusive(|byte| *byte == 0).map(|text| text.as_ptr().cast::<c_char>());
        let (path, directory) = (starts.next()?, starts.next()?);
        let mut argv: Vec<*const c_char> = starts.by_ref().take(arguments as usize).collect();
        let mut environment: Vec<*const c_char> = starts.collect();
        let mut through_shell = vec![SHELL.as_ptr().cast(), path];
        through_shell.extend(argv.iter().skip(1));
        for list in [&mut argv, &mut through_shell, &mut environment] {
            list.push(std::ptr::null());
        }
        let mut rest = self.descriptors.into_iter();
        let mut take = || {
            let own = rest.next()?;
            // Nothing else may be where a profiler's end has to be.
            if own.as_raw_fd() == number { fcntl_dupfd_cloexec(&own, number + 1).ok() } else { Some(own) }
        };
        let (report, streams) = (take()?, [take()?, take()?, take()?]);
        let mut optional = |bit: u32| if with & bit == 0 { Some(None) } else { take().map(Some) };
        let guard = ChildGuard::of(optional(RULESET)?, optional(LISTENER)?, pass);
        let profiler = optional(PROFILER)?.map(|end| (end, number));
        let (program, tell) = (optional(PROGRAM)?, optional(TELL)?);
        Some(Child {
            texts,
            path,
            directory,
            argv,
            through_shell,
            environment,
            report,
            streams,
            guard,
            profiler,
            program,
            tell,
        })
    }
}

/// What the server does until the runner is gone.
#[expect(unsafe_code, reason = "no maintained crate wraps these calls")]
pub(super) fn serve(socket: &UnixStream, runner: Pid, own: &str) -> ! {
    // Nothing of the runner may be run in this process, whatever happens.
    let _ = catch_unwind(AssertUnwindSafe(|| take_orders(socket, runner, own)));
    // SAFETY: it ends here.
    unsafe { libc::_exit(0) }
}

#[expect(unsafe_code, reason = "no maintained crate wraps these calls")]
fn take_orders(socket: &UnixStream, runner: Pid, own: &str) {
    become_server(socket.as_fd());
    let mut running: Vec<Pid> = Vec::new();
    loop {
        let order = match Order::receive(socket) {
            Ok(Some(order)) => order,
            Ok(None) => break,
            // Of no use any more; the runner makes another one.
            Err(_) => return,
        };
        let Head { with, number, .. } = order.head;
        match with {
            RUNS => running.extend(Pid::from_raw(number)),
            ENDED => running.retain(|pid| pid.as_raw_nonzero().get() != number),
            _ => {
                let Some(child) = order.ready() else { continue };
                let flags = libc::c_long::from(libc::CLONE_PARENT);
                // SAFETY: a fork without the C library's hooks; the child calls nothing that needs them. This process
                // has no other thread.
                match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
                    0 => child.become_program(runner),
                    // Numbers of processes fit.
                    number @ 1.. => running.extend(Pid::from_raw(number as i32)),
                    _ => child.say(&Report::Failed(io::Error::last_os_error())),
                }
            }
        }
    }
    // The runner is gone, and the kernel ends the programs. Where one is gone with all of its group, nobody is to be ended.
    for program in &running {
        let _ = kill_process_group(*program, Signal::KILL);
    }
    // What an earlier program left is gone already.
    if !running.is_empty() {
        mark::end_all(own);
        mark::remove_directories(own);
    }
}

/// Lets go of what is the runner's: its terminal's signals, its directory and streams, and what it has open for itself.
#[expect(unsafe_code, reason = "no maintained crate wraps these calls")]
fn become_server(socket: BorrowedFd<'_>) {
    // Each of these is only tidiness.
    let _ = rustix::process::setpgid(None, None);
    let _ = rustix::process::chdir("/");
    // SAFETY: a text that ends in a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"runner-forks".as_ptr()) };
    if let Ok(null) = std::fs::File::options().read(true).write(true).open("/dev/null") {
        for number in 0..3 {
            // SAFETY: plain numbers.
            unsafe { libc::dup2(null.as_raw_fd(), number) };
        }
    }
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().filter_map(Result::ok);
    let open: Vec<RawFd> = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2 && *number != socket.as_raw_fd()) {
        // SAFETY: nobody in this process uses it any more; one that is closed already is refused.
        let own = unsafe { fcntl_getfd(BorrowedFd::borrow_raw(number)) }
            .is_ok_and(|flags| flags.contains(FdFlags::CLOEXEC));
        if own {
            // SAFETY: as above. What is meant for programs stays.
            unsafe { libc::close(number) };
        }
    }
}

/// All that the child uses; made before, so that it allocates nothing.
struct Child {
    #[expect(dead_code, reason = "what the pointers below point into")]
    texts: Vec<u8>,
    path: *const c_char,
    directory: *const c_char,
    argv: Vec<*const c_char>,
    /// The same program as a script of the shell.
    through_shell: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    report: OwnedFd,
    streams: [OwnedFd; 3],
    guard: ChildGuard,
    /// The profiler's end, and the number that it must have.
    profiler: Option<(OwnedFd, RawFd)>,
    program: Option<OwnedFd>,
    tell: Option<OwnedFd>,
}

impl Child {
    fn say(&self, report: &Report) {
        report.send(self.report.as_fd());
    }

    /// What is done between fork and exec: system calls only.
    #[expect(unsafe_code, reason = "becoming another program is unsafe by nature")]
    fn become_program(&self, runner: Pid) -> ! {
        // It says so itself: whatever becomes of the server, a program that has begun is known.
        self.say(&Report::Number(rustix::process::getpid()));
        let begin = |file: *const c_char, argv: &[*const c_char]| {
            // SAFETY: texts that end in a zero byte, and lists of them that end in a null pointer. The kernel does not
            // look at the last argument; the guard's filter does.
            unsafe {
                let (argv, environment) = (argv.as_ptr(), self.environment.as_ptr());
                libc::syscall(libc::SYS_execve, file, argv, environment, 0, 0, self.guard.pass());
            }
            io::Error::last_os_error()
        };
        let error = match self.prepare(runner) {
            Err(error) => error,
            Ok(()) => match begin(self.path, &self.argv) {
                error if error.raw_os_error() == Some(libc::ENOEXEC) => {
                    begin(SHELL.as_ptr().cast(), &self.through_shell)
                }
                error => error,
            },
        };
        self.say(&Report::Failed(error));
        // SAFETY: nothing of the runner may be run at this end.
        unsafe { libc::_exit(127) }
    }

    /// Streams, directory, group, signals; then what ties the program's life to the runner's: one that outlived a
    /// killed runner would run, unseen and unrecorded, beside the next measurement. Then a profiler's events, and
    /// the guard. Where there is a profiler, the child says how long it was at its service.
    #[expect(unsafe_code, reason = "no maintained crate wraps these calls")]
    fn prepare(&self, runner: Pid) -> io::Result<()> {
        for (number, stream) in (0..).zip(&self.streams) {
            // SAFETY: plain numbers. The server's own streams have 0 to 2, so these have others.
            checked(unsafe { libc::dup2(stream.as_raw_fd(), number) })?;
        }
        // SAFETY: a text that ends in a zero byte.
        checked(unsafe { libc::chdir(self.directory) })?;
        rustix::process::setpgid(None, None)?;
        default_signals()?;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // A runner that was killed in between would never send the signal.
        if rustix::process::getppid() != Some(runner) {
            return Err(Errno::SRCH.into());
        }
        if let Some((end, number)) = &self.profiler {
            if end.as_raw_fd() == *number {
                fcntl_setfd(end, FdFlags::empty())?;
            } else {
                // SAFETY: plain numbers; nothing that is still needed has that one.
                checked(unsafe { libc::dup2(end.as_raw_fd(), *number) })?;
            }
        }
        if let Some(end) = &self.program {
            let begin = std::time::Instant::now();
            open_events_for(end.as_raw_fd());
            if let Some(tell) = &self.tell {
                let nanoseconds = begin.elapsed().as_nanos() as u64;
                rustix::io::write(tell, &nanoseconds.to_ne_bytes())?;
            }
        }
        self.guard.enter()
    }
}

/// Signals as a program expects them: none blocked, and SIGPIPE, which Rust ignores, as it is by default. One that
/// was ignored when the runner was started (`nohup`) stays ignored; those that are handled are reset by exec.
#[expect(unsafe_code, reason = "no maintained crate wraps these calls")]
fn default_signals() -> io::Result<()> {
    // SAFETY: plain numbers, and a set that is made before it is used.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        checked(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()))
    }
}

/// The errno of the last call as a result.
fn checked(result: c_int) -> io::Result<()> {
    match result {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
