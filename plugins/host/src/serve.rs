//! [`serve`]: the whole life of a plugin host process.
//!
//! Called by the runner's hidden subcommand `plugin-host`, as the first thing in that process. It must not
//! outlive the runner by more than a grace.

use std::sync::Arc;
use std::time::Duration;

use crate::orphan::{GRACE, complain};
use crate::protocol::FromHost;
use crate::wire::Wire;
use crate::{Cancellation, Peer, drive};

/// Serves one job over stdin and stdout. Returns the exit code: 0 when the last word (`Done` or `Failed`)
/// was said, 1 when there was no job or nobody to hear it. The reason of a 1 goes to standard error.
///
/// When stdin ends, the runner is gone: the work is cancelled, and a plugin that does not return within 5
/// seconds ends with the process, by exit code 1.
pub fn serve() -> u8 {
    serve_with_grace(GRACE)
}

/// [`serve`] with another time for a plugin to return after the runner is gone. For tests.
#[doc(hidden)]
pub fn serve_with_grace(grace: Duration) -> u8 {
    let cancellation = Arc::new(Cancellation::new());
    let (wire, job) = match Wire::open(&cancellation, grace) {
        Ok((wire, job)) => (Arc::new(wire), job),
        Err(error) => return failed(&error),
    };
    let peer: Arc<dyn Peer> = Arc::<Wire>::clone(&wire);
    let last_word = match drive(&job, peer, cancellation) {
        Ok(result) => FromHost::Done(result),
        Err(failure) => FromHost::Failed(failure),
    };
    match wire.say(&last_word) {
        Ok(()) => 0,
        Err(error) => failed(&error),
    }
}

fn failed(error: &std::io::Error) -> u8 {
    complain(error);
    1
}
