//! The exit codes, by name. They are part of the interface: loops and CI branch on them.

/// How `runner` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything asked for was done.
    Complete,
    /// Everything asked for was done, but standard output did not take all of the result.
    Unprinted,
    /// The workflow or the command line is not valid. Nothing was run.
    Invalid,
    /// The run is paused for guidance; its evidence is complete.
    Blocked,
    /// A rule of evidence was broken.
    RuleBroken,
    /// A plugin or tool that is needed is missing. Nothing was run.
    Missing,
    /// Interrupted by a signal.
    Interrupted,
}

impl ExitCode {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Unprinted => 1,
            Self::Invalid => 2,
            Self::Blocked => 3,
            Self::RuleBroken => 4,
            Self::Missing => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}
