//! [`Outcome`]: how an attempt ended. Anything that is not understood is `failed`, never `ok`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::spec::Fault;

/// How a command, an attempt or a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it was asked to do.
    Ok,
    /// It exited with another status than 0, or its plugin returned an error.
    Failed,
    /// A signal ended it.
    Signal,
    /// It ran longer than `limits.time`.
    Timeout,
    /// It ran out of memory, or over `limits.memory`.
    Oom,
    /// The run was cancelled.
    Cancelled,
    /// The plugin's process crashed, or exited before it answered.
    PluginCrash,
    /// It ran, and a gate on its metrics did not hold.
    Gate,
}

impl Outcome {
    /// The word that stands in the evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Signal => "signal",
            Self::Timeout => "timeout",
            Self::Oom => "oom",
            Self::Cancelled => "cancelled",
            Self::PluginCrash => "plugin_crash",
            Self::Gate => "gate",
        }
    }

    /// The fault it counts as for a fallback; `None` for what never shrinks a run.
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Failed => Some(Fault::Failed),
            Self::Signal => Some(Fault::Signal),
            Self::Timeout => Some(Fault::Timeout),
            Self::Oom => Some(Fault::Oom),
            Self::PluginCrash => Some(Fault::PluginCrash),
            Self::Ok | Self::Cancelled | Self::Gate => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
