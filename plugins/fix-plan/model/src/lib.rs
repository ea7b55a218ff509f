//! What a ledger and its plans hold, as line numbers and byte spans: [`LedgerDocument`] -> [`item::Item`] ->
//! [`item::History`], [`item::Attempt`], and [`PlanDocument`] -> [`plan::PlanRow`]; [`check`] lists what is
//! wrong with a ledger.
//!
//! Used by the plugin `fix-plan`, which edits, and by `runner ledger`, which only reads. It is a crate of its
//! own because every plugin exports the same symbol, so that the runner can link none. Never opens a file.

pub mod actions;
pub mod anchor;
pub mod attempt;
pub mod check;
pub mod date;
pub mod hidden;
pub mod history;
pub mod item;
pub mod ledger;
pub mod plan;
pub mod reference;
pub mod refusal;
pub mod table;
pub mod text;

pub use ledger::LedgerDocument;
pub use plan::PlanDocument;
pub use refusal::Refusal;
