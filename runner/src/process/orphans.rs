//! Processes that outlive the program that started them: daemons that left its group included. The runner
//! adopts them (it is a subreaper), counts their memory, and ends them with the program: nothing may run on,
//! unrecorded, beside the next measurement.
//!
//! A child of the runner that it did not start itself is an orphan; while one is being started, nobody can tell.
//! When several programs run at once (a plugin's host and what the plugin runs), the last one to end takes the
//! orphans of all with it. A program that a profiler watches does not wait for that: it ends what came about
//! while it ran, and the profiler's processes live on.

use std::fs;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpgid, getpid, kill_process};

use super::{fork_server, memory, wait};

/// How long a process may take to end by itself before it counts as left behind: its parent's end and its own
/// are often a matter of who is scheduled first.
const BY_ITSELF: Duration = Duration::from_millis(20);
/// How long is tried: a process that forks faster than it can be killed must not hold up the runner for ever.
const ENOUGH: Duration = Duration::from_secs(5);

/// How often is looked whether a program that is being started has started.
const SOON: Duration = Duration::from_millis(1);

/// The runner's own programs.
static PROGRAMS: Mutex<Programs> = Mutex::new(Programs { starting: 0, running: Vec::new() });
/// Children that were there before: of a shell that became the runner. They are not ours to end.
static FOREIGN: OnceLock<Vec<Pid>> = OnceLock::new();

struct Programs {
    /// How many are being started: each is a child already, whose number nobody knows yet.
    starting: usize,
    /// Those that were started and not yet reaped.
    running: Vec<Pid>,
}

impl Programs {
    /// The orphans that are there now; `None` while a program is being started. It stays that way while the
    /// caller holds the lock: whoever starts or forgets a program needs it too.
    fn orphans(&self) -> Option<Vec<Pid>> {
        if self.starting > 0 {
            return None;
        }
        let Some(foreign) = FOREIGN.get() else { return Some(Vec::new()) };
        let server = fork_server::pid();
        let of_others =
            |child: &Pid| !self.running.contains(child) && !foreign.contains(child) && server != Some(*child);
        Some(children().into_iter().filter(of_others).collect())
    }
}

/// From now on every orphaned descendant becomes a child of the runner.
pub fn adopt() -> io::Result<()> {
    FOREIGN.get_or_init(children);
    crate::guard::adopt_orphans()
}

fn children() -> Vec<Pid> {
    memory::children(getpid().as_raw_nonzero().get()).into_iter().filter_map(Pid::from_raw).collect()
}

fn programs() -> MutexGuard<'static, Programs> {
    PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that is being started: made before the fork, and kept until the number is known or there is no
/// child. That takes as long as a profiler talks to the child.
#[must_use]
pub struct Starting(());

impl Starting {
    pub fn now() -> Self {
        programs().starting += 1;
        Self(())
    }

    /// Remembers the program.
    pub fn done(self, pid: Pid) {
        programs().running.push(pid);
        // Only now: in between it would be nobody's.
        drop(self);
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        programs().starting -= 1;
    }
}

/// Forgets a program that was reaped.
pub fn ended(pid: Pid) {
    programs().running.retain(|other| *other != pid);
    fork_server::ended(pid);
}

/// The orphans that are there now; none is known while a program is being started.
pub fn list() -> Vec<Pid> {
    programs().orphans().unwrap_or_default()
}

/// Ends the orphans that go with a program that has ended, and returns those that did not end by themselves:
/// `sleep (1234)`. Without `before` these are all, unless another program still runs. With it, the orphans from
/// before the program, it is those that came since, except for the other programs' groups.
pub fn end_all(last: Pid, before: Option<&[Pid]>) -> Vec<String> {
    let mut told = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < ENOUGH {
        let Some(orphans) = going_with(last, before) else {
            std::thread::sleep(SOON);
            continue;
        };
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

/// The orphans that [`end_all`] ends; `None` as long as that cannot be told.
fn going_with(last: Pid, before: Option<&[Pid]>) -> Option<Vec<Pid>> {
    let programs = programs();
    let mut orphans = programs.orphans()?;
    let others: Vec<Pid> = programs.running.iter().copied().filter(|program| *program != last).collect();
    match before {
        None if !others.is_empty() => orphans.clear(),
        None => {}
        Some(before) => orphans.retain(|orphan| {
            let of_another = || getpgid(Some(*orphan)).is_ok_and(|group| others.contains(&group));
            !before.contains(orphan) && !of_another()
        }),
    }
    Some(orphans)
}

fn name_of(pid: Pid) -> String {
    let number = pid.as_raw_nonzero();
    let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
    format!("{} ({number})", name.trim())
}
