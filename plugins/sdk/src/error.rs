//! What a plugin returns when it cannot do its work: [`Error`], with a kind that the runner understands.

use std::fmt;

use runner_plugin_abi::Status;

/// Why a plugin call did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The work failed.
    Failed,
    /// The configuration or the request is not acceptable.
    Invalid,
    /// The plugin stopped because the run was cancelled.
    Cancelled,
    /// An allocation failed; the runner treats it as `oom`.
    OutOfMemory,
    /// This host or this plugin does not offer the call.
    Unsupported,
}

impl ErrorKind {
    pub(crate) const fn status(self) -> Status {
        match self {
            Self::Failed => Status::FAILED,
            Self::Invalid => Status::INVALID,
            Self::Cancelled => Status::CANCELLED,
            Self::OutOfMemory => Status::OUT_OF_MEMORY,
            Self::Unsupported => Status::UNSUPPORTED,
        }
    }

    pub(crate) const fn of(status: Status) -> Self {
        match status {
            Status::INVALID => Self::Invalid,
            Status::CANCELLED => Self::Cancelled,
            Status::OUT_OF_MEMORY => Self::OutOfMemory,
            Status::UNSUPPORTED => Self::Unsupported,
            _ => Self::Failed,
        }
    }
}

/// An error with a text for the user. The text names what was wrong and, where there is one, the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// The work failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// The configuration or the request is not acceptable.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// An error of any kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::OutOfMemory => ErrorKind::OutOfMemory,
            _ => ErrorKind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::failed(format!("JSON: {error}"))
    }
}

impl From<std::collections::TryReserveError> for Error {
    fn from(error: std::collections::TryReserveError) -> Self {
        Self::new(ErrorKind::OutOfMemory, error.to_string())
    }
}
