//! The system call: [`Event`], one sampling event of one thread, with its ring.
//!
//! Opened by `PerfSource`. The layouts are those of `linux/perf_event.h`, attribute version 5 (112 bytes, since
//! Linux 4.8). It must never leave an event open: both the descriptor and the mapping are released on drop.
#![expect(unsafe_code, reason = "system calls and a mapping shared with the kernel")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::WINDOW;
use super::ring::Ring;

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_CPU_CLOCK: u64 = 0;
const SAMPLE_IP: u64 = 1 << 0;
const SAMPLE_TID: u64 = 1 << 1;
const SAMPLE_TIME: u64 = 1 << 2;
const SAMPLE_CALLCHAIN: u64 = 1 << 5;
const SAMPLE_REGS_USER: u64 = 1 << 12;
const SAMPLE_STACK_USER: u64 = 1 << 13;
const FLAG_DISABLED: u64 = 1 << 0;
const FLAG_EXCLUDE_KERNEL: u64 = 1 << 5;
const FLAG_EXCLUDE_HV: u64 = 1 << 6;
const FLAG_FREQ: u64 = 1 << 10;
const FLAG_EXCLUDE_CALLCHAIN_KERNEL: u64 = 1 << 21;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_EVENT_IOC_DISABLE: libc::c_ulong = 0x2401;

/// The registers asked for, as a mask of `asm/perf_regs.h`; they arrive in the order of their bits.
#[cfg(target_arch = "x86_64")]
const REGISTERS: u64 = 1 << 6 | 1 << 7 | 1 << 8; // bp, sp, ip
#[cfg(target_arch = "aarch64")]
const REGISTERS: u64 = 1 << 29 | 1 << 30 | 1 << 31 | 1 << 32; // x29, lr, sp, pc

/// Bytes of the ring's data: 60 samples, which is 60 ms at the default rate. With its header page it is also
/// what an unprivileged user may lock for each processor (`perf_event_mlock_kb`, 516 KiB).
const RING: usize = 512 << 10;
/// The size tried when the large one is refused: 7 samples.
const SMALL_RING: usize = 64 << 10;

/// `struct perf_event_attr`, up to version 5.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_freq: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clockid: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

/// A running event of one thread.
pub(super) struct Event {
    // Before `fd`: fields drop in order, and the mapping goes first.
    ring: Ring,
    fd: OwnedFd,
}

impl Event {
    /// Opens and enables the event of thread `tid` at `hz` samples per second of its processor time.
    ///
    /// # Errors
    /// `EACCES`/`EPERM` when `perf_event_paranoid`, a seccomp filter or the locked-memory limit refuses,
    /// `EINVAL` when `hz` is above `kernel.perf_event_max_sample_rate`, `ESRCH` when the thread has ended.
    pub(super) fn open(tid: i32, hz: u32) -> io::Result<Self> {
        let attributes = Attributes {
            kind: PERF_TYPE_SOFTWARE,
            size: size_of::<Attributes>() as u32,
            config: PERF_COUNT_SW_CPU_CLOCK,
            sample_freq: u64::from(hz),
            sample_type: SAMPLE_IP
                | SAMPLE_TID
                | SAMPLE_TIME
                | SAMPLE_CALLCHAIN
                | SAMPLE_REGS_USER
                | SAMPLE_STACK_USER,
            flags: FLAG_DISABLED
                | FLAG_EXCLUDE_KERNEL
                | FLAG_EXCLUDE_HV
                | FLAG_FREQ
                | FLAG_EXCLUDE_CALLCHAIN_KERNEL,
            sample_regs_user: REGISTERS,
            sample_stack_user: WINDOW,
            ..Attributes::default()
        };
        // SAFETY: the attributes are a valid, fully initialised structure of the stated size.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                tid,
                -1 as libc::c_int,
                -1 as libc::c_int,
                PERF_FLAG_FD_CLOEXEC,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call returned a new descriptor that nobody else owns.
        let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        let ring = Ring::map(&fd, RING).or_else(|_| Ring::map(&fd, SMALL_RING))?;
        let event = Self { ring, fd };
        event.control(PERF_EVENT_IOC_ENABLE)?;
        Ok(event)
    }

    /// Where the kernel writes the event's records.
    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Takes no more samples.
    pub(super) fn disable(&self) {
        // It cannot fail on an open event; were it to, the ring is only read once more and then dropped.
        let _ = self.control(PERF_EVENT_IOC_DISABLE);
    }

    fn control(&self, request: libc::c_ulong) -> io::Result<()> {
        // SAFETY: both requests take no pointer.
        let status = unsafe { libc::ioctl(self.fd.as_raw_fd(), request, 0) };
        if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_have_the_size_of_version_5() {
        assert_eq!(size_of::<Attributes>(), 112);
        assert_eq!(std::mem::offset_of!(Attributes, sample_regs_user), 80);
        assert_eq!(std::mem::offset_of!(Attributes, sample_stack_user), 88);
    }

    #[test]
    fn a_thread_that_does_not_exist_is_reported_as_such() {
        // Above the largest pid_max of any Linux (4194304).
        let error = Event::open(4_194_305, 99).err().and_then(|error| error.raw_os_error());
        assert!(matches!(error, Some(libc::ESRCH | libc::EACCES | libc::EPERM | libc::ENOSYS)), "{error:?}");
    }
}
