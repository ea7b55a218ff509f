//! [`Peer`]: the other side of the host, as the drivers see it.
//!
//! `wire` implements it over the two pipes to the runner; the testkit implements it in memory. The drivers
//! must never learn which of the two they talk to.

use serde_json::Value;

use crate::protocol::FromHost;

/// Who hears what the host does and answers what a plugin asks.
pub trait Peer: Send + Sync {
    /// Hears an event ([`FromHost::Phase`], `Log`, `Progress`, `Artifact`); there is no answer. May be
    /// called from any thread of a plugin.
    fn tell(&self, event: FromHost);

    /// Runs a program: the request and the reply of the ABI's `run`. An error says why it did not start.
    fn run(&self, request: Value) -> Result<Value, String>;

    /// Reads a document of a ledger plugin; `path` is relative to the project root.
    fn read(&self, path: &str) -> Result<String, String>;

    /// Says that the profiler listens, and returns once the program that it watches has ended. A peer that has
    /// no program to watch leaves it out.
    fn attached(&self) -> Result<(), String> {
        Err("there is no program to watch".to_owned())
    }
}
