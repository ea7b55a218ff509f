//! [`Scope`]: the names that an expression of a workflow sees.

use serde_json::{Map, Value, json};

use crate::clock::Stamp;
use crate::plan::PlanInput;
use crate::spec::expression::{ExpressionError, Template};

/// The names `vars`, `stamp`, `bundle`, `inputs`, `git`, and (during a run) `steps`.
#[derive(Clone, Debug)]
pub struct Scope {
    names: Value,
    steps_known: bool,
}

impl Scope {
    /// A scope before any step has run. Without a stamp (a dry run) it reads `<STAMP>`.
    pub fn new(
        vars: &Map<String, Value>,
        stamp: Option<&Stamp>,
        bundle: &str,
        inputs: &[PlanInput],
        git_head: Option<&str>,
    ) -> Self {
        let inputs: Map<String, Value> = inputs
            .iter()
            .map(|input| (input.name.clone(), json!({ "path": input.path, "stamp": input.stamp })))
            .collect();
        let names = json!({
            "vars": vars,
            "stamp": stamp.map_or("<STAMP>", Stamp::as_str),
            "bundle": bundle,
            "inputs": inputs,
            "git": { "head": git_head },
        });
        Self { names, steps_known: false }
    }

    /// The same with other variables, for a fallback.
    #[must_use]
    pub fn with_vars(mut self, vars: Map<String, Value>) -> Self {
        self.names["vars"] = Value::Object(vars);
        self
    }

    /// The same with inputs that could not be resolved, so that only the input itself is reported.
    #[must_use]
    pub fn with_assumed_inputs<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        for name in names {
            self.names["inputs"][name] = json!({ "path": format!("<{name}>"), "stamp": "<STAMP>" });
        }
        self
    }

    /// The same with what earlier steps delivered: step to metric to value.
    #[must_use]
    pub fn with_steps(mut self, metrics: &Map<String, Value>) -> Self {
        let steps: Map<String, Value> =
            metrics.iter().map(|(step, values)| (step.clone(), json!({ "metrics": values }))).collect();
        self.names["steps"] = Value::Object(steps);
        self.steps_known = true;
        self
    }

    /// The names as JSON.
    pub fn names(&self) -> &Value {
        &self.names
    }

    /// Whether a template must wait for the run.
    pub fn defers(&self, template: &Template) -> bool {
        !self.steps_known && template.names().iter().any(|(name, _)| name.starts_with("steps."))
    }

    /// A template as text; one that must wait stays as it was written.
    pub fn render(&self, template: &Template) -> Result<String, ExpressionError> {
        if self.defers(template) { Ok(template.text().to_owned()) } else { template.render(&self.names) }
    }
}
