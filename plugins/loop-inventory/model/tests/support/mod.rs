//! Inventories for the tests: as another tool writes them, with the first six fields only, or with ends.
//!
//! Used by `classes` and `find`. Everything goes through [`Inventory::read`], so that no test has an inventory that
//! the crate would refuse.

use loop_inventory_model::Inventory;
use serde_json::{Value, json};

/// One loop as another tool writes it.
pub fn bare(module: &str, line: u64, header: &str) -> Value {
    json!({
        "module": module, "line": line, "col_offset": 4, "loop_type": "for",
        "loop_header": header, "iteration_hint": "unknown iterable",
    })
}

/// The bytes of an inventory of these loops.
pub fn bytes(loops: &[Value]) -> Vec<u8> {
    let inventory = json!({
        "scan_timestamp": "2025-10-09T06:43:57.728423Z",
        "package_path": "src/pkg",
        "total_loops": loops.len(),
        "hot_loops_count": 0,
        "all_loops": loops,
        "hot_loops": [],
    });
    inventory.to_string().into_bytes()
}

/// The inventory of these loops.
pub fn inventory(loops: &[Value]) -> Inventory {
    Inventory::read(&bytes(loops)).expect("an inventory")
}
