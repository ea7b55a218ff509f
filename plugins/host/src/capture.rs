//! Drives a capture plugin: create, capture; yields the captured JSON unchanged.
//!
//! Called by `drive`. What the JSON holds is between the plugin and its readers; that it is JSON is checked
//! here.

use serde_json::Value;

use crate::instance::Instance;
use crate::library::Plugin;
use crate::protocol::Failure;
use crate::table::HostSide;

/// Runs the whole role.
pub(crate) fn drive(plugin: &Plugin, config: &Value, side: &'static HostSide) -> Result<Value, Failure> {
    let mut instance = Instance::create(plugin, side, config, ["create", "destroy"])?;
    instance.call(plugin.table.capture, "capture", None, &Value::Null)?.json("a JSON value")
}
