//! [`serve`]: the whole life of a plugin host process.
//!
//! Called by the runner's hidden subcommand `plugin-host`, as the first thing in that process.

use std::sync::Arc;

use crate::protocol::FromHost;
use crate::wire::Wire;
use crate::{Cancellation, Peer, drive};

/// Serves one job over stdin and stdout. Returns the exit code: 0 when the last word (`Done` or `Failed`)
/// was said, 1 when there was no job or nobody to hear it. The reason of a 1 goes to standard error.
pub fn serve() -> u8 {
    let cancellation = Arc::new(Cancellation::new());
    let (wire, job) = match Wire::open(&cancellation) {
        Ok((wire, job)) => (Arc::new(wire), job),
        Err(error) => return complain(&error),
    };
    let peer: Arc<dyn Peer> = Arc::<Wire>::clone(&wire);
    let last_word = match drive(&job, peer, cancellation) {
        Ok(result) => FromHost::Done(result),
        Err(failure) => FromHost::Failed(failure),
    };
    match wire.say(&last_word) {
        Ok(()) => 0,
        Err(error) => complain(&error),
    }
}

#[expect(clippy::print_stderr, reason = "without a conversation, the step's log is all there is")]
fn complain(error: &std::io::Error) -> u8 {
    eprintln!("plugin-host: {error}");
    1
}
