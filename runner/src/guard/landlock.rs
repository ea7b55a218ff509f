//! The Landlock ruleset of a program: writes only below the given places, and to a few devices.
//!
//! Made in the runner, put on by the child. Reading stays free: what is read is recorded, not prevented.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use landlock::{
    ABI, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr,
};

use crate::guard::system;

/// The version that knows every kind of write that we handle (truncation came last).
pub const WHOLE: i32 = 3;

/// Devices that programs write to without changing anything that lasts. Below `/dev/shm` lies memory that
/// processes share, not files.
const DEVICES: [&str; 11] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/shm",
    "/dev/dri",
    "/dev/kfd",
];
/// How many graphics cards are looked for.
const CARDS: u32 = 16;

/// The version of Landlock that the kernel offers.
pub fn abi() -> io::Result<i32> {
    system::landlock_abi()
}

/// The devices of this machine.
pub fn devices() -> impl Iterator<Item = PathBuf> {
    DEVICES.into_iter().map(PathBuf::from).chain(cards())
}

/// The devices of graphics cards, some of which come only when a driver is used for the first time.
fn cards() -> Vec<PathBuf> {
    // With no card in use, there is none of them.
    if !Path::new("/dev/nvidiactl").exists() {
        return Vec::new();
    }
    let others = ["ctl", "-caps", "-uvm", "-uvm-tools", "-modeset"].map(|name| format!("/dev/nvidia{name}"));
    (0..CARDS).map(|card| format!("/dev/nvidia{card}")).chain(others).map(PathBuf::from).collect()
}

/// A ruleset that allows writes below `writes` alone; `None` on a kernel without Landlock.
pub fn ruleset(writes: &[PathBuf]) -> io::Result<Option<OwnedFd>> {
    // Most devices stay the same for as long as the machine is up: they are opened once.
    static OPENED: OnceLock<Vec<(PathFd, BitFlags<AccessFs>)>> = OnceLock::new();
    if abi().is_err() {
        return Ok(None);
    }
    let all = AccessFs::from_write(ABI::V3);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .and_then(Ruleset::create)
        .map_err(io::Error::other)?;
    let opened = OPENED.get_or_init(|| DEVICES.iter().filter_map(|path| open(Path::new(path))).collect());
    let more: Vec<_> = writes.iter().chain(&cards()).filter_map(|path| open(path)).collect();
    for (place, access) in more.iter().chain(opened) {
        ruleset = ruleset.add_rule(PathBeneath::new(place, *access)).map_err(io::Error::other)?;
    }
    Ok(ruleset.into())
}

/// What a rule names, and what it allows there.
fn open(path: &Path) -> Option<(PathFd, BitFlags<AccessFs>)> {
    // What is not there cannot be written either, but for a file that is still to be made.
    let (path, access) = reach(path)?;
    Some((PathFd::new(path).ok()?, access))
}

/// What has to be named so that `path` can be written: itself, or the directory in which it is to be made.
/// Landlock cannot name a file that does not exist; the comparison afterwards holds what this lets through.
fn reach(path: &Path) -> Option<(PathBuf, BitFlags<AccessFs>)> {
    let all = AccessFs::from_write(ABI::V3);
    match path.metadata() {
        Ok(found) if found.is_dir() => Some((path.to_owned(), all)),
        Ok(_) => Some((path.to_owned(), all & AccessFs::from_file(ABI::V3))),
        Err(_) if path.starts_with("/dev") => None,
        Err(_) => {
            let above = path.ancestors().skip(1).find(|above| above.is_dir())?;
            Some((above.to_owned(), all))
        }
    }
}
