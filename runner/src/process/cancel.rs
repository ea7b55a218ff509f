//! [`Cancel`]: whether the user asked the run to stop (Ctrl-C, SIGTERM). A second Ctrl-C ends at once.
//!
//! What a plugin started must not outlive the plugin: it is watched with a [`Cancel::inner`] flag, which is
//! set when the plugin's process has ended, for whatever reason.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// A flag that signals set.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    own: Arc<AtomicBool>,
    outer: Option<Arc<Cancel>>,
}

impl Cancel {
    /// A flag that SIGINT and SIGTERM set. The second one ends the process with exit code 130.
    pub fn on_signals() -> io::Result<Self> {
        let cancel = Self::default();
        for signal in [SIGINT, SIGTERM] {
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
