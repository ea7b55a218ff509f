//! Limits as numbers: a share of the machine's memory becomes bytes here.

use sysinfo::System;

use crate::spec::units::{Memory, UnitError};

/// Bytes of a memory limit. A share counts from the machine's memory, or from the control group's limit when
/// that is lower, because that is where the kernel would kill.
pub fn memory_bytes(memory: Memory) -> Result<u64, UnitError> {
    match memory {
        Memory::Bytes(bytes) => Ok(bytes),
        Memory::Percent(percent) => Ok((total()? as f64 * percent / 100.0) as u64),
    }
}

fn total() -> Result<u64, UnitError> {
    let unknown = |reason: String| UnitError {
        message: format!("this machine's memory is not known ({reason}), so a share of it is not either"),
        help: "write bytes: 2 GiB",
    };
    let mut system = System::new().map_err(|error| unknown(error.to_string()))?;
    system.refresh_memory();
    let machine = system.total_memory();
    let group = system.cgroup_limits().map_or(machine, |limits| limits.total_memory);
    match if group == 0 { machine } else { machine.min(group) } {
        0 => Err(unknown("the system reports 0".to_owned())),
        total => Ok(total),
    }
}
