//! Where the SIGPROF handler puts its samples: [`Slots`], a fixed set of buffers handed over without a lock.
//!
//! A slot goes free -> writing (one handler owns it) -> full (the drain owns it) -> free. The buffers are made
//! once and live as long as the process, because a handler may be late. The handler does nothing but atomic
//! operations, plain stores into its slot and the system calls `gettid`, `clock_gettime` and `process_vm_readv`, which copies
//! the stack without the fault that reading past its end would raise; it must never allocate, lock or panic.
#![expect(unsafe_code, reason = "a signal handler and the memory that it shares")]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use crate::sample::{RawSample, Registers};

/// Slots of the process: 8 MiB.
pub(super) const COUNT: usize = 256;
/// Stack bytes of a sample. There is no chain from the kernel here: what lies further out is cut off.
const WINDOW: usize = 32 << 10;
const PAGE: usize = 4096;

const FREE: u8 = 0;
const WRITING: u8 = 1;
const FULL: u8 = 2;

static SLOTS: OnceLock<Slots> = OnceLock::new();

struct Content {
    tid: i32,
    time: u64,
    registers: Registers,
    len: usize,
    window: [u8; WINDOW],
}

struct Slot {
    state: AtomicU8,
    content: UnsafeCell<Content>,
}

/// All slots, and whether somebody uses them.
pub(super) struct Slots {
    all: Box<[Slot]>,
    next: AtomicUsize,
    taken: AtomicBool,
    dropped: AtomicU64,
    process: i32,
}

// SAFETY: a content is only touched by the one who moved its slot's state to WRITING, or who found it FULL and
// is the only drain.
unsafe impl Sync for Slots {}

impl Slots {
    #[expect(clippy::large_stack_arrays, reason = "once in a process, and the array moves into its slot")]
    fn new() -> Self {
        let slot = || Slot {
            state: AtomicU8::new(FREE),
            content: UnsafeCell::new(Content {
                tid: 0,
                time: 0,
                registers: Registers::default(),
                len: 0,
                window: [0; WINDOW],
            }),
        };
        Self {
            all: std::iter::repeat_with(slot).take(COUNT).collect(),
            next: AtomicUsize::new(0),
            taken: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            process: std::process::id().cast_signed(),
        }
    }

    /// The slots of the process, empty, with the handler installed.
    pub(super) fn take() -> io::Result<&'static Self> {
        let slots = SLOTS.get_or_init(Self::new);
        if slots.taken.swap(true, Ordering::AcqRel) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "a timer profile is already running"));
        }
        if let Err(error) = install() {
            slots.give_back();
            return Err(error);
        }
        slots.drain(&mut |_| ());
        slots.dropped.store(0, Ordering::Relaxed);
        Ok(slots)
    }

    /// Signals from here on are ignored.
    pub(super) fn give_back(&self) {
        self.taken.store(false, Ordering::Release);
    }

    /// Samples for which there was no free slot since [`Self::take`].
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Hands over the full slots. Only the owner of the taken slots calls it.
    pub(super) fn drain(&self, sink: &mut dyn FnMut(&RawSample<'_>)) {
        for slot in &self.all {
            if slot.state.load(Ordering::Acquire) == FULL {
                // SAFETY: FULL: the handler is done with it, and this is the only drain.
                let content = unsafe { &*slot.content.get() };
                sink(&RawSample {
                    tid: content.tid,
                    time: content.time,
                    registers: content.registers,
                    window: &content.window[..content.len],
                    chain: &[],
                });
                slot.state.store(FREE, Ordering::Release);
            }
        }
    }

    /// Takes one sample of the calling thread. Async-signal-safe.
    fn record(&self, registers: Registers) {
        if !self.taken.load(Ordering::Acquire) {
            return;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed) % COUNT;
        let Some(slot) = self.all.get(index) else { return };
        if slot.state.compare_exchange(FREE, WRITING, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // SAFETY: WRITING: this handler owns the content.
        let content = unsafe { &mut *slot.content.get() };
        // SAFETY: no arguments.
        content.tid = unsafe { libc::gettid() };
        content.time = crate::threads::monotonic();
        content.registers = registers;
        content.len = self.copy_stack(registers.sp as usize, &mut content.window);
        slot.state.store(FULL, Ordering::Release);
    }

    /// Copies stack bytes from `from` upwards until the window is full or the stack ends; returns how many.
    fn copy_stack(&self, from: usize, window: &mut [u8]) -> usize {
        let local = libc::iovec { iov_base: window.as_mut_ptr().cast(), iov_len: window.len() };
        // One piece a page: a transfer is only cut between pieces.
        let mut remote = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; WINDOW / PAGE + 1];
        let mut at = from;
        let mut left = window.len();
        for piece in &mut remote {
            let len = left.min(PAGE - at % PAGE);
            *piece = libc::iovec { iov_base: at as *mut c_void, iov_len: len };
            at = at.wrapping_add(len);
            left -= len;
        }
        // SAFETY: the local buffer is valid for writes; remote addresses are checked by the kernel.
        let read = unsafe {
            libc::process_vm_readv(
                self.process,
                &raw const local,
                1,
                remote.as_ptr(),
                remote.len() as libc::c_ulong,
                0,
            )
        };
        usize::try_from(read).unwrap_or(0)
    }
}

/// Makes [`on_sigprof`] the handler of SIGPROF, unless somebody else's is there.
fn install() -> io::Result<()> {
    // SAFETY: an all-zero sigaction is valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a query into a valid structure.
    if unsafe { libc::sigaction(libc::SIGPROF, std::ptr::null(), &raw mut action) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let ours = on_sigprof as *const () as usize;
    if action.sa_sigaction == ours {
        return Ok(());
    }
    if !matches!(action.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
        return Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "SIGPROF already has a handler in this process",
        ));
    }
    // SAFETY: an all-zero sigaction is valid, and its mask is empty.
    action = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ours;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART; // interrupted reads and waits go on
    // SAFETY: the handler has the signature that SA_SIGINFO demands and is async-signal-safe.
    if unsafe { libc::sigaction(libc::SIGPROF, &raw const action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

extern "C" fn on_sigprof(_signal: libc::c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: errno is the thread's own; it is put back because the interrupted code may be about to read it.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: with SA_SIGINFO the third argument is the interrupted context.
    let context = unsafe { context.cast::<libc::ucontext_t>().as_ref() };
    if let (Some(slots), Some(context)) = (SLOTS.get(), context) {
        slots.record(registers(context));
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t) -> Registers {
    let of = |register: libc::c_int| context.uc_mcontext.gregs[register as usize] as u64;
    Registers { ip: of(libc::REG_RIP), sp: of(libc::REG_RSP), fp: of(libc::REG_RBP), lr: 0 }
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t) -> Registers {
    let machine = &context.uc_mcontext;
    Registers { ip: machine.pc, sp: machine.sp, fp: machine.regs[29], lr: machine.regs[30] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> (Registers, [u8; 16]) {
        let marker = *b"a known sequence";
        (Registers { ip: 1, sp: (&raw const marker) as u64, fp: 2, lr: 3 }, marker)
    }

    #[test]
    fn a_sample_keeps_registers_thread_and_stack_bytes() {
        let slots = Slots::new();
        slots.taken.store(true, Ordering::Relaxed);
        let marker = std::hint::black_box(*b"a known sequence");
        let registers = Registers { ip: 1, sp: (&raw const marker) as u64, fp: 2, lr: 3 };
        slots.record(registers);
        let mut seen = 0;
        slots.drain(&mut |sample| {
            seen += 1;
            assert_eq!(sample.registers, registers);
            assert!(crate::threads::list().unwrap().contains(&sample.tid));
            assert_eq!(&sample.window[..16], &marker);
        });
        assert_eq!(seen, 1);
        slots.drain(&mut |_| panic!("a drained slot is free"));
    }

    #[test]
    fn what_finds_no_free_slot_is_counted() {
        let slots = Slots::new();
        slots.taken.store(true, Ordering::Relaxed);
        let (registers, _marker) = here();
        for _ in 0..COUNT + 5 {
            slots.record(registers);
        }
        assert_eq!(slots.dropped(), 5);
        let mut seen = 0;
        slots.drain(&mut |_| seen += 1);
        assert_eq!(seen, COUNT);
    }

    #[test]
    fn a_stack_that_ends_inside_the_window_is_copied_up_to_its_end() {
        let slots = Slots::new();
        // SAFETY: a new private mapping of two pages of which the second is given back at once.
        let page = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let base =
                libc::mmap(std::ptr::null_mut(), 2 * PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            assert_ne!(base, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(base.byte_add(PAGE), PAGE, libc::PROT_NONE), 0);
            base
        };
        let mut window = vec![0; WINDOW];
        assert_eq!(slots.copy_stack(page as usize + PAGE - 100, &mut window), 100);
        assert_eq!(slots.copy_stack(8, &mut window), 0);
        // SAFETY: mapped above.
        unsafe { libc::munmap(page, 2 * PAGE) };
    }

    #[test]
    fn slots_that_nobody_took_ignore_a_late_signal() {
        let slots = Slots::new();
        slots.record(here().0);
        slots.drain(&mut |_| panic!("nobody asked"));
        assert_eq!(slots.dropped(), 0);
    }
}
