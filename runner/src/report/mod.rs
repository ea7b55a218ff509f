//! Reports: pure functions from an [`EvidenceRecord`](crate::evidence::EvidenceRecord) to text. Nothing here
//! looks at a live run or at the clock, so that every report can be made again, byte for byte, from the bundle.

mod comparison;
mod mapping;
mod operations;
mod summary;
mod table;

pub use comparison::Comparison;
pub use mapping::Mapping;
pub use operations::top_operations;
pub use summary::summary;
