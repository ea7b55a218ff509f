//! The system calls that are watched: which arguments name files, and what the call would do to them.
//!
//! A table; the filter sends what stands in it, the watcher reads its rows.

use libc::c_long;

/// Where a call names a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path in this argument, from the working directory.
    Path(usize),
    /// A path in the second of these arguments, from the directory that the first one holds.
    At(usize, usize),
    /// The file that this descriptor holds.
    Descriptor(usize),
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Opens with the flags of this argument.
    Open(usize),
    /// Opens with the flags in the structure that this argument points to.
    OpenHow(usize),
    /// Opens for writing, making the file (`creat`).
    Create,
    /// Executes.
    Execute,
    /// Makes a name that must not exist before.
    Make(&'static str),
    /// Takes away a name that must exist.
    Remove(&'static str),
    /// Changes content by name.
    Write(&'static str),
    /// Changes what Landlock does not know of: mode, owner, times, attributes.
    Attribute(&'static str),
    /// Reads files in a way that shows no names.
    Blind(&'static str),
}

/// A watched call.
#[derive(Debug)]
pub struct Call {
    number: c_long,
    /// What it does.
    pub deed: Deed,
    /// To which files.
    pub places: &'static [Place],
}

const fn call(number: c_long, deed: Deed, places: &'static [Place]) -> Call {
    Call { number, deed, places }
}

use Deed::{Attribute, Blind, Create, Execute, Make, Open, OpenHow, Remove, Write};
use Place::{At, Descriptor, Path};

const MODE: Deed = Attribute("change the mode of");
const OWNER: Deed = Attribute("change the owner of");
const TIMES: Deed = Attribute("change the times of");
const EXTENDED: Deed = Attribute("change attributes of");
const RENAME: Deed = Remove("rename");
const REMOVE: Deed = Remove("remove");
const LINK: Deed = Make("link");
const TRUNCATE: Deed = Write("truncate");

/// Calls that every architecture has.
const COMMON: [Call; 31] = [
    call(libc::SYS_openat, Open(2), &[At(0, 1)]),
    call(libc::SYS_openat2, OpenHow(2), &[At(0, 1)]),
    call(libc::SYS_execve, Execute, &[Path(0)]),
    call(libc::SYS_execveat, Execute, &[At(0, 1)]),
    call(libc::SYS_unlinkat, REMOVE, &[At(0, 1)]),
    call(libc::SYS_renameat, RENAME, &[At(0, 1), At(2, 3)]),
    call(libc::SYS_renameat2, RENAME, &[At(0, 1), At(2, 3)]),
    call(libc::SYS_mkdirat, Make("make the directory"), &[At(0, 1)]),
    call(libc::SYS_linkat, LINK, &[At(2, 3)]),
    call(libc::SYS_symlinkat, LINK, &[At(1, 2)]),
    call(libc::SYS_mknodat, Make("make"), &[At(0, 1)]),
    call(libc::SYS_truncate, TRUNCATE, &[Path(0)]),
    call(libc::SYS_fchmod, MODE, &[Descriptor(0)]),
    call(libc::SYS_fchmodat, MODE, &[At(0, 1)]),
    call(libc::SYS_fchmodat2, MODE, &[At(0, 1)]),
    call(libc::SYS_fchown, OWNER, &[Descriptor(0)]),
    call(libc::SYS_fchownat, OWNER, &[At(0, 1)]),
    call(libc::SYS_utimensat, TIMES, &[At(0, 1)]),
    call(libc::SYS_setxattr, EXTENDED, &[Path(0)]),
    call(libc::SYS_lsetxattr, EXTENDED, &[Path(0)]),
    call(libc::SYS_fsetxattr, EXTENDED, &[Descriptor(0)]),
    call(libc::SYS_removexattr, EXTENDED, &[Path(0)]),
    call(libc::SYS_lremovexattr, EXTENDED, &[Path(0)]),
    call(libc::SYS_fremovexattr, EXTENDED, &[Descriptor(0)]),
    call(libc::SYS_ioctl, EXTENDED, &[Descriptor(0)]),
    call(libc::SYS_chroot, Blind("chroot"), &[]),
    call(libc::SYS_open_by_handle_at, Blind("open_by_handle_at"), &[]),
    call(libc::SYS_io_uring_setup, Blind("io_uring"), &[]),
    call(SETXATTRAT, EXTENDED, &[At(0, 1)]),
    call(REMOVEXATTRAT, EXTENDED, &[At(0, 1)]),
    call(FILE_SETATTR, EXTENDED, &[At(0, 1)]),
];
/// Newer than our C library's table (Linux 6.13, 6.13 and 6.17); the same numbers everywhere.
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const FILE_SETATTR: c_long = 469;

/// The requests of `ioctl` that are watched: they need no descriptor that is open for writing. The flags of `chattr`
/// in their forms (`FS_IOC_SETFLAGS`, `FS_IOC_FSSETXATTR`, `FAT_IOCTL_SET_ATTRIBUTES`), a file's generation
/// (`FS_IOC_SETVERSION`, `EXT4_IOC_SETVERSION`), making it read-only for ever (`FS_IOC_ENABLE_VERITY`), and encrypting
/// a directory (`FS_IOC_SET_ENCRYPTION_POLICY`); the same numbers everywhere.
pub const IOCTLS: [u32; 7] =
    [0x4008_6602, 0x401c_5820, 0x4004_7211, 0x4008_7602, 0x4008_6604, 0x4080_6685, 0x800c_6613];

/// The older forms of the same.
#[cfg(target_arch = "x86_64")]
const OLD: [Call; 16] = [
    call(libc::SYS_open, Open(1), &[Path(0)]),
    call(libc::SYS_creat, Create, &[Path(0)]),
    call(libc::SYS_unlink, REMOVE, &[Path(0)]),
    call(libc::SYS_rmdir, REMOVE, &[Path(0)]),
    call(libc::SYS_rename, RENAME, &[Path(0), Path(1)]),
    call(libc::SYS_mkdir, Make("make the directory"), &[Path(0)]),
    call(libc::SYS_link, LINK, &[Path(1)]),
    call(libc::SYS_symlink, LINK, &[Path(1)]),
    call(libc::SYS_mknod, Make("make"), &[Path(0)]),
    call(libc::SYS_chmod, MODE, &[Path(0)]),
    call(libc::SYS_chown, OWNER, &[Path(0)]),
    call(libc::SYS_lchown, OWNER, &[Path(0)]),
    call(libc::SYS_utime, TIMES, &[Path(0)]),
    call(libc::SYS_utimes, TIMES, &[Path(0)]),
    call(libc::SYS_futimesat, TIMES, &[At(0, 1)]),
    call(libc::SYS_uselib, Blind("uselib"), &[]),
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: [Call; 0] = [];

fn all() -> impl Iterator<Item = &'static Call> {
    COMMON.iter().chain(OLD.iter())
}

/// The numbers of the watched calls.
pub fn numbers() -> impl Iterator<Item = u32> {
    // Numbers of system calls are small and positive.
    all().map(|call| call.number as u32)
}

/// The row of a call.
pub fn find(number: i32) -> Option<&'static Call> {
    all().find(|call| call.number == c_long::from(number))
}
