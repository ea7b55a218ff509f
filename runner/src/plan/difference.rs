//! [`differences`]: in what two plans of a workflow differ, so that a run can say whether it is the same try
//! again. Called by `resume` (which refuses some), `rerun` (which tells all) and the count of repeats.
//!
//! Only what the plans themselves hold is compared. Whether the working tree was changed is not among it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::{Plan, PlanPlugin};

/// One difference between two plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In what they differ.
    pub kind: DifferenceKind,
    /// In words, the earlier plan first.
    pub text: String,
}

/// In what two plans can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferenceKind {
    /// The text of the workflow.
    Workflow,
    /// The value of a variable.
    Variable,
    /// The file of a plugin.
    Plugin,
    /// An earlier bundle that is read.
    Input,
    /// The commit of HEAD.
    Head,
    /// The version of the runner.
    Runner,
}

/// Everything in which `now` differs from `before`; empty when a run of one is a run of the other.
pub fn differences(before: &Plan, now: &Plan) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut add = |kind, text: String| found.push(Difference { kind, text });
    if before.workflow.sha256 != now.workflow.sha256 {
        let (was, is) = (short(before.workflow.sha256.as_str()), short(now.workflow.sha256.as_str()));
        add(DifferenceKind::Workflow, format!("the workflow's text: sha256 {was}, now {is}"));
    }
    let names = before.vars.keys().chain(now.vars.keys().filter(|name| !before.vars.contains_key(*name)));
    for name in names {
        let (was, is) = (before.vars.get(name), now.vars.get(name));
        if was != is {
            let shown = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), Value::to_string);
            let text = format!("variable `{name}`: {}, now {}", shown(was), shown(is));
            add(DifferenceKind::Variable, text);
        }
    }
    let (was, is) = (plugins(before), plugins(now));
    for (name, old) in &was {
        let Some(new) = is.get(name) else { continue };
        if old.sha256 != new.sha256 {
            let (a, b) = (short(old.sha256.as_str()), short(new.sha256.as_str()));
            let versions = format!("{} and {}", old.manifest.version, new.manifest.version);
            let text = format!("plugin `{name}`: sha256 {a}, now {b} (versions {versions})");
            add(DifferenceKind::Plugin, text);
        }
    }
    for old in &before.inputs {
        let new = now.inputs.iter().find(|new| new.name == old.name);
        if let Some(new) = new.filter(|new| new.sha256 != old.sha256) {
            let what = if new.path == old.path {
                format!("`{}` has other files now", old.path)
            } else {
                format!("`{}`, now `{}`", old.path, new.path)
            };
            add(DifferenceKind::Input, format!("input `{}`: {what}", old.name));
        }
    }
    if before.git_head != now.git_head {
        let shown = |head: &Option<String>| head.as_deref().map_or("none", short).to_owned();
        let text = format!("the commit: {}, now {}", shown(&before.git_head), shown(&now.git_head));
        add(DifferenceKind::Head, text);
    }
    if before.runner_version != now.runner_version {
        let text = format!("the runner: {}, now {}", before.runner_version, now.runner_version);
        add(DifferenceKind::Runner, text);
    }
    found
}

/// Every plugin of a plan, by step and name.
fn plugins(plan: &Plan) -> BTreeMap<&str, &PlanPlugin> {
    let all = plan.steps.iter().flat_map(|step| step.plugin.iter().chain(&step.profiler));
    all.map(|plugin| (plugin.manifest.name.as_str(), plugin)).collect()
}

/// Enough of a digest or commit for people.
fn short(digits: &str) -> &str {
    digits.get(..12).unwrap_or(digits)
}
