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
mod pattern;
pub mod place;
pub mod raw;
pub mod reader;
pub mod reserved;
pub mod tree;
pub mod units;
mod workflow;

pub use pattern::Pattern;
pub use workflow::{
    Action, Collect, Command, Fallback, Fault, Figures, Gate, Input, Limits, MetricsFile, PluginUse,
    StampChoice, Step, Var, Workflow,
};

use crate::diagnostic::{Diagnostics, Source};

/// Why a text is not a workflow.
#[derive(Debug)]
pub struct Refused {
    /// The mistakes of passes 1 to 3.
    pub mistakes: Diagnostics,
    /// What could be read all the same. It is good for one thing only: finding the mistakes of pass 4, so
    /// that a user sees all of them at once.
    pub draft: Option<Box<Workflow>>,
}

/// Reads a workflow: passes 1 to 3.
pub fn read(source: Source) -> Result<Workflow, Refused> {
    let node = match node::parse(&source) {
        Ok(node) => node,
        Err(mistake) => {
            return Err(Refused { mistakes: Diagnostics::new(source, vec![mistake]), draft: None });
        }
    };
    let mut reader = reader::Reader::new(&source.text);
    let raw = raw::decode(&node, &mut reader);
    let workflow = raw.map(|raw| check::check(raw, source.clone(), &mut reader));
    match workflow {
        Some(workflow) if reader.mistakes.is_empty() => Ok(workflow),
        draft => {
            let mistakes = Diagnostics::new(source.clone(), reader.mistakes);
            Err(Refused { mistakes, draft: draft.map(Box::new) })
        }
    }
}
