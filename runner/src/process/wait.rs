//! Waiting for a child: its exit, its status, and the peak memory that the kernel counted for it.
//!
//! The one unsafe call of the runner is here: `wait4` is the only way to learn a child's own peak memory,
//! and no maintained crate wraps it.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};

/// A wait status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Exited(i32),
    Signalled(i32),
    Unknown,
}

/// The future end of a child.
#[derive(Debug)]
pub struct Exit {
    pid: Pid,
    descriptor: Option<OwnedFd>,
}

impl Exit {
    pub fn of(pid: Pid) -> Self {
        Self { pid, descriptor: pidfd_open(pid, PidfdFlags::empty()).ok() }
    }

    /// Waits at most `time` for the end. The child is not reaped yet, so its number still means it.
    pub fn ended(&self, time: Duration) -> bool {
        match &self.descriptor {
            Some(descriptor) => {
                let borrowed = descriptor.as_fd();
                let timeout = Timespec {
                    tv_sec: time.as_secs().cast_signed(),
                    tv_nsec: i64::from(time.subsec_nanos()),
                };
                // Interrupted or timed out: the caller looks around and comes back.
                let _ = poll(&mut [PollFd::new(&borrowed, PollFlags::IN)], Some(&timeout));
            }
            None => std::thread::sleep(time.min(Duration::from_millis(1))),
        }
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // An error means that there is nothing to wait for any more.
        !matches!(waitid(WaitId::Pid(self.pid), look), Ok(None) | Err(rustix::io::Errno::INTR))
    }

    /// Takes the child's status, and the peak of its resident memory in bytes.
    #[expect(unsafe_code, reason = "wait4 has no safe wrapper in a maintained crate")]
    pub fn reap(&self) -> (Status, u64) {
        let mut status = 0;
        // SAFETY: an all-zero rusage is a valid value of this plain C struct.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        let pid = self.pid.as_raw_nonzero().get();
        // SAFETY: both pointers are valid for the call, and the child is ours and not yet waited for.
        let reaped = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        let peak = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
        let status = if reaped != pid {
            Status::Unknown
        } else if libc::WIFEXITED(status) {
            Status::Exited(libc::WEXITSTATUS(status))
        } else if libc::WIFSIGNALED(status) {
            Status::Signalled(libc::WTERMSIG(status))
        } else {
            Status::Unknown
        };
        (status, peak)
    }
}

/// `SIGSEGV (11)`.
pub fn signal_name(signal: i32) -> String {
    let name = signal_hook::low_level::signal_name(signal).map_or_else(|| "signal".to_owned(), str::to_owned);
    format!("{name} ({signal})")
}
