//! [`Cancel`]: whether the user asked the run to stop (Ctrl-C, SIGTERM, or
//! SIGHUP when its terminal is closed). A second signal ends at once.
//!
//! What a plugin started must not outlive the plugin: it is watched with a [`Cancel::inner`] flag, which is
//! set when the plugin's process has ended, for whatever reason.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// A flag that signals set.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    own: Arc<AtomicBool>,
    outer: Option<Arc<Cancel>>,
}

impl Cancel {
    /// A flag that SIGINT, SIGTERM and SIGHUP set. The second one ends the process with exit code 130.
    /// `nohup` means that a closed terminal is to change nothing, and that is kept.
    pub fn on_signals() -> io::Result<Self> {
        let cancel = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if signal == SIGHUP && hangup_is_ignored() {
                continue;
            }
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&cancel.own))?;
            signal_hook::flag::register(signal, Arc::clone(&cancel.own))?;
        }
        Ok(cancel)
    }

    /// A flag of its own that is also set when this one is.
    #[must_use]
    pub fn inner(&self) -> Self {
        Self { own: Arc::default(), outer: Some(Arc::new(self.clone())) }
    }

    /// Whether it was set.
    pub fn is_set(&self) -> bool {
        self.own.load(Ordering::Relaxed) || self.outer.as_ref().is_some_and(|outer| outer.is_set())
    }

    /// Sets it.
    pub fn set(&self) {
        self.own.store(true, Ordering::Relaxed);
    }
}

/// Whether this process was started with SIGHUP ignored.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signal 1 is the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_flag_follows_the_outer_one_and_not_the_other_way_round() {
        let outer = Cancel::default();
        let (first, second) = (outer.inner(), outer.inner());
        first.set();
        assert!(first.is_set() && !second.is_set() && !outer.is_set());
        outer.set();
        assert!(second.is_set());
    }
}
