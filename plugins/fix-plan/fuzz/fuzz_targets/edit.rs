//! The fuzz target of the ledger plugin: any text, the property of `tests/property`. Run it with
//! `cargo +nightly fuzz run edit` in `plugins/fix-plan`; a text that fails belongs into `corpus/edit`, where an
//! ordinary test reads it from then on.
#![no_main]

#[path = "../../tests/property/mod.rs"]
mod property;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| property::holds(text));
