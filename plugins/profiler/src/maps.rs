//! What is mapped where: [`Maps`], of this process from `/proc/self/maps`.
//!
//! The unwinder and the symboliser turn an address into an object file and the address stated in that file.
//! Only executable mappings are kept. Of other processes, the watch makes one [`Maps`] in which each object file
//! has a place of its own. Reads files; never follows a mapping into memory.

use std::io;
use std::ops::Range;

use object::{Object, ObjectSegment, ReadCache, SegmentFlags};

/// One executable mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Addresses.
    pub(crate) range: Range<u64>,
    /// Offset of the first byte in the file.
    pub(crate) offset: u64,
    /// The file, or a name in brackets such as `[vdso]`; empty for anonymous memory.
    pub(crate) path: String,
    /// How the file can be asked.
    pub(crate) file: MappedFile,
}

/// What is known of a mapped file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MappedFile {
    /// Where its segments lie must be read from it.
    Unread,
    /// What must be subtracted from an address to get the one stated in the file.
    Bias(u64),
    /// It is gone, or was changed since it was mapped: its names would be wrong.
    Unusable,
}

/// The executable mappings, by address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maps(Vec<Mapping>);

impl Maps {
    /// The mappings of this moment.
    pub(crate) fn read() -> io::Result<Self> {
        // A path need not be UTF-8.
        let text = std::fs::read("/proc/self/maps")?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(text: &str) -> Self {
        let mut mappings: Vec<_> = text.lines().filter_map(executable).collect();
        mappings.sort_by_key(|mapping| mapping.range.start);
        Self(mappings)
    }

    /// Mappings that were found elsewhere.
    pub(crate) fn of(mut mappings: Vec<Mapping>) -> Self {
        mappings.sort_by_key(|mapping| mapping.range.start);
        Self(mappings)
    }

    /// The mapping that holds an address.
    pub(crate) fn find(&self, address: u64) -> Option<&Mapping> {
        let after = self.0.partition_point(|mapping| mapping.range.start <= address);
        self.0[..after].last().filter(|mapping| mapping.range.contains(&address))
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mapping> {
        self.0.iter()
    }
}

/// Reads one line (`man 5 proc_pid_maps`); `None` unless it is executable.
fn executable(line: &str) -> Option<Mapping> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
    let path = fields.nth(2).unwrap_or_default().trim_start().to_owned();
    let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
    permissions.contains('x').then_some(Mapping { range, offset, path, file: MappedFile::Unread })
}

impl Mapping {
    /// What must be subtracted from an address in this mapping to get the address stated in the file; `None`
    /// when the file is not the ELF file that was mapped.
    pub(crate) fn bias(&self) -> Option<u64> {
        match self.file {
            MappedFile::Unread => {}
            MappedFile::Bias(bias) => return Some(bias),
            MappedFile::Unusable => return None,
        }
        let file = ReadCache::new(std::fs::File::open(&self.path).ok()?);
        self.bias_in(&object::File::parse(&file).ok()?)
    }

    /// The same for a file that is already parsed.
    pub(crate) fn bias_in<'data>(&self, file: &impl Object<'data>) -> Option<u64> {
        let segment = file.segments().find(|segment| {
            let (offset, size) = segment.file_range();
            let code = matches!(segment.flags(), SegmentFlags::Elf { p_flags, .. } if p_flags.0 & 1 != 0);
            // A mapping begins on a page, a segment anywhere on it.
            code && offset < self.offset + (self.range.end - self.range.start) && self.offset < offset + size
        })?;
        let (offset, _) = segment.file_range();
        let stated_start = segment.address().wrapping_sub(offset).wrapping_add(self.offset);
        Some(self.range.start.wrapping_sub(stated_start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
5581-5590 r--p 00000000 fe:00 1234                               /usr/bin/a b
5590-55a0 r-xp 0000f000 fe:00 1234                               /usr/bin/a b
55a0-55b0 rw-p 0001e000 fe:00 1234                               /usr/bin/a b
7f00-7f10 r-xp 00000000 00:00 0 
ff00-ff10 r-xp 00000000 00:00 0                                  [vdso]
";

    #[test]
    fn only_executable_mappings_are_found_and_ends_are_exclusive() {
        let maps = Maps::parse(TEXT);
        let found = maps.find(0x5590).unwrap();
        assert_eq!((found.path.as_str(), found.offset), ("/usr/bin/a b", 0xf000));
        assert!(maps.find(0x5585).is_none());
        assert!(maps.find(0x55a0).is_none());
        assert_eq!(maps.find(0x7f0f).unwrap().path, "");
        assert_eq!(maps.find(0xff00).unwrap().path, "[vdso]");
        assert!(maps.find(0).is_none());
    }

    #[test]
    fn the_bias_takes_a_function_to_its_symbol() {
        let address = the_bias_takes_a_function_to_its_symbol as *const () as u64;
        let maps = Maps::read().unwrap();
        let mapping = maps.find(address).unwrap();
        let bias = mapping.bias().unwrap();
        let data = std::fs::read(&mapping.path).unwrap();
        let file = object::File::parse(&*data).unwrap();
        let symbols = file.symbol_map();
        let name = symbols.containing(address - bias).unwrap().name();
        assert!(name.contains("the_bias_takes_a_function_to_its_symbol"), "{name}");
    }
}
