//! Drives a kernel, with or without a profiler beside it, and yields a [`KernelResult`].
//!
//! Called by `drive`. Order: create kernel, create profiler (so that its mistakes show before the work),
//! prepare, warm-up, profiler start, measured iterations, more of them while the profiler has a reason,
//! profiler stop, finish. The profiler's `more` follows every measured iteration, which marks its end. The warm-up is never profiled; wall time is taken around the iteration alone.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::instance::{Instance, Returned};
use crate::library::Plugin;
use crate::protocol::{Failure, KernelResult};
use crate::table::HostSide;

/// A profiler's plugin and the configuration of its instance.
pub(crate) type Observer<'a> = (&'a Plugin, &'a Value);

#[derive(Deserialize)]
struct Prepared {
    warmup: u32,
    iterations: u32,
    device: String,
}

#[derive(Deserialize)]
struct Finished {
    metrics: Map<String, Value>,
}

#[derive(Deserialize)]
struct More {
    reason: Option<String>,
}

/// Runs the whole role.
pub(crate) fn drive(
    plugin: &Plugin,
    config: &Value,
    profiler: Option<Observer<'_>>,
    side: &'static HostSide,
) -> Result<KernelResult, Failure> {
    let table = &plugin.table;
    let mut kernel = Instance::create(plugin, side, config, ["create", "destroy"])?;
    let mut observer = profiler
        .map(|(plugin, config)| {
            Instance::create(plugin, side, config, ["profiler create", "profiler destroy"])
                .map(|instance| (plugin, instance))
        })
        .transpose()?;

    let returned = kernel.call(table.prepare, "prepare", None, &Value::Null)?;
    let prepared: Prepared = returned.json(r#"{"warmup": 1, "iterations": 1, "device": "cpu"}"#)?;
    if prepared.iterations == 0 {
        return Err(returned.bad("asks for no iteration at all; at least 1 is measured"));
    }
    let mut iterate = |phase, index: u64, warmup: bool| {
        let input = json!({ "index": index, "warmup": warmup });
        kernel.call(table.iterate, phase, Some(index), &input).map(|returned| returned.elapsed.as_secs_f64())
    };
    for index in 0..prepared.warmup {
        iterate("warmup", u64::from(index), true)?;
    }

    if let Some((plugin, instance)) = &mut observer {
        instance.call(plugin.table.start, "profiler start", None, &Value::Null)?;
    }
    let mut seconds: Vec<f64> = Vec::new();
    let mut repeated = None;
    loop {
        seconds.push(iterate("iterate", seconds.len() as u64, false)?);
        let reason = match &mut observer {
            Some((plugin, instance)) => more(plugin, instance, &seconds)?,
            None => None,
        };
        if seconds.len() < prepared.iterations as usize {
            continue;
        }
        let Some(reason) = reason else { break };
        // The first reason says what was wrong with the asked iterations; later ones only count down.
        repeated.get_or_insert(reason);
    }
    let profile = observer.map(|(plugin, instance)| stop(plugin, instance)).transpose()?;

    let input = json!({ "seconds": seconds, "asked": prepared.iterations });
    let returned = kernel.call(table.finish, "finish", None, &input)?;
    let shape = r#"{"metrics": {"name": {"value": 1.0, "unit": "s"}}}"#;
    let Finished { metrics } = returned.json(shape)?;
    check_metrics(&returned, &metrics)?;
    Ok(KernelResult {
        device: prepared.device,
        warmup: prepared.warmup,
        asked: prepared.iterations,
        seconds,
        repeated,
        metrics,
        profile,
    })
}

fn more(plugin: &Plugin, profiler: &mut Instance<'_>, seconds: &[f64]) -> Result<Option<String>, Failure> {
    if plugin.table.more.is_none() {
        return Ok(None);
    }
    let input = json!({ "iterations": seconds.len(), "seconds": seconds.iter().sum::<f64>() });
    let returned = profiler.call(plugin.table.more, "profiler more", None, &input)?;
    let More { reason } = returned.json(r#"{"reason": null} or {"reason": ".."}"#)?;
    Ok(reason)
}

/// Ends the profiler before the kernel's `finish`, which belongs to no measurement.
fn stop(plugin: &Plugin, mut profiler: Instance<'_>) -> Result<Value, Failure> {
    profiler.call(plugin.table.stop, "profiler stop", None, &Value::Null)?.json("a report")
}

/// A metric that a gate cannot read must be an error here, where its author can be named.
fn check_metrics(returned: &Returned, metrics: &Map<String, Value>) -> Result<(), Failure> {
    for (name, metric) in metrics {
        let value = match metric.get("value") {
            Some(Value::Null | Value::Number(_)) => true,
            Some(Value::Array(list)) => list.iter().all(|value| value.is_number() || value.is_null()),
            _ => false,
        };
        if !value || !metric.get("unit").is_some_and(Value::is_string) {
            let reason = format!(
                "returned the metric `{name}` without a `value` (number, list of numbers or null) and a `unit`"
            );
            return Err(returned.bad(&reason));
        }
    }
    Ok(())
}
