//! [`build`]: resolves a workflow into a [`Plan`], and collects every mistake that shows only now: a plugin
//! that is not there or has another role, a `with:` that its schema refuses. Programs are the business of
//! `preflight`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::catalog::{Catalog, Mismatch, Role, mismatches};
use crate::clock::Stamp;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, did_you_mean};
use crate::fs::{digest_bytes, digest_program, display_relative};
use crate::plan::step::{PlanAction, PlanAttempt, PlanFallback, PlanPlugin, PlanStep, resolve_attempt};
use crate::plan::{Override, Plan, PlanInput, PlanWorkflow, Scope, inputs, place};
use crate::spec::{Action, Fallback, PluginUse, Step, Workflow};
use crate::{git, spec};

/// What the command line adds to a workflow.
#[derive(Debug)]
pub struct Request<'a> {
    /// The project root.
    pub root: &'a Path,
    /// Where plugins are.
    pub catalog: &'a Catalog,
    /// `--set NAME=VALUE`: texts that are read as YAML scalars.
    pub set: &'a [(String, String)],
    /// The stamp of the bundle; `None` in a dry run.
    pub stamp: Option<Stamp>,
    /// Inputs as an earlier plan resolved them: these stamps are taken again, not the newest ones.
    pub pins: &'a [PlanInput],
}

/// What could be resolved, and what could not.
#[derive(Debug)]
pub struct Resolved {
    /// The plan. It is good for running only when there is no mistake.
    pub plan: Plan,
    /// The names that expressions see before the run.
    pub scope: Scope,
    /// The mistakes.
    pub mistakes: Vec<Diagnostic>,
}

/// Resolves a workflow.
pub fn build(workflow: &Workflow, request: &Request<'_>) -> Result<Plan, Diagnostics> {
    let Resolved { plan, mistakes, .. } = resolve(workflow, request);
    if mistakes.is_empty() { Ok(plan) } else { Err(Diagnostics::new(workflow.source.clone(), mistakes)) }
}

/// Resolves as much of a workflow as can be, for those who look for its mistakes.
pub fn resolve(workflow: &Workflow, request: &Request<'_>) -> Resolved {
    let mut mistakes = Vec::new();
    let mut overrides = BTreeMap::new();
    let vars = variables(workflow, request.set, &mut overrides, &mut mistakes);
    let mut assumed: Vec<&str> = workflow.broken_inputs.iter().map(String::as_str).collect();
    let mut inputs: Vec<PlanInput> = Vec::new();
    for input in &workflow.inputs {
        let pin = request.pins.iter().find(|pin| pin.name == input.name);
        match inputs::resolve(input, request.root, pin.map(|pin| &pin.stamp)) {
            Ok(resolved) => inputs.push(resolved),
            Err(error) => {
                assumed.push(&input.name);
                mistakes.push(Diagnostic::new(input.bundle.span, error.message).help(error.help));
            }
        }
    }
    let stamp = request.stamp.as_ref();
    let bundle =
        format!("{}/{}", workflow.root.value.trim_end_matches('/'), stamp.map_or("<STAMP>", Stamp::as_str));
    let git_head = git::head(request.root);
    let scope = Scope::new(&vars, stamp, &bundle, &inputs, git_head.as_deref()).with_assumed_inputs(assumed);
    let mut resolver = Resolver { request, scope: &scope, vars: &vars, mistakes: &mut mistakes };
    let steps: Vec<PlanStep> = workflow.steps.iter().filter_map(|step| resolver.step(step)).collect();
    ledger_last(workflow, &steps, &mut mistakes);
    one_profile_a_directory(workflow, &steps, &mut mistakes);
    let path = workflow.source.path.canonicalize().unwrap_or_else(|_| workflow.source.path.clone());
    let plan = Plan {
        version: 1,
        runner_version: env!("CARGO_PKG_VERSION").to_owned(),
        workflow: PlanWorkflow {
            id: workflow.id.clone(),
            title: workflow.title.clone(),
            focus: workflow.focus.clone(),
            mode: workflow.mode.clone(),
            path: display_relative(&path, request.root),
            sha256: digest_bytes(workflow.source.text.as_bytes()),
        },
        stamp: request.stamp.clone(),
        bundle,
        git_head,
        vars,
        overrides,
        inputs,
        requires: workflow.requires.iter().map(|required| required.value.clone()).collect(),
        stop_after_repeats: workflow.stop_after_repeats,
        rerun_of: None,
        steps,
        root: request.root.to_owned(),
        sources: workflow.steps.clone(),
    };
    Resolved { plan, scope, mistakes }
}

fn variables(
    workflow: &Workflow,
    set: &[(String, String)],
    overrides: &mut BTreeMap<String, Override>,
    mistakes: &mut Vec<Diagnostic>,
) -> Map<String, Value> {
    let mut vars: Map<String, Value> =
        workflow.vars.iter().map(|var| (var.name.clone(), var.value.clone())).collect();
    for (index, (name, text)) in set.iter().enumerate() {
        if let Some((_, first)) = set[..index].iter().find(|(known, _)| known == name) {
            let message = format!("--set {name}={text}: `{name}` was set to `{first}` already");
            mistakes.push(Diagnostic::unplaced(message).help("say one of them"));
            continue;
        }
        let Some(slot) = vars.get_mut(name) else {
            let known: Vec<&str> = workflow.vars.iter().map(|var| var.name.as_str()).collect();
            mistakes.push(
                Diagnostic::unplaced(format!("--set {name}={text}: the workflow has no variable `{name}`"))
                    .help(if known.is_empty() {
                        "it has none at all: add it to `vars:` first".to_owned()
                    } else {
                        did_you_mean(name, known.iter().copied())
                    }),
            );
            continue;
        };
        let source = crate::diagnostic::Source { path: PathBuf::from("--set"), text: text.clone() };
        let Ok(node) = spec::node::parse(&source) else {
            let message = format!("--set {name}={text}: the value is not valid YAML");
            mistakes
                .push(Diagnostic::unplaced(message).help("put quotes around a text: `--set 'NAME=\"[1\"'`"));
            continue;
        };
        *slot = node.to_json();
        overrides.remove(name);
        let says = workflow.vars.iter().find(|var| var.name == *name).map(|var| &var.value);
        if let Some(says) = says.filter(|says| *says != slot) {
            overrides.insert(name.clone(), Override { workflow: says.clone(), set: slot.clone() });
        }
    }
    vars
}

/// A profile must not replace that of an earlier step.
fn one_profile_a_directory(workflow: &Workflow, steps: &[PlanStep], mistakes: &mut Vec<Diagnostic>) {
    let out = |step: &PlanStep| {
        let profiler = step.profiler.as_ref()?;
        let stated = step.asked.profile.as_ref().and_then(|with| with.get("out")).cloned();
        stated.or_else(|| profiler.manifest.config_schema.pointer("/properties/out/default").cloned())
    };
    for (index, late) in steps.iter().enumerate() {
        let Some(place) = out(late) else { continue };
        let Some(first) = steps[..index].iter().find(|early| out(early).as_ref() == Some(&place)) else {
            continue;
        };
        let step = workflow.steps.iter().find(|step| step.id == late.id);
        let Some(profile) = step.and_then(|step| step.profile.as_ref()) else { continue };
        let place = place.as_str().unwrap_or_default().to_owned();
        let message =
            format!("steps `{}` and `{}` would both write their profile to `{place}/`", first.id, late.id);
        mistakes.push(
            Diagnostic::new(profile.plugin.span, message).help(format!(
                "give this one a directory of its own: `with: {{ out: {place}/{} }}`",
                late.id
            )),
        );
    }
}

/// The ledger records how the run ended, once, so nothing may come after it.
fn ledger_last(workflow: &Workflow, steps: &[PlanStep], mistakes: &mut Vec<Diagnostic>) {
    let Some(first) = steps.iter().position(PlanStep::is_ledger) else { return };
    for late in steps.iter().skip(first + 1) {
        // A step that could not be resolved is not among the plan's, so the places do not correspond.
        for step in workflow.steps.iter().filter(|step| step.id == late.id) {
            let (message, help) = if late.is_ledger() {
                let message = format!("step `{}` is a second ledger step", step.id);
                (message, "the end of a run is recorded once: remove one of them")
            } else {
                let message = format!("step `{}` comes after the ledger", step.id);
                (message, "the ledger records how the run ended: put it last")
            };
            mistakes.push(Diagnostic::new(step.span, message).help(help));
        }
    }
}

/// Where a mismatch is corrected, and what is said there. A value that comes from a variable stands somewhere
/// else than the text that the schema refuses: in `fallback.vars`, in `vars`, or on the command line.
fn place_of(
    mismatch: &Mismatch,
    used: &PluginUse,
    scope: &Scope,
    fallback: Option<&Fallback>,
) -> (Span, String) {
    let path = mismatch.path.iter().map(String::as_str);
    let part = used.with.part(path);
    if let Some(unknown) = &mismatch.unknown {
        let above = used.with.part(mismatch.path[..mismatch.path.len() - 1].iter().map(String::as_str));
        return (above.key_span(unknown).unwrap_or(part.span()), "unknown key".to_owned());
    }
    let templates = part.templates();
    let [template] = templates.as_slice() else { return (part.span(), String::new()) };
    let names = template.names();
    let mut variables = names.iter().filter_map(|(name, _)| name.strip_prefix("vars."));
    let Some(variable) = variables.next() else { return (part.span(), String::new()) };
    let changed = fallback.and_then(|fallback| fallback.vars.iter().find(|var| var.name == variable));
    if let Some(changed) = changed {
        return (changed.span, format!("the fallback's `{variable}`"));
    }
    let value = &scope.names()["vars"][variable];
    (part.span(), format!("`{variable}` is {value}"))
}

struct Resolver<'a> {
    request: &'a Request<'a>,
    scope: &'a Scope,
    vars: &'a Map<String, Value>,
    mistakes: &'a mut Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn step(&mut self, step: &Step) -> Option<PlanStep> {
        // What could not be found is reported; the rest of the step is looked at all the same.
        let (plugin, used) = match &step.action {
            Action::Run(_) => (None, false),
            Action::Use(plugin) => (self.plugin(plugin, &[Role::Kernel, Role::Capture, Role::Ledger]), true),
        };
        let profiler = step.profile.as_ref().and_then(|profile| self.plugin(profile, &[Role::Profiler]));
        if let (Some(plugin), Some(profile)) = (&plugin, &step.profile)
            && plugin.manifest.role != Role::Kernel
        {
            let name = &plugin.manifest.name;
            let message = format!(
                "`profile` needs a kernel or a program; `{name}` is a {} plugin",
                plugin.manifest.role
            );
            self.mistakes.push(
                Diagnostic::new(profile.plugin.span, message)
                    .help("measured iterations and programs of `run` are profiled: remove `profile`"),
            );
        }
        if let (Some(plugin), Some(metrics)) = (&plugin, &step.metrics)
            && plugin.manifest.role != Role::Capture
        {
            let (name, role) = (&plugin.manifest.name, plugin.manifest.role);
            let help = match role {
                Role::Kernel => "remove it; a kernel delivers its metrics by itself",
                _ => "remove it; only a capture's JSON is read for metrics",
            };
            let message = format!("`metrics` of step `{}`: `{name}` is a {role} plugin", step.id);
            self.mistakes.push(Diagnostic::new(metrics.span, message).help(help));
        }
        let asked = self.attempt(step, &Map::new(), plugin.as_ref(), profiler.as_ref())?;
        if plugin.is_some() != used || profiler.is_some() != step.profile.is_some() {
            return None;
        }
        let fallback = match &step.fallback {
            None => None,
            Some(fallback) => {
                let overlay: Map<String, Value> =
                    fallback.vars.iter().map(|var| (var.name.clone(), var.value.clone())).collect();
                let attempt = self.attempt(step, &overlay, plugin.as_ref(), profiler.as_ref())?;
                Some(PlanFallback { when: fallback.when.clone(), attempt })
            }
        };
        Some(PlanStep {
            id: step.id.clone(),
            always: step.always,
            retry: step.retry,
            gates: step.gates.iter().map(|gate| gate.expression.source().to_owned()).collect(),
            plugin,
            profiler,
            asked,
            fallback,
        })
    }

    fn plugin(&mut self, used: &PluginUse, roles: &[Role]) -> Option<PlanPlugin> {
        let span = used.plugin.span;
        let found = match self.request.catalog.find(&used.plugin.value, self.request.root) {
            Ok(found) => found,
            Err(missing) => {
                self.mistakes.push(Diagnostic::new(span, missing.message).help(missing.help).missing());
                return None;
            }
        };
        let (name, role) = (&found.manifest.name, found.manifest.role);
        if !roles.contains(&role) {
            let (wanted, help) = if roles == [Role::Profiler] {
                ("a profiler", "`runner plugins list` shows the role of each".to_owned())
            } else {
                let help = format!("it goes beside a kernel or a program: `profile: {{ uses: {name} }}`");
                ("a kernel, capture or ledger plugin", help)
            };
            self.mistakes.push(
                Diagnostic::new(span, format!("`{name}` is a {role} plugin; this place needs {wanted}"))
                    .help(help),
            );
            return None;
        }
        let sha256 = match digest_program(&found.path) {
            Ok(sha256) => sha256,
            Err(error) => {
                let message = format!("the plugin `{name}` cannot be read: {error}");
                self.mistakes.push(Diagnostic::new(span, message).missing());
                return None;
            }
        };
        if let Some(pinned) = &used.sha256
            && !pinned.value.eq_ignore_ascii_case(sha256.as_str())
        {
            self.mistakes.push(
                Diagnostic::new(pinned.span, format!("the plugin `{name}` is not the pinned one"))
                    .help(format!("its file has sha256 {sha256}")),
            );
        }
        Some(PlanPlugin { path: found.path, sha256, manifest: found.manifest })
    }

    fn attempt(
        &mut self,
        step: &Step,
        overlay: &Map<String, Value>,
        plugin: Option<&PlanPlugin>,
        profiler: Option<&PlanPlugin>,
    ) -> Option<PlanAttempt> {
        let mut names = self.scope.clone();
        if !overlay.is_empty() {
            let mut vars = self.vars.clone();
            vars.extend(overlay.clone());
            names = names.with_vars(vars);
        }
        let attempt = match resolve_attempt(step, &names, overlay, self.vars) {
            Ok(attempt) => attempt,
            Err(mistakes) => {
                self.mistakes.extend(mistakes);
                return None;
            }
        };
        for (write, template) in attempt.writes.iter().zip(&step.writes) {
            self.not_the_project(write, template.span);
        }
        if let (PlanAction::Use { with }, Action::Use(used), Some(plugin)) =
            (&attempt.action, &step.action, plugin)
        {
            self.schema(with, used, plugin, &names, step.fallback.as_ref().filter(|_| !overlay.is_empty()));
        }
        if let (Some(with), Some(used), Some(profiler)) = (&attempt.profile, &step.profile, profiler) {
            self.schema(with, used, profiler, &names, step.fallback.as_ref().filter(|_| !overlay.is_empty()));
        }
        Some(attempt)
    }

    /// A step that may write the whole project is no evidence-only step.
    fn not_the_project(&mut self, write: &str, span: Span) {
        let root = self.request.root.canonicalize().unwrap_or_else(|_| self.request.root.to_owned());
        if place(&root, write).is_some_and(|place| root.starts_with(place)) {
            self.mistakes.push(
                Diagnostic::new(span, format!("`writes: [{write}]` would allow the whole project")).help(
                    "evidence-only: name the directory below it that the program writes, such as `out/`",
                ),
            );
        }
    }

    /// Holds a plugin's `with:` against its own schema. What waits for the run is checked by the plugin.
    /// `fallback` is there when it is the fallback's values that are held against it.
    fn schema(
        &mut self,
        with: &Value,
        used: &PluginUse,
        plugin: &PlanPlugin,
        scope: &Scope,
        fallback: Option<&Fallback>,
    ) {
        let open = used.with.templates().iter().any(|template| scope.defers(template));
        if open || !plugin.manifest.config_schema.is_object() {
            return;
        }
        let (name, schema) = (&plugin.manifest.name, &plugin.manifest.config_schema);
        let found = match mismatches(schema, with) {
            Ok(found) => found,
            Err(error) => {
                let message = format!("the config schema of plugin `{name}` is not valid: {error}");
                self.mistakes.push(Diagnostic::new(used.plugin.span, message));
                return;
            }
        };
        for mismatch in found {
            let place = mismatch.path.iter().fold("with".to_owned(), |place, part| format!("{place}.{part}"));
            let help = match &mismatch.unknown {
                Some(unknown) => {
                    let known = schema["properties"].as_object().into_iter().flat_map(Map::keys);
                    let known: Vec<&str> = known.map(String::as_str).collect();
                    did_you_mean(unknown, known.iter().copied())
                }
                None => format!("see `runner plugins info {name}`"),
            };
            let message = format!("plugin `{name}` refuses `{place}`: {}", mismatch.message);
            let (span, label) = place_of(&mismatch, used, scope, fallback);
            self.mistakes.push(Diagnostic::new(span, message).label(label).help(help));
        }
    }
}
