//! The files that the watched processes have mapped: [`Objects`], each with a place of its own.
//!
//! Every file is one object however many processes map it, and wherever: its unwind tables are read once, and
//! addresses in it become `place + address stated in the file`, so that samples of all processes can be counted
//! together. Used by the processes; reads files. It must never name anything by a file that was changed since it
//! was mapped.

use std::collections::HashMap;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use object::{Object, ObjectSegment, ReadCache, SegmentFlags};

use crate::maps::{MappedFile, Mapping, Maps};
use crate::perf::FileId;
use crate::threads;
use crate::unwind::Tables;

/// Addresses of one object; addresses of user space are smaller.
const PLACE: u32 = 48;
/// More objects have no place any more; their addresses are shown as numbers.
const MOST: usize = (1 << (64 - PLACE)) - 1;

/// Index of an object.
pub(super) type ObjectId = u32;

/// What is read from a file.
pub(super) struct Loaded {
    /// Executable segments: offset and size in the file, address stated there.
    segments: Vec<(u64, u64, u64)>,
    /// For walking stacks.
    pub(super) tables: Tables,
}

struct MappedObject {
    path: String,
    /// When it was first mapped.
    mapped: u64,
    /// `None` until somebody asks, then the content or why there is none.
    loaded: Option<Result<Loaded, &'static str>>,
}

/// All files.
pub(super) struct Objects {
    all: Vec<MappedObject>,
    ids: HashMap<(Vec<u8>, FileId), ObjectId>,
    /// What must be added to a time of a record to get nanoseconds since 1970.
    wall: u64,
}

impl Objects {
    pub(super) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "compared with the times of files, never recorded")]
        let since_1970 =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
        Self { all: Vec::new(), ids: HashMap::new(), wall: since_1970.saturating_sub(threads::monotonic()) }
    }

    /// The object of a mapped file. Nothing is read.
    pub(super) fn id(&mut self, path: &[u8], file: FileId, time: u64) -> ObjectId {
        if let Some(id) = self.ids.get(&(path.to_vec(), file)) {
            return *id;
        }
        let id = self.all.len() as ObjectId;
        let text = String::from_utf8_lossy(path).into_owned();
        // How the kernel calls memory without a file.
        let path_shown = if text == "//anon" { String::new() } else { text };
        self.all.push(MappedObject { path: path_shown, mapped: time, loaded: None });
        self.ids.insert((path.to_vec(), file), id);
        id
    }

    pub(super) fn path(&self, id: ObjectId) -> &str {
        &self.all[id as usize].path
    }

    /// The content of the file; `None` where it cannot be used.
    pub(super) fn load(&mut self, id: ObjectId) -> Option<&Loaded> {
        let wall = self.wall;
        let object = self.all.get_mut(id as usize)?;
        let mapped = object.mapped.saturating_add(wall);
        let loaded = object.loaded.get_or_insert_with(|| Loaded::read(&object.path, mapped));
        loaded.as_ref().ok()
    }

    /// The address in the common space: the place of the object and the address as stated in its file (the offset
    /// in the file, where that is not known).
    pub(super) fn address(&mut self, id: ObjectId, range: &Range<u64>, offset: u64, address: u64) -> u64 {
        let bias = self.load(id).and_then(|loaded| loaded.bias(range, offset));
        let stated = match bias {
            Some(bias) => address.wrapping_sub(bias),
            None if self.path(id).is_empty() => address,
            None => address - range.start + offset,
        };
        if id as usize >= MOST {
            return address;
        }
        place(id) + (stated & ((1 << PLACE) - 1))
    }

    /// The common space, and a line for each file whose names are not to be had.
    pub(super) fn finish(self) -> (Maps, Vec<String>) {
        let mut notes = Vec::new();
        let mut mappings = Vec::new();
        for (id, object) in self.all.into_iter().enumerate().take(MOST) {
            // Files that no sample fell into were never looked at.
            let Some(loaded) = object.loaded else { continue };
            let base = place(id as ObjectId);
            let changed = || changed_since(&object.path, object.mapped.saturating_add(self.wall));
            let problem = loaded.err().or_else(|| changed().then_some(CHANGED));
            if let Some(problem) = problem
                && object.path.starts_with('/')
            {
                notes.push(format!("`{}` {problem}: its functions have no names", object.path));
            }
            let file = if problem.is_none() { MappedFile::Bias(base) } else { MappedFile::Unusable };
            let range = base..base + (1 << PLACE);
            mappings.push(Mapping { range, offset: 0, path: object.path, file });
        }
        (Maps::of(mappings), notes)
    }
}

const CHANGED: &str = "was changed or replaced while the program ran";

fn place(id: ObjectId) -> u64 {
    (u64::from(id) + 1) << PLACE
}

/// Whether the file was written, or another put in its place, after a moment (nanoseconds since 1970).
fn changed_since(path: &str, moment: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|found| {
        let changed = found.ctime().cast_unsigned() * 1_000_000_000 + found.ctime_nsec().cast_unsigned();
        changed > moment
    })
}

impl Loaded {
    fn read(path: &str, mapped: u64) -> Result<Self, &'static str> {
        if !path.starts_with('/') {
            return Err("is no file");
        }
        if changed_since(path, mapped) {
            return Err(CHANGED);
        }
        let cache = ReadCache::new(std::fs::File::open(path).map_err(|_| "is not there any more")?);
        let file = object::File::parse(&cache).map_err(|_| "is no object file")?;
        let code = |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags.0 & 1 != 0);
        let segments = file.segments().filter(|segment| code(segment.flags())).map(|segment| {
            let (offset, size) = segment.file_range();
            (offset, size, segment.address())
        });
        Ok(Self { segments: segments.collect(), tables: Tables::of(&file) })
    }

    /// What must be subtracted from an address of a mapping that begins at `offset` of the file.
    pub(super) fn bias(&self, range: &Range<u64>, offset: u64) -> Option<u64> {
        let len = range.end - range.start;
        // A mapping begins on a page, a segment anywhere on it.
        let (begin, _, stated) =
            *self.segments.iter().find(|(begin, size, _)| offset < begin + size && *begin < offset + len)?;
        Some(range.start.wrapping_sub(stated.wrapping_sub(begin).wrapping_add(offset)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object file of its own, and where its code begins in it.
    fn library() -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lib.so").display().to_string();
        replace(&path);
        (directory, path)
    }

    /// Writes the file, as a build would.
    fn replace(path: &str) {
        let maps = Maps::read().unwrap();
        let libc = maps.find(libc::getpid as *const () as u64).unwrap();
        std::fs::copy(&libc.path, path).unwrap();
        // Times of files go in steps of some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(30));
    }

    #[test]
    fn an_address_has_one_place_wherever_the_file_is_mapped() {
        let (_directory, path) = library();
        let mut objects = Objects::new();
        let id = objects.id(path.as_bytes(), FileId::default(), threads::monotonic());
        let (begin, size, stated) = objects.load(id).unwrap().segments[0];
        let mut in_map = |base: u64| objects.address(id, &(base..base + size), begin, base + 0x123);
        assert_eq!(in_map(0x7f00_0000_0000), in_map(0x5500_0000_0000));
        assert_eq!(in_map(0x7f00_0000_0000), place(id) + stated + 0x123);
        let (maps, notes) = objects.finish();
        assert_eq!(maps.find(place(id) + stated).unwrap().file, MappedFile::Bias(place(id)));
        assert_eq!(notes, [""; 0]);
    }

    #[test]
    fn a_file_that_was_replaced_after_it_was_mapped_gives_no_names() {
        let (_directory, path) = library();
        // Replaced before the first sample fell into it, and after.
        let mut early = Objects::new();
        let mut late = Objects::new();
        let id = early.id(path.as_bytes(), FileId::default(), threads::monotonic());
        late.id(path.as_bytes(), FileId::default(), threads::monotonic());
        assert!(late.load(id).is_some());
        replace(&path);
        assert!(early.load(id).is_none());
        for objects in [early, late] {
            let (maps, notes) = objects.finish();
            assert_eq!(maps.find(place(id)).unwrap().file, MappedFile::Unusable);
            let expected = format!(
                "`{path}` was changed or replaced while the program ran: its functions have no names"
            );
            assert_eq!(notes, [expected]);
        }
    }

    #[test]
    fn memory_without_a_file_and_files_that_are_gone_are_shown_by_their_offset() {
        let mut objects = Objects::new();
        let gone = objects.id(b"/no/such/file.so", FileId::default(), 1);
        let code = objects.id(b"//anon", FileId::default(), 1);
        let range = 0x7000_0000..0x7000_1000;
        assert_eq!(objects.address(gone, &range, 0x2000, 0x7000_0010), place(gone) + 0x2010);
        assert_eq!(objects.address(code, &range, 0, 0x7000_0010), place(code) + 0x7000_0010);
        let (_, notes) = objects.finish();
        assert_eq!(notes, ["`/no/such/file.so` is not there any more: its functions have no names"]);
    }
}
