//! [`Watcher`]: the thread that answers the watched system calls of a program and its descendants, and keeps
//! what it saw as [`Observed`].
//!
//! Calls that Landlock mediates always go on: the kernel decides, and only what was tried is noted. The few
//! that it does not know (mode, owner, times, attributes) are refused here. A program that changes its
//! arguments while the runner looks at them can hide from this; the snapshot is the proof.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::guard::call::{self, Call, Deed, Place};
use crate::guard::system::{self, Notification};
use crate::guard::{Attempted, Guard, Observed, Read, landlock};

/// The longest path that the kernel takes.
const PATH_MAX: usize = 4096;
/// How many different files are kept by name; a program that opens more is said to.
const MOST: usize = 200_000;
/// Where the system's own files are. They are counted, not listed.
const SYSTEM: [&str; 13] = [
    "/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys", "/dev", "/opt", "/nix", "/var",
    "/run",
];
/// Who reads the file of the program itself.
const OF_THE_RUNNER: &str = "runner";
/// How often a watcher without calls looks whether it is still needed.
const LOOK_MS: i64 = 50;

/// Watches one program.
#[derive(Debug)]
pub struct Watcher {
    /// The file that begins, which is not asked for.
    program: Arc<OnceLock<PathBuf>>,
    over: Arc<AtomicBool>,
    thread: JoinHandle<Observed>,
}

impl Watcher {
    /// Waits, in a thread of its own, for the listener of a child and then for calls.
    pub fn start(socket: OwnedFd, guard: Guard, enforced: bool) -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let program = Arc::new(OnceLock::new());
        let begins: Arc<OnceLock<PathBuf>> = Arc::clone(&program);
        let thread = std::thread::Builder::new().name("watcher".to_owned()).spawn(move || {
            let listener = match system::receive_listener(&socket) {
                Ok(listener) => listener,
                Err(error) => {
                    let incomplete =
                        Some(format!("the kernel does not let opened files be watched: {error}"));
                    return Observed { incomplete, ..Observed::default() };
                }
            };
            system::wake_in_step(&listener);
            let mut seen = Seen::new(guard, enforced);
            if let Some(program) = begins.get() {
                seen.read(program.clone(), || OF_THE_RUNNER.to_owned());
            }
            seen.listen(&listener, &flag);
            seen.observed
        })?;
        Ok(Self { program, over, thread })
    }

    /// Names the file that begins, before it does.
    pub fn begins(&self, program: PathBuf) {
        // Each watcher has one program.
        let _ = self.program.set(program);
    }

    /// What was seen. The program and its descendants are gone.
    pub fn finish(self) -> Observed {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| Observed {
            incomplete: Some("the thread that watched panicked".to_owned()),
            ..Observed::default()
        })
    }
}

struct Seen {
    guard: Guard,
    enforced: bool,
    /// Files that were looked at, by the names that they were opened with.
    known: HashSet<PathBuf>,
    observed: Observed,
}

impl Seen {
    fn new(mut guard: Guard, enforced: bool) -> Self {
        guard.writes.extend(landlock::devices());
        Self { guard, enforced, known: HashSet::new(), observed: Observed::default() }
    }

    fn listen(&mut self, listener: &OwnedFd, over: &AtomicBool) {
        loop {
            match system::poll(listener, LOOK_MS) {
                Some(true) => {}
                Some(false) => return,
                None if over.load(Ordering::Relaxed) => return,
                None => continue,
            }
            // The caller may have been killed in between.
            let Ok(notification) = system::next(listener) else { continue };
            self.serve(listener, &notification);
        }
    }

    fn serve(&mut self, listener: &OwnedFd, notification: &Notification) {
        let go_on = || system::answer(listener, notification.id, None);
        let Some(call) = call::find(notification.number) else { return go_on() };
        let paths: Vec<PathBuf> =
            call.places.iter().filter_map(|place| path_of(notification, *place)).collect();
        let opening = flags(notification, call);
        if !system::still_waits(listener, notification.id) {
            return go_on();
        }
        match (call.deed, opening) {
            (Deed::Blind(how), _) => {
                self.observed.incomplete.get_or_insert_with(|| format!("a program used {how}"));
                go_on();
            }
            (Deed::Execute, _) | (_, Some(Opening { write: false, .. })) => {
                // Only what has to be known before the call goes on; the rest may take its time.
                go_on();
                for path in paths {
                    self.read(path, || name_of(notification.thread));
                }
            }
            (_, Some(opening)) => {
                self.opened_for_writing(&paths, opening);
                go_on();
                if opening.read {
                    for path in paths {
                        self.read(path, || name_of(notification.thread));
                    }
                }
            }
            (deed, None) => {
                let outside = self.tried(deed, &paths);
                let refuse = outside && self.enforced && matches!(deed, Deed::Attribute(_));
                system::answer(listener, notification.id, refuse.then_some(libc::EACCES));
            }
        }
    }

    fn opened_for_writing(&mut self, paths: &[PathBuf], opening: Opening) {
        for path in paths {
            // Without permission to make it, opening what is not there is no write but a question.
            let possible = path.exists() || (opening.create && path.parent().is_some_and(Path::is_dir));
            if possible && !path.is_dir() {
                self.note_if_outside("write", resolved(path));
            }
        }
    }

    /// Notes what a call would do outside; whether there is such a thing.
    fn tried(&mut self, deed: Deed, paths: &[PathBuf]) -> bool {
        let mut outside = false;
        for (index, path) in paths.iter().enumerate() {
            let there = path.symlink_metadata().is_ok();
            outside |= match deed {
                Deed::Make(verb) => {
                    let possible = !there && path.parent().is_some_and(Path::is_dir);
                    possible && self.note_if_outside(verb, named(path))
                }
                // The second name of a renaming is made, and need not be there.
                Deed::Remove(verb) if index == 0 => there && self.note_if_outside(verb, named(path)),
                Deed::Remove(_) => self.note_if_outside("write", named(path)),
                Deed::Write(verb) | Deed::Attribute(verb) => {
                    there && self.note_if_outside(verb, resolved(path))
                }
                _ => false,
            };
        }
        outside
    }

    fn note_if_outside(&mut self, verb: &str, path: Option<PathBuf>) -> bool {
        // What the kernel shows of itself below /proc is no file that could be changed for good.
        let Some(path) = path.filter(|path| !self.may_write(path) && !path.starts_with("/proc")) else {
            return false;
        };
        let attempted = Attempted { verb: verb.to_owned(), path };
        if self.observed.attempts.len() < MOST {
            *self.observed.attempts.entry(attempted).or_insert(0) += 1;
        }
        true
    }

    fn may_write(&self, path: &Path) -> bool {
        self.guard.writes.iter().any(|allowed| path.starts_with(allowed))
    }

    /// Whether a file is the system's own. A project that lies there is not.
    fn is_system(&self, path: &Path) -> bool {
        SYSTEM.iter().any(|system| path.starts_with(system)) && !path.starts_with(&self.guard.project)
    }

    fn read(&mut self, path: PathBuf, by: impl FnOnce() -> String) {
        if self.known.contains(&path) {
            return;
        }
        if self.known.len() >= MOST {
            let message = || format!("more than {MOST} different files were opened");
            self.observed.incomplete.get_or_insert_with(message);
            return;
        }
        if self.look(&path, by) {
            self.known.insert(path);
        }
    }

    /// Notes a file; whether there is one.
    fn look(&mut self, path: &Path, by: impl FnOnce() -> String) -> bool {
        // Most files are the system's, and those need no closer look than whether they exist.
        if self.is_system(path) && !self.may_write(path) {
            let there = path.metadata().is_ok_and(|found| !found.is_dir());
            self.observed.system += u64::from(there);
            return there;
        }
        let Ok(path) = path.canonicalize() else { return false };
        if !path.is_file() {
            return false;
        }
        if self.may_write(&path) {
            self.observed.own += 1;
        } else if self.is_system(&path) {
            self.observed.system += 1;
        } else {
            self.observed.files.entry(path).or_insert_with(|| Read { by: by() });
        }
        true
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
struct Opening {
    read: bool,
    write: bool,
    create: bool,
}

fn flags(notification: &Notification, call: &Call) -> Option<Opening> {
    let flags = match call.deed {
        Deed::Open(index) => notification.arguments[index],
        Deed::OpenHow(index) => {
            let mut bytes = [0; 8];
            system::read_memory(notification.thread, notification.arguments[index], &mut bytes);
            u64::from_ne_bytes(bytes)
        }
        Deed::Create => (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64,
        _ => return None,
    };
    let has = |flag: i32| flags & flag as u64 != 0;
    let mode = (flags & libc::O_ACCMODE as u64) as i32;
    let temporary = flags & libc::O_TMPFILE as u64 == libc::O_TMPFILE as u64;
    Some(Opening {
        read: mode != libc::O_WRONLY && !has(libc::O_TRUNC) && !temporary,
        write: mode != libc::O_RDONLY || has(libc::O_TRUNC) || has(libc::O_CREAT),
        create: has(libc::O_CREAT),
    })
}

/// The file that an argument names, as an absolute path; `None` when it names none.
fn path_of(notification: &Notification, place: Place) -> Option<PathBuf> {
    let thread = notification.thread;
    let argument = |index: usize| notification.arguments[index];
    let (base, pointer) = match place {
        Place::Path(index) => (None, argument(index)),
        // A directory is passed as 32 bits.
        Place::At(directory, index) => (Some(argument(directory) as i32), argument(index)),
        Place::Descriptor(index) => return descriptor(thread, argument(index) as i32),
    };
    let name = if pointer == 0 { PathBuf::new() } else { text(thread, pointer)? };
    if name.is_absolute() {
        // What a process calls its own is seen from here as the runner's.
        let own = name.strip_prefix("/proc/self").or_else(|_| name.strip_prefix("/proc/thread-self"));
        return Some(
            own.map_or_else(|_| name.clone(), |rest| Path::new("/proc").join(thread.to_string()).join(rest)),
        );
    }
    let base = match base {
        None | Some(libc::AT_FDCWD) => std::fs::read_link(format!("/proc/{thread}/cwd")).ok()?,
        Some(number) => descriptor(thread, number)?,
    };
    Some(if name.as_os_str().is_empty() { base } else { base.join(name) })
}

fn descriptor(thread: i32, number: i32) -> Option<PathBuf> {
    let target = std::fs::read_link(format!("/proc/{thread}/fd/{number}")).ok()?;
    // A pipe or a socket is no file; a file that was removed has no name any more.
    (target.is_absolute() && target.exists()).then_some(target)
}

/// A zero-terminated text of another process. Read page by page: what follows its end may not be there.
fn text(thread: i32, pointer: u64) -> Option<PathBuf> {
    const PAGE: u64 = 4096;
    let mut bytes = Vec::new();
    let mut at = pointer;
    while bytes.len() < PATH_MAX {
        let mut page = [0; PAGE as usize];
        let room = (PAGE - at % PAGE) as usize;
        let count = system::read_memory(thread, at, &mut page[..room]);
        if count == 0 {
            return None;
        }
        if let Some(end) = page[..count].iter().position(|byte| *byte == 0) {
            bytes.extend_from_slice(&page[..end]);
            return Some(PathBuf::from(OsStr::from_bytes(&bytes)));
        }
        bytes.extend_from_slice(&page[..count]);
        at += count as u64;
    }
    None
}

/// The path without symbolic links. Its last part need not exist.
fn resolved(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| named(path))
}

/// The same, but for a link in the last place: removing it does not touch what it points to.
fn named(path: &Path) -> Option<PathBuf> {
    let above = path.parent()?.canonicalize().ok()?;
    match path.components().next_back()? {
        Component::Normal(name) => Some(above.join(name)),
        _ => None,
    }
}

fn name_of(thread: i32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{thread}/comm")).unwrap_or_default();
    name.trim().to_owned()
}
