//! What is asked of the kernel: [`Attributes`], one `struct perf_event_attr`.
//!
//! The layout is that of `linux/perf_event.h`, attribute version 5 (112 bytes, since Linux 4.8). Made by the perf
//! source (for the threads of this process) and by the watch over another program. Pure: the calls are in
//! `event.rs`, and in the program's own process.
#![expect(unsafe_code, reason = "the bytes of a plain C structure")]

use super::WINDOW;

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_CPU_CLOCK: u64 = 0;
const SAMPLE_IP: u64 = 1 << 0;
const SAMPLE_TID: u64 = 1 << 1;
const SAMPLE_TIME: u64 = 1 << 2;
const SAMPLE_CALLCHAIN: u64 = 1 << 5;
const SAMPLE_REGS_USER: u64 = 1 << 12;
const SAMPLE_STACK_USER: u64 = 1 << 13;
const FLAG_DISABLED: u64 = 1 << 0;
const FLAG_INHERIT: u64 = 1 << 1;
const FLAG_EXCLUDE_KERNEL: u64 = 1 << 5;
const FLAG_EXCLUDE_HV: u64 = 1 << 6;
const FLAG_MMAP: u64 = 1 << 8;
const FLAG_COMM: u64 = 1 << 9;
const FLAG_FREQ: u64 = 1 << 10;
const FLAG_ENABLE_ON_EXEC: u64 = 1 << 12;
const FLAG_TASK: u64 = 1 << 13;
const FLAG_SAMPLE_ID_ALL: u64 = 1 << 18;
const FLAG_EXCLUDE_CALLCHAIN_KERNEL: u64 = 1 << 21;
const FLAG_MMAP2: u64 = 1 << 23;
const FLAG_COMM_EXEC: u64 = 1 << 24;
const FLAG_USE_CLOCKID: u64 = 1 << 25;
const FLAG_CONTEXT_SWITCH: u64 = 1 << 26;

/// The registers asked for, as a mask of `asm/perf_regs.h`; they arrive in the order of their bits.
#[cfg(target_arch = "x86_64")]
const REGISTERS: u64 = 1 << 6 | 1 << 7 | 1 << 8; // bp, sp, ip
#[cfg(target_arch = "aarch64")]
const REGISTERS: u64 = 1 << 29 | 1 << 30 | 1 << 31 | 1 << 32; // x29, lr, sp, pc

/// `struct perf_event_attr`, up to version 5.
#[repr(C)]
#[derive(Default)]
pub(crate) struct Attributes {
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

impl Attributes {
    fn sampling(hz: u32, flags: u64) -> Self {
        Self {
            kind: PERF_TYPE_SOFTWARE,
            size: size_of::<Self>() as u32,
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
                | FLAG_EXCLUDE_CALLCHAIN_KERNEL
                | FLAG_USE_CLOCKID
                | flags,
            sample_regs_user: REGISTERS,
            sample_stack_user: WINDOW,
            clockid: libc::CLOCK_MONOTONIC,
            ..Self::default()
        }
    }

    /// Samples a thread at `hz` samples per second of its processor time, from the moment it is enabled.
    pub(super) fn of_thread(hz: u32) -> Self {
        Self::sampling(hz, 0)
    }

    /// The same with every thread that it starts. Such an event must belong to one processor.
    pub(super) fn of_thread_and_its_children(hz: u32) -> Self {
        Self::sampling(hz, FLAG_INHERIT)
    }

    /// Samples the process that opens it, from its next exec on, with all that it starts; says what is mapped,
    /// started, ended and switched.
    pub(crate) fn of_program(hz: u32) -> Self {
        Self::sampling(
            hz,
            FLAG_INHERIT
                | FLAG_ENABLE_ON_EXEC
                | FLAG_MMAP
                | FLAG_MMAP2
                | FLAG_COMM
                | FLAG_COMM_EXEC
                | FLAG_TASK
                | FLAG_SAMPLE_ID_ALL
                | FLAG_CONTEXT_SWITCH,
        )
    }

    /// As the kernel reads them.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: a C structure without padding (its size is the sum of its fields; a test holds that).
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>()) }
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
        // 7 words of 32 bits, 2 of 16, 10 of 64: no padding.
        assert_eq!(7 * 4 + 2 * 2 + 10 * 8, 112);
    }
}
