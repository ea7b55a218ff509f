//! [`Instance`]: one instance of a plugin, and the calls on it.
//!
//! Made by the role drivers. It announces every call, takes its time, and turns statuses and broken JSON
//! into a [`Failure`]. A destroyed instance is never called again: the drop ends it.
#![expect(unsafe_code, reason = "calls the entries of a plugin")]

use std::ffi::c_void;
use std::time::{Duration, Instant};

use runner_plugin_abi::{Buf, CallFn, Status};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::buffer;
use crate::library::Plugin;
use crate::protocol::{Failure, FailureKind, FromHost};
use crate::table::HostSide;

/// A plugin's error text is cut after so many bytes: it stands in records and on terminals.
const LONGEST_MESSAGE: usize = 16 << 10;
/// So many characters of a broken result are quoted.
const LONGEST_QUOTE: usize = 200;

/// A living instance.
pub(crate) struct Instance<'a> {
    plugin: &'a Plugin,
    side: &'static HostSide,
    pointer: *mut c_void,
    cancel_ticket: Option<u64>,
    destroy_phase: &'static str,
}

/// What a call returned.
#[derive(Debug)]
pub(crate) struct Returned {
    bytes: Vec<u8>,
    phase: &'static str,
    /// Wall time of the plugin's code alone.
    pub(crate) elapsed: Duration,
}

impl<'a> Instance<'a> {
    /// Makes an instance from the step's `with:`. `phases` are the names of creation and end.
    pub(crate) fn create(
        plugin: &'a Plugin,
        side: &'static HostSide,
        config: &Value,
        phases: [&'static str; 2],
    ) -> Result<Self, Failure> {
        let [phase, destroy_phase] = phases;
        side.enter(phase, None)?;
        let create = plugin.table.create.ok_or_else(|| absent(phase))?;
        let config = config.to_string();
        let mut pointer: *mut c_void = std::ptr::null_mut();
        let mut out = Buf::EMPTY;
        // SAFETY: the host's table is never released; the string and the out-pointers live for the call.
        let status = unsafe { create(side.table(), buffer::lend(&config), &raw mut pointer, &raw mut out) };
        // SAFETY: just handed over.
        let bytes = unsafe { buffer::take(out) };
        refuse(status, phase, &bytes)?;
        let cancel_ticket = plugin.table.cancel.map(|cancel| side.cancellation().register(pointer, cancel));
        Ok(Self { plugin, side, pointer, cancel_ticket, destroy_phase })
    }

    /// Announces and makes one call. `entry` comes from this plugin's table.
    pub(crate) fn call(
        &mut self,
        entry: Option<CallFn>,
        phase: &'static str,
        iteration: Option<u64>,
        input: &Value,
    ) -> Result<Returned, Failure> {
        self.side.enter(phase, iteration)?;
        let entry = entry.ok_or_else(|| absent(phase))?;
        let input = if input.is_null() { String::new() } else { input.to_string() };
        let mut out = Buf::EMPTY;
        let start = Instant::now();
        // SAFETY: the instance lives, calls do not overlap (`&mut self`), the pointers live for the call.
        let status = unsafe { entry(self.pointer, buffer::lend(&input), &raw mut out) };
        let elapsed = start.elapsed();
        // SAFETY: just handed over.
        let bytes = unsafe { buffer::take(out) };
        refuse(status, phase, &bytes)?;
        Ok(Returned { bytes, phase, elapsed })
    }
}

impl Drop for Instance<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.cancel_ticket {
            self.side.cancellation().forget(ticket);
        }
        if let Some(destroy) = self.plugin.table.destroy {
            let phase = self.destroy_phase.to_owned();
            self.side.peer().tell(FromHost::Phase { phase, iteration: None });
            // SAFETY: made by this plugin's `create`, released once, and no longer on the list.
            unsafe { destroy(self.pointer) }
        }
    }
}

impl Returned {
    /// Reads the JSON that was returned; nothing reads as `null`. `shape` says what was expected.
    pub(crate) fn json<T: DeserializeOwned>(&self, shape: &str) -> Result<T, Failure> {
        let text = if self.bytes.is_empty() { b"null" } else { &*self.bytes };
        serde_json::from_slice(text).map_err(|error| {
            let what = if error.is_data() { "JSON of another shape" } else { "something that is not JSON" };
            self.bad(&format!("returned {what} ({error}; expected {shape})"))
        })
    }

    /// A [`FailureKind::BadResult`] that quotes the beginning of what was returned.
    pub(crate) fn bad(&self, reason: &str) -> Failure {
        let text = String::from_utf8_lossy(&self.bytes);
        let quote: String = text.chars().take(LONGEST_QUOTE).collect();
        let rest = if quote.len() < text.len() { " ..." } else { "" };
        Failure {
            kind: FailureKind::BadResult,
            phase: self.phase.to_owned(),
            message: format!("`{}` {reason}: {}{rest}", self.phase, quote.escape_debug()),
        }
    }
}

fn absent(phase: &str) -> Failure {
    let message = format!("the plugin does not offer `{phase}`");
    Failure { kind: FailureKind::Unsupported, phase: phase.to_owned(), message }
}

fn refuse(status: Status, phase: &str, bytes: &[u8]) -> Result<(), Failure> {
    let kind = match status {
        Status::OK => return Ok(()),
        Status::INVALID => FailureKind::Invalid,
        Status::CANCELLED => FailureKind::Cancelled,
        Status::PANICKED => FailureKind::Panicked,
        Status::OUT_OF_MEMORY => FailureKind::OutOfMemory,
        Status::UNSUPPORTED => FailureKind::Unsupported,
        _ => FailureKind::Failed,
    };
    let message = match String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_MESSAGE)]).trim() {
        "" => format!("the plugin gave no reason (status {})", status.0),
        text => text.to_owned(),
    };
    Err(Failure { kind, phase: phase.to_owned(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_is_not_json_is_quoted_from_its_beginning() {
        let bytes = format!("Segment\n{}", "x".repeat(500)).into_bytes();
        let returned = Returned { bytes, phase: "finish", elapsed: Duration::ZERO };
        let failure = returned.json::<Value>("an object").expect_err("not JSON");
        assert_eq!(failure.kind, FailureKind::BadResult);
        assert!(failure.message.contains("is not JSON"), "{}", failure.message);
        assert!(failure.message.contains("Segment\\nxxx"), "{}", failure.message);
        assert!(failure.message.len() < 400, "only the beginning is quoted");
    }

    #[test]
    fn an_unknown_status_is_a_failure_and_an_empty_reason_says_so() {
        let failure = refuse(Status(77), "iterate", b" ").expect_err("not OK");
        assert_eq!(failure.kind, FailureKind::Failed);
        assert_eq!(failure.message, "the plugin gave no reason (status 77)");
        assert!(refuse(Status::OK, "iterate", b"").is_ok());
    }
}
