//! Processes that outlive the program that started them: daemons that left its group included. The runner
//! adopts them (it is a subreaper), counts their memory, and ends them with the program: nothing may run on,
//! unrecorded, beside the next measurement.
//!
//! A child of the runner that it did not start itself is an orphan. When several programs run at once (a
//! plugin's host and what the plugin runs), the last one to end takes the orphans of all with it.

use std::fs;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::{memory, wait};

/// How long a process may take to end by itself before it counts as left behind: its parent's end and its own
/// are often a matter of who is scheduled first.
const BY_ITSELF: Duration = Duration::from_millis(20);
/// How long is tried: a process that forks faster than it can be killed must not hold up the runner for ever.
const ENOUGH: Duration = Duration::from_secs(5);

/// The programs that the runner has started and not yet reaped.
static STARTED: Mutex<Vec<Pid>> = Mutex::new(Vec::new());
/// Children that were there before: of a shell that became the runner. They are not ours to end.
static FOREIGN: OnceLock<Vec<Pid>> = OnceLock::new();

/// From now on every orphaned descendant becomes a child of the runner.
pub fn adopt() -> io::Result<()> {
    FOREIGN.get_or_init(children);
    crate::guard::adopt_orphans()
}

fn children() -> Vec<Pid> {
    memory::children(getpid().as_raw_nonzero().get()).into_iter().filter_map(Pid::from_raw).collect()
}

fn programs() -> MutexGuard<'static, Vec<Pid>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers a program.
pub fn started(pid: Pid) {
    programs().push(pid);
}

/// Forgets a program that was reaped.
pub fn ended(pid: Pid) {
    programs().retain(|other| *other != pid);
}

/// The orphans that are there now.
pub fn list() -> Vec<Pid> {
    let Some(foreign) = FOREIGN.get() else { return Vec::new() };
    let programs = programs();
    children().into_iter().filter(|child| !programs.contains(child) && !foreign.contains(child)).collect()
}

/// Ends all orphans unless another program than `last`, which has ended, still runs. Returns those that did not
/// end by themselves: `sleep (1234)`.
pub fn end_all(last: Pid) -> Vec<String> {
    let mut told = Vec::new();
    let begin = Instant::now();
    while programs().iter().all(|program| *program == last) && begin.elapsed() < ENOUGH {
        let orphans = list();
        if orphans.is_empty() {
            break;
        }
        for orphan in orphans {
            let exit = wait::Exit::of(orphan);
            if !exit.ended(BY_ITSELF) {
                told.push(name_of(orphan));
                // Its own children come to us next.
                let _ = kill_process(orphan, Signal::KILL);
                if !exit.ended(ENOUGH) {
                    continue;
                }
            }
            exit.reap();
        }
    }
    told
}

fn name_of(pid: Pid) -> String {
    let number = pid.as_raw_nonzero();
    let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
    format!("{} ({number})", name.trim())
}
