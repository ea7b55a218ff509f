//! The system call: [`Event`], one sampling event, and the ring that it or another event of its processor writes.
//!
//! Opened by `PerfSource` for the threads of this process; of another program, whose process opened it, it is
//! adopted. It must never leave an event open: both the descriptor and the mapping are released on drop.
#![expect(unsafe_code, reason = "system calls and a mapping shared with the kernel")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::attributes::Attributes;
use super::ring::Ring;

const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_EVENT_IOC_DISABLE: libc::c_ulong = 0x2401;
const PERF_EVENT_IOC_SET_OUTPUT: libc::c_ulong = 0x2405;

/// Any processor, in [`Event::open`].
pub(super) const ANYWHERE: i32 = -1;

/// An event.
pub(crate) struct Event {
    // Before `fd`: fields drop in order, and the mapping goes first.
    ring: Option<Ring>,
    fd: OwnedFd,
}

impl Event {
    /// Opens the event of thread `tid` on `processor`; it is not enabled.
    ///
    /// # Errors
    /// `EACCES`/`EPERM` when `perf_event_paranoid` or a seccomp filter refuses, `EINVAL` when the rate is above
    /// `kernel.perf_event_max_sample_rate`, `ESRCH` when the thread has ended.
    pub(super) fn open(attributes: &Attributes, tid: i32, processor: i32) -> io::Result<Self> {
        // SAFETY: the attributes are a valid, fully initialised structure of the stated size.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                std::ptr::from_ref(attributes),
                tid,
                processor,
                -1 as libc::c_int,
                PERF_FLAG_FD_CLOEXEC,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call returned a new descriptor that nobody else owns.
        Ok(Self::adopt(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// An event that another process has opened.
    pub(crate) fn adopt(fd: OwnedFd) -> Self {
        Self { ring: None, fd }
    }

    /// Gives it a ring of the first of these sizes (powers of two, in bytes) that the system allows.
    ///
    /// # Errors
    /// `EPERM` when the locked-memory limit refuses even the last.
    pub(crate) fn map(&mut self, sizes: &[usize]) -> io::Result<()> {
        let mut result = Err(io::Error::from(io::ErrorKind::InvalidInput));
        for size in sizes {
            result = Ring::map(&self.fd, *size).map(|ring| self.ring = Some(ring));
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Lets it write into the ring of another event of the same processor.
    pub(super) fn write_into(&self, other: &Self) -> io::Result<()> {
        self.control(PERF_EVENT_IOC_SET_OUTPUT, other.fd.as_raw_fd())
    }

    /// Where the kernel writes the records; `None` when they go into another event's.
    pub(crate) fn ring(&self) -> Option<&Ring> {
        self.ring.as_ref()
    }

    /// Begins.
    pub(crate) fn enable(&self) -> io::Result<()> {
        self.control(PERF_EVENT_IOC_ENABLE, 0)
    }

    /// Takes no more samples.
    pub(crate) fn disable(&self) {
        // It cannot fail on an open event; were it to, the ring is only read once more and then dropped.
        let _ = self.control(PERF_EVENT_IOC_DISABLE, 0);
    }

    fn control(&self, request: libc::c_ulong, argument: i32) -> io::Result<()> {
        // SAFETY: none of the requests takes a pointer.
        let status = unsafe { libc::ioctl(self.fd.as_raw_fd(), request, argument) };
        if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_does_not_exist_is_reported_as_such() {
        // Above the largest pid_max of any Linux (4194304).
        let error = Event::open(&Attributes::of_thread(99), 4_194_305, ANYWHERE).err();
        let error = error.and_then(|error| error.raw_os_error());
        assert!(matches!(error, Some(libc::ESRCH | libc::EACCES | libc::EPERM | libc::ENOSYS)), "{error:?}");
    }
}
