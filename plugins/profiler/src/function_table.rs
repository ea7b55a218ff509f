//! Where functions begin in an object without symbols: [`FunctionTable`], from its unwind table.
//!
//! A stripped libm has a symbol for `sin` but none for the variant that really runs. Its `.eh_frame` still
//! states each function's range, so that samples of one function stay one row of the ranking instead of
//! falling apart into one row for each address. Used by the symboliser; reads the file only.

use addr2line::gimli::{BaseAddresses, EhFrame, EndianSlice, NativeEndian, UnwindSection};
use object::{Object, ObjectSection, ReadCache};

/// Ranges of functions as stated in the file, by start.
#[derive(Debug, Default)]
pub(crate) struct FunctionTable(Vec<(u64, u64)>);

impl FunctionTable {
    /// Reads the unwind table of an object file; empty when it has none.
    pub(crate) fn read(path: &str) -> Self {
        Self::try_read(path).unwrap_or_default()
    }

    fn try_read(path: &str) -> Option<Self> {
        let cache = ReadCache::new(std::fs::File::open(path).ok()?);
        let file = object::File::parse(&cache).ok()?;
        let section = file.section_by_name(".eh_frame")?;
        let data = section.uncompressed_data().ok()?;
        let mut table = EhFrame::from(EndianSlice::new(&data, NativeEndian));
        table.set_address_size(8);
        let address = |name: &str| file.section_by_name(name).map_or(0, |section| section.address());
        let bases = BaseAddresses::default()
            .set_eh_frame(section.address())
            .set_text(address(".text"))
            .set_got(address(".got"));
        let mut ranges = Vec::new();
        let mut entries = table.entries(&bases);
        while let Ok(Some(entry)) = entries.next() {
            if let addr2line::gimli::CieOrFde::Fde(partial) = entry
                && let Ok(entry) = partial.parse(EhFrame::cie_from_offset)
            {
                ranges.push((entry.initial_address(), entry.initial_address() + entry.len()));
            }
        }
        ranges.sort_unstable();
        Some(Self(ranges))
    }

    /// The start of the function that holds an address.
    pub(crate) fn start_of(&self, stated: u64) -> Option<u64> {
        let after = self.0.partition_point(|(start, _)| *start <= stated);
        let (start, end) = *self.0[..after].last()?;
        (stated < end).then_some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_inside_a_function_leads_to_its_start() {
        let table = FunctionTable(vec![(0x10, 0x20), (0x20, 0x28), (0x40, 0x50)]);
        assert_eq!(table.start_of(0x1f), Some(0x10));
        assert_eq!(table.start_of(0x20), Some(0x20));
        assert_eq!(table.start_of(0x28), None);
        assert_eq!(table.start_of(0x0f), None);
        assert_eq!(table.start_of(0x4f), Some(0x40));
    }

    #[test]
    fn the_table_of_this_program_knows_this_function() {
        let function = an_address_inside_a_function_leads_to_its_start as *const () as u64;
        let maps = crate::maps::Maps::read().unwrap();
        let mapping = maps.find(function).unwrap();
        let stated = function - mapping.bias().unwrap();
        let table = FunctionTable::read(&mapping.path);
        assert_eq!(table.start_of(stated), Some(stated));
        assert_eq!(table.start_of(stated + 1), Some(stated));
    }
}
