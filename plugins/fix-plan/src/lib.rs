//! The ledger plugin `fix-plan`: appends one attempt to an item of a Markdown ledger, refreshes the item's
//! status and its index row, and sets the State cell of a plan row.
//!
//! [`FixPlan`] is the plugin; the runner calls it through the SDK. `Config -> RunRecord + LedgerDocument +
//! PlanDocument -> Entry -> Edit`: each stage has its own file; the documents are read by `fix-plan-model`. The plugin never reads or writes a file: it
//! is a pure function from texts to splices, and the runner alone applies them.

pub mod ascii;
pub mod config;
pub mod edit;
pub mod entry;
pub mod figure;
pub mod figures;
pub mod measured;
pub mod placement;
pub mod proposal;
pub mod readback;
pub mod record;
pub mod shortfall;
pub mod status;

use runner_plugin::{Edit, EditRequest, Error, Ledger};

pub use config::Config;
pub use fix_plan_model::{LedgerDocument, PlanDocument, item};
pub use record::RunRecord;

/// The plugin: a checked configuration, and nothing else.
#[derive(Clone, Debug)]
pub struct FixPlan {
    config: Config,
}

impl Ledger for FixPlan {
    type Config = Config;

    fn create(config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Self { config })
    }

    fn documents(&self) -> Vec<String> {
        let mut paths = vec![self.config.ledger.clone()];
        paths.extend(self.config.plan.clone().filter(|plan| *plan != self.config.ledger));
        paths
    }

    fn edit(&self, request: &EditRequest) -> Result<Edit, Error> {
        edit::edit(&self.config, request)
            .or_else(|refusal| proposal::proposal(&self.config, request, refusal))
    }
}

runner_plugin::export! {
    ledger: FixPlan,
    name: "fix-plan",
    summary: "Appends an attempt to a Markdown ledger and sets the state of a plan row",
    schema: include_str!("../schema.json"),
}
