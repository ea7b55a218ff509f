//! The workflow file. Reading happens in passes, like a small compiler; each pass has its type, and all
//! mistakes of a pass are reported at once:
//!
//! 1. [`node::parse`]: text to [`node::Node`], a tree in which every value knows its place;
//! 2. [`raw::RawWorkflow`]: known keys and types, nothing else;
//! 3. [`Workflow`]: what it says makes sense on its own (only [`check`](check::check) builds one);
//! 4. [`crate::plan::Plan`]: variables, stamp, inputs and plugins resolved;
//! 5. [`crate::evidence::StepOutcome`]: what happened;
//! 6. [`crate::evidence::EvidenceRecord`]: what is on disk; reports are made from this alone.

pub mod check;
pub mod expression;
pub mod node;
pub mod raw;
pub mod reader;
pub mod tree;
pub mod units;
mod workflow;

pub use workflow::{
    Action, Collect, Command, Fallback, Fault, Gate, Input, Limits, MetricsFile, PluginUse, StampChoice,
    Step, Var, Workflow,
};

use crate::diagnostic::{Diagnostics, Source};

/// Reads a workflow: passes 1 to 3.
pub fn read(source: Source) -> Result<Workflow, Diagnostics> {
    let node = match node::parse(&source) {
        Ok(node) => node,
        Err(mistake) => return Err(Diagnostics::new(source, vec![mistake])),
    };
    let mut reader = reader::Reader::default();
    let raw = raw::decode(&node, &mut reader);
    match raw.and_then(|raw| check::check(raw, source.clone(), &mut reader)) {
        Some(workflow) if reader.mistakes.is_empty() => Ok(workflow),
        _ => Err(Diagnostics::new(source, reader.mistakes)),
    }
}
