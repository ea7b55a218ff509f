//! [`orphaned`]: the end of a host whose runner is gone, whatever its plugin does.
//!
//! Called by the thread that listens to the runner, once the pipe from it ended. A killed runner can kill
//! nobody any more, and a plugin that ignores its cancellation would keep a core busy for ever. Nothing here
//! may wait for the plugin: neither for its `cancel`, nor for its exit handlers, nor for its log.
#![expect(unsafe_code, reason = "ends the process without the plugin's exit handlers")]

use std::io::{Error, Write};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Cancellation;

/// How long a plugin may take to return after the runner is gone.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Cancels the work and ends the process with exit code 1 after `grace`, if it still is there by then.
pub(crate) fn orphaned(cancellation: &Arc<Cancellation>, grace: Duration) {
    let cancellation = Arc::clone(cancellation);
    // On a thread of its own: a plugin's `cancel` may hang too. Without that thread there is no grace.
    let told =
        std::thread::Builder::new().name("runner-gone".to_owned()).spawn(move || cancellation.cancel());
    if told.is_ok() {
        std::thread::sleep(grace);
    }
    complain(&Error::other(format!(
        "the runner is gone, and the plugin did not return within {} s",
        grace.as_secs_f64()
    )));
    // SAFETY: ends the process at once. There is nothing to flush: the conversation and the log are
    // unbuffered, and nobody reads them.
    unsafe { libc::_exit(1) }
}

/// Writes a line to standard error, the step's log. A pipe that is full, or that nobody reads, loses it:
/// `eprintln!` would block or panic there.
pub(crate) fn complain(error: &Error) {
    let mut log = std::io::stderr();
    let mut ready = [PollFd::new(&log, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let writable = poll(&mut ready, Some(&now)).is_ok() && ready[0].revents().contains(PollFlags::OUT);
    if writable {
        let _ = log.write_all(format!("plugin-host: {error}\n").as_bytes());
    }
}
