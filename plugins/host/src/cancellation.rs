//! [`Cancellation`]: the flag that a plugin polls, and the `cancel` entries that are called when it is set.
//!
//! Set by the thread that reads the runner's messages; asked by the drivers between two calls and by
//! plugins through the host's table. It must never reach an instance that was destroyed: the list of
//! instances is locked while they are called, and an instance leaves the list before it ends.
#![expect(unsafe_code, reason = "calls the plugin's `cancel` entry")]

use std::ffi::c_void;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The `cancel` entry of a plugin's table.
pub(crate) type CancelFn = unsafe extern "C" fn(instance: *mut c_void);

struct Target {
    /// Instances have no identity of their own: a plugin in C may hand out the same pointer twice.
    ticket: u64,
    instance: *mut c_void,
    cancel: CancelFn,
}

// SAFETY: `cancel` is the one entry that the ABI allows from another thread.
unsafe impl Send for Target {}

/// Whether the run was cancelled, and whom to tell.
#[derive(Default)]
pub struct Cancellation {
    flag: AtomicBool,
    tickets: AtomicU64,
    targets: Mutex<Vec<Target>>,
}

impl Cancellation {
    /// Not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the flag and calls `cancel` of every live instance; a second call does nothing.
    pub fn cancel(&self) {
        if self.flag.swap(true, Ordering::SeqCst) {
            return;
        }
        for target in self.targets().iter() {
            // SAFETY: the instance is on the list, so it lives.
            unsafe { (target.cancel)(target.instance) }
        }
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// From now on `instance` is told of a cancellation; at once, if it came while the instance was made.
    /// Returns the ticket for [`Self::forget`].
    pub(crate) fn register(&self, instance: *mut c_void, cancel: CancelFn) -> u64 {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let mut targets = self.targets();
        targets.push(Target { ticket, instance, cancel });
        if self.is_cancelled() {
            // SAFETY: the instance was just made.
            unsafe { cancel(instance) }
        }
        ticket
    }

    /// The instance is about to end.
    pub(crate) fn forget(&self, ticket: u64) {
        self.targets().retain(|target| target.ticket != ticket);
    }

    fn targets(&self) -> MutexGuard<'_, Vec<Target>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellation").field("flag", &self.flag).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn count(instance: *mut c_void) {
        // SAFETY: the tests register pointers to counters that outlive the call.
        unsafe { &*instance.cast::<AtomicU64>() }.fetch_add(1, Ordering::SeqCst);
    }

    #[test]
    fn every_live_instance_is_told_once_and_a_forgotten_one_never() {
        let (alive, gone, late) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let pointer = |counter: &AtomicU64| std::ptr::from_ref(counter).cast_mut().cast::<c_void>();
        let cancellation = Cancellation::new();
        cancellation.register(pointer(&alive), count);
        let ticket = cancellation.register(pointer(&gone), count);
        cancellation.forget(ticket);
        cancellation.cancel();
        cancellation.cancel();
        cancellation.register(pointer(&late), count);
        assert_eq!([&alive, &gone, &late].map(|counter| counter.load(Ordering::SeqCst)), [1, 0, 1]);
    }

    #[test]
    fn of_two_instances_with_one_pointer_only_one_is_forgotten() {
        let counter = AtomicU64::new(0);
        let pointer = std::ptr::from_ref(&counter).cast_mut().cast::<c_void>();
        let cancellation = Cancellation::new();
        let ticket = cancellation.register(pointer, count);
        cancellation.register(pointer, count);
        cancellation.forget(ticket);
        cancellation.cancel();
        assert_eq!(counter.load(Ordering::SeqCst), 1);
    }
}
