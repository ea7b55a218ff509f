//! [`Cancellation`]: the flag that a plugin polls, and the `cancel` entries that are called when it is set.
//!
//! Set by the thread that reads the runner's messages; asked by the drivers between two calls and by
//! plugins through the host's table. It must never reach an instance that was destroyed: the list of
//! instances is locked while they are called, and an instance leaves the list before it ends.
#![expect(unsafe_code, reason = "calls the plugin's `cancel` entry")]

use std::ffi::c_void;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The `cancel` entry of a plugin's table.
pub(crate) type CancelFn = unsafe extern "C" fn(instance: *mut c_void);

struct Target {
    instance: *mut c_void,
    cancel: CancelFn,
}

// SAFETY: `cancel` is the one entry that the ABI allows from another thread.
unsafe impl Send for Target {}

/// Whether the run was cancelled, and whom to tell.
#[derive(Default)]
pub struct Cancellation {
    flag: AtomicBool,
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
    pub(crate) fn register(&self, instance: *mut c_void, cancel: CancelFn) {
        let mut targets = self.targets();
        targets.push(Target { instance, cancel });
        if self.is_cancelled() {
            // SAFETY: the instance was just made.
            unsafe { cancel(instance) }
        }
    }

    /// The instance is about to end.
    pub(crate) fn forget(&self, instance: *mut c_void) {
        self.targets().retain(|target| target.instance != instance);
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
