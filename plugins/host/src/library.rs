//! [`Plugin`]: a loaded library whose table has been checked.
//!
//! Made by `drive` for the step's plugin and its profiler. A library is never unloaded: threads and
//! thread-local destructors of it may outlive every call. A table is never read beyond its `struct_size`.
#![expect(unsafe_code, reason = "loads foreign code and reads its table")]

use std::mem::{MaybeUninit, offset_of};
use std::path::Path;

use libloading::os::unix;
use runner_plugin_abi::{ABI_MAJOR, ABI_MINOR, ENTRY_SYMBOL, EntryFn, PluginTable};

use crate::buffer;
use crate::manifest::{self, Role};
use crate::protocol::{Failure, FailureKind, Library};

/// A plugin that is ready to make instances.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) table: PluginTable,
}

impl Plugin {
    /// Loads and checks the library; every failure has the kind `Load`, or `Unsupported` for a call that
    /// the role needs and the table lacks.
    pub(crate) fn load(library: &Library, role: Role, phase: &str) -> Result<Self, Failure> {
        let failure = |kind, reason: String| Failure {
            kind,
            phase: phase.to_owned(),
            message: format!("{} ({}): {reason}", library.name, library.path.display()),
        };
        let load = |reason| failure(FailureKind::Load, reason);
        if !library.path.is_absolute() {
            // dlopen would search the system's directories for a bare name.
            return Err(load("the path of a library must be absolute".into()));
        }
        let unusable = |error: manifest::ManifestError| load(error.to_string());
        let written = manifest::section(&library.path).map_err(unusable)?;
        let stated = manifest::parse(&written).map_err(unusable)?;
        if stated.role != role {
            return Err(load(format!("is a {} plugin, not a {role}", stated.role)));
        }
        let table = open(&library.path).map_err(load)?;
        // SAFETY: the table states a string that lives as long as the library, which is never unloaded.
        let loaded = unsafe { buffer::text(table.manifest) }
            .map_err(|error| load(format!("the manifest in its table is {error}")))?;
        if manifest::without_padding(loaded.as_bytes()) != written {
            return Err(load("the manifest in its table is not the one in its file".into()));
        }
        let missing = missing_calls(&table, role);
        if !missing.is_empty() {
            let reason = format!("a {role} needs the calls {}, which it lacks", missing.join(", "));
            return Err(failure(FailureKind::Unsupported, reason));
        }
        Ok(Self { table })
    }
}

fn open(path: &Path) -> Result<PluginTable, String> {
    // SAFETY: loading runs the library's initialisers. That is what this process exists for: it holds
    // nothing but this step, and its end is a wait status for the runner.
    let library = unsafe { unix::Library::open(Some(path), unix::RTLD_NOW | unix::RTLD_LOCAL) }
        .map_err(|error| format!("cannot be loaded: {error}"))?;
    // SAFETY: the symbol's name holds the major version of the type it is read as.
    let entry = unsafe { library.get::<EntryFn>(ENTRY_SYMBOL) }
        .map(|symbol| *symbol)
        .map_err(|_| format!("does not export `{ENTRY_SYMBOL}`: not a plugin of ABI {ABI_MAJOR}"));
    std::mem::forget(library);
    // SAFETY: the entry takes nothing and returns a pointer to static data or null.
    let table = unsafe { entry?() };
    if table.is_null() {
        return Err("refuses to load: it returned no table".into());
    }
    if !table.is_aligned() {
        return Err("returned a table at a misaligned address".into());
    }
    // SAFETY: not null, aligned, and every table begins with the same three fields.
    unsafe { copy_table(table) }
}

/// # Safety
/// `table` must point to a table that holds at least its first three fields, and as many bytes as its
/// `struct_size` says.
unsafe fn copy_table(table: *const PluginTable) -> Result<PluginTable, String> {
    // SAFETY: the first three fields are there in every version.
    let (major, size) =
        unsafe { ((&raw const (*table).abi_major).read(), (&raw const (*table).struct_size).read()) };
    if major != ABI_MAJOR {
        return Err(format!("was built for plugin ABI {major}; this runner speaks {ABI_MAJOR}"));
    }
    if size < offset_of!(PluginTable, create) {
        return Err(format!("states a table of {size} bytes, which is too small to be one"));
    }
    // A size that ends inside a field would leave half a pointer: that field counts as absent.
    let known = size.min(size_of::<PluginTable>()) / size_of::<usize>() * size_of::<usize>();
    let mut copy = MaybeUninit::<PluginTable>::zeroed();
    // SAFETY: `known` bytes are within both tables, and an all-zero rest is valid (null pointers, `None`).
    let copy = unsafe {
        std::ptr::copy_nonoverlapping(table.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), known);
        copy.assume_init()
    };
    if copy.needs_host_minor > ABI_MINOR {
        let needs = copy.needs_host_minor;
        return Err(format!("needs host ABI {ABI_MAJOR}.{needs}; this runner has {ABI_MAJOR}.{ABI_MINOR}"));
    }
    Ok(copy)
}

fn missing_calls(table: &PluginTable, role: Role) -> Vec<&'static str> {
    let calls = match role {
        Role::Kernel => vec![
            ("prepare", table.prepare.is_some()),
            ("iterate", table.iterate.is_some()),
            ("finish", table.finish.is_some()),
        ],
        // `more` is optional: a profiler without it never asks for a repetition.
        Role::Profiler => vec![("start", table.start.is_some()), ("stop", table.stop.is_some())],
        Role::Capture => vec![("capture", table.capture.is_some())],
        Role::Ledger => vec![("documents", table.documents.is_some()), ("edit", table.edit.is_some())],
    };
    let create = ("create", table.create.is_some());
    std::iter::once(create).chain(calls).filter(|(_, there)| !there).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use runner_plugin_abi::Str;

    use super::*;

    unsafe extern "C" fn destroy(_: *mut std::ffi::c_void) {}

    fn table(struct_size: usize) -> PluginTable {
        PluginTable {
            abi_major: ABI_MAJOR,
            abi_minor: 7,
            struct_size,
            needs_host_minor: 0,
            manifest: Str { ptr: std::ptr::null(), len: 0 },
            create: None,
            destroy: Some(destroy),
            cancel: Some(destroy),
            prepare: None,
            iterate: None,
            finish: None,
            start: None,
            more: None,
            stop: None,
            capture: None,
            documents: None,
            edit: None,
            attach: None,
        }
    }

    fn copied(table: &PluginTable) -> Result<PluginTable, String> {
        // SAFETY: a whole table.
        unsafe { copy_table(table) }
    }

    #[test]
    fn fields_beyond_the_stated_size_read_as_absent() {
        let end_of_destroy = offset_of!(PluginTable, cancel);
        let short = copied(&table(end_of_destroy)).expect("a short table is fine");
        assert!(short.destroy.is_some());
        assert!(short.cancel.is_none(), "the field is there in memory, but not promised");
        let torn = copied(&table(end_of_destroy + 3)).expect("a torn field counts as absent");
        assert!(torn.cancel.is_none());
    }

    #[test]
    fn a_table_of_a_later_minor_version_may_be_larger() {
        assert!(copied(&table(size_of::<PluginTable>() + 64)).expect("accepted").cancel.is_some());
    }

    #[test]
    fn another_major_version_a_tiny_table_and_a_newer_need_are_refused() {
        let newer = PluginTable { abi_major: 99, ..table(size_of::<PluginTable>()) };
        assert_eq!(copied(&newer).expect_err("refused"), "was built for plugin ABI 99; this runner speaks 1");
        assert!(copied(&table(16)).expect_err("refused").contains("16 bytes"));
        let needs = PluginTable { needs_host_minor: 5, ..table(size_of::<PluginTable>()) };
        assert_eq!(copied(&needs).expect_err("refused"), "needs host ABI 1.5; this runner has 1.1");
    }

    #[test]
    fn a_role_names_the_calls_it_lacks() {
        let table = table(size_of::<PluginTable>());
        assert_eq!(missing_calls(&table, Role::Kernel), ["create", "prepare", "iterate", "finish"]);
        assert_eq!(missing_calls(&table, Role::Profiler), ["create", "start", "stop"]);
    }
}
