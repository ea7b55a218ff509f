//! `runner plan`: a dry run.

use std::fmt::Write;

use serde_json::Value;

use crate::cli::options::{Global, PlanOptions};
use crate::cli::{terminal, workflow};
use crate::diagnostic::counted;
use crate::evidence::{Secrets, one_line, with_line};
use crate::exit_code::ExitCode;
use crate::plan::{Plan, PlanAction, PlanAttempt, PlanStep, Request};
use crate::preflight::{self, Prepared, Tools};
use crate::process::bytes;
use crate::run::repeats;

/// Shows what a workflow would run.
pub fn run(global: &Global, options: &PlanOptions) -> ExitCode {
    let (checked, root) = match workflow::read(global, &options.workflow, &options.set) {
        Ok(read) => read,
        Err(code) => return code,
    };
    let catalog = workflow::catalog(global);
    let request = Request { root: &root, catalog: &catalog, set: &options.set, stamp: None, pins: &[] };
    match preflight::prepare(&checked, &request, Tools::Asked) {
        Ok(Prepared { plan, warnings }) => {
            let secrets = Secrets::of_environment();
            secrets.learn_plan(&plan);
            let plan = match secrets.record(plan) {
                Ok(plan) => plan,
                Err(error) => {
                    return workflow::complain(global, &format!("the plan cannot be shown: {error}"));
                }
            };
            if global.json {
                let mut document = serde_json::to_value(&plan).unwrap_or_default();
                document["warnings"] = workflow::list(&warnings).into();
                terminal::out(&serde_json::to_string_pretty(&document).unwrap_or_default());
            } else {
                workflow::warn(&warnings);
                terminal::out(show(&plan).trim_end());
                if let Some(refusal) = repeats::refusal(&plan, &root.join(&checked.root.value)) {
                    terminal::out(&format!("`runner run` would refuse: {refusal}"));
                }
            }
            ExitCode::Complete
        }
        Err(mistakes) => workflow::refuse(global, &mistakes),
    }
}

fn show(plan: &Plan) -> String {
    let mut text = format!("{}\n", plan.workflow.title);
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<10}{value}");
    };
    line("bundle", &plan.bundle);
    line("commit", plan.git_head.as_deref().unwrap_or("none"));
    if !plan.vars.is_empty() {
        line("variables", &with_line(&Value::Object(plan.vars.clone())));
    }
    for input in &plan.inputs {
        line("input", &format!("{} = {}", input.name, input.path));
    }
    if !plan.requires.is_empty() {
        line("requires", &plan.requires.join(" "));
    }
    if let Some(count) = plan.stop_after_repeats {
        line("stops", &format!("after {}", counted(count, "identical failure")));
    }
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&show_step(index + 1, step));
    }
    text.push_str("\nNothing was run.\n");
    text
}

fn show_step(number: usize, step: &PlanStep) -> String {
    let always = if step.always { " (always)" } else { "" };
    let mut text = format!("\n{number}. {}{always}\n", step.id);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "   {name:<10}{value}");
    };
    line("command", &command(step, &step.asked));
    if let Some(plugin) = &step.plugin {
        line(
            "plugin",
            &format!("{} {} ({})", plugin.manifest.name, plugin.manifest.version, plugin.manifest.role),
        );
    }
    if let (Some(profiler), Some(with)) = (&step.profiler, &step.asked.profile) {
        line("profile", &format!("{} {}", profiler.manifest.name, with_line(with)));
    }
    if !step.asked.env.is_empty() {
        line("env", &with_line(&Value::Object(step.asked.env.clone())));
    }
    if let Some(log) = &step.asked.log {
        line("log", log);
    }
    let limits = limits(&step.asked);
    if !limits.is_empty() {
        line("limits", &limits);
    }
    for gate in &step.gates {
        line("gate", gate);
    }
    if step.retry > 0 {
        line("retry", &format!("{} times", step.retry));
    }
    if let Some(fallback) = &step.fallback {
        let when = serde_json::to_value(&fallback.when).unwrap_or_default();
        let when: Vec<&str> = when.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        line("fallback", &format!("after {}: {}", when.join(", "), command(step, &fallback.attempt)));
    }
    text
}

fn command(step: &PlanStep, attempt: &PlanAttempt) -> String {
    match (&attempt.action, &step.plugin) {
        (PlanAction::Run { argv, .. }, _) => one_line(argv),
        (PlanAction::Use { with }, Some(plugin)) => {
            format!("{} {}", plugin.manifest.name, with_line(with)).trim_end().to_owned()
        }
        (PlanAction::Use { with }, None) => with_line(with),
    }
}

fn limits(attempt: &PlanAttempt) -> String {
    let time = attempt.limits.time_s.map(|seconds| format!("time {seconds} s"));
    let memory = attempt.limits.memory_bytes.map(|limit| format!("memory {}", bytes(limit)));
    let output = attempt.limits.output_bytes.map(|limit| format!("output {}", bytes(limit)));
    time.into_iter().chain(memory).chain(output).collect::<Vec<_>>().join(", ")
}
