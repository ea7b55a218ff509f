//! Whether what a workflow names is there, before anything is run: [`prepare`].
//!
//! Programs, scripts, working directories, tests, packages, files that texts point into, ledgers, and the long
//! options that a program is given. Called by `validate`, `plan` and everything that runs steps. The program that
//! a step measures is never started to find out: sources are read. Each finding has a name that stays (`id`);
//! an error prevents the run, a warning goes into its summary. What is not sure is not said.

mod call;
mod cargo;
mod help;
mod options;
mod pointers;
mod programs;
mod pytest;
mod python;
mod shell;
mod site;
mod words;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::plan::{self, Plan, Request, Resolved, place};
use crate::spec::expression::Template;
use crate::spec::{Action, Command, Step, Workflow};
use call::{Call, calls, is_python, is_python_file};
use help::Helps;
use python::Options;
use site::{Earlier, Search, Site};
use words::{Text, UNKNOWN, Word};

/// A plan that can be run, and what is worth knowing before.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// Warnings and notes, each with its place; no error.
    pub warnings: Diagnostics,
}

impl Prepared {
    /// The warnings in one line each, for the summary of the run.
    pub fn surprises(&self) -> Vec<String> {
        let source = self.warnings.source();
        let warnings = self.warnings.list().iter().filter(|found| found.severity == Severity::Warning);
        let line = |found: &Diagnostic| {
            let place = found.span.map_or_else(String::new, |span| {
                let (line, column) = source.line_column(span.start);
                format!(" (workflow.yaml:{line}:{column})")
            });
            let help = found.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
            format!("known before the run: {}{place}{help}", found.message)
        };
        warnings.map(line).collect()
    }
}

/// Whether tools are asked for their `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tools {
    /// Files are read, and nothing else.
    Left,
    /// A few known tools outside of the project are asked; that takes some milliseconds for each.
    Asked,
}

/// Stands for the stamp, which a run has yet to get.
const STAMP: &str = "YYYYMMDDTHHMMSSZ";

/// Resolves a workflow and looks for everything that it names; every mistake is told at once.
pub fn prepare(workflow: &Workflow, request: &Request<'_>, tools: Tools) -> Result<Prepared, Diagnostics> {
    let resolved = plan::resolve(workflow, request);
    let mut found = look(workflow, request, &resolved, tools);
    let Resolved { plan, mistakes, .. } = resolved;
    let errors = found.iter().any(|found| found.severity == Severity::Error);
    let first = Diagnostics::new(workflow.source.clone(), mistakes);
    if errors || !first.list().is_empty() {
        // What hinders comes first; a note would only be in the way.
        found.retain(|found| found.severity != Severity::Note);
        return Err(first.and(found));
    }
    Ok(Prepared { plan, warnings: Diagnostics::new(workflow.source.clone(), found) })
}

/// The same of a workflow that has mistakes already: only the further ones.
pub fn mistakes(draft: &Workflow, request: &Request<'_>) -> Vec<Diagnostic> {
    let resolved = plan::resolve(draft, request);
    let mut found = look(draft, request, &resolved, Tools::Left);
    found.retain(|found| found.severity == Severity::Error);
    resolved.mistakes.into_iter().chain(found).collect()
}

fn look(workflow: &Workflow, request: &Request<'_>, resolved: &Resolved, tools: Tools) -> Vec<Diagnostic> {
    let root = request.root.canonicalize().unwrap_or_else(|_| request.root.to_owned());
    // The plan's own stand-in for the stamp, `<STAMP>`, would be a redirection in a shell line.
    let shown = format!("{}/{STAMP}", workflow.root.value.trim_end_matches('/'));
    let mut asked = resolved.scope.names().clone();
    asked["stamp"] = STAMP.into();
    asked["bundle"] = shown.as_str().into();
    let bundle = root.join(&shown);
    let mut earlier = Earlier::default();
    let mut helps = (tools == Tools::Asked).then(Helps::default);
    let mut found = pointers::check(&workflow.source, &root, &workflow.root.value);
    for step in &workflow.steps {
        let looker = Looker { workflow, root: &root, bundle: &bundle, step };
        // The values of a fallback may name something else.
        let fallback = step.fallback.as_ref().map(|fallback| {
            let mut names = asked.clone();
            for var in &fallback.vars {
                names["vars"][&var.name] = var.value.clone();
            }
            names
        });
        looker.ledger(resolved, &mut found);
        for names in std::iter::once(&asked).chain(&fallback) {
            looker.command(names, &earlier, helps.as_mut(), &mut found);
            looker.read_by_plugin(resolved, names, &earlier, &mut found);
        }
        remember(&mut earlier, step, &asked, &root);
        earlier.any = true;
        earlier.programs |= matches!(step.action, Action::Run(_));
    }
    found
}

/// Adds where a step may write.
fn remember(earlier: &mut Earlier, step: &Step, names: &Value, root: &Path) {
    for template in &step.writes {
        match known(template, names) {
            Some(text) => earlier.places.extend(place(root, &text)),
            None => earlier.anywhere = true,
        }
    }
}

fn known(template: &Template, names: &Value) -> Option<String> {
    Some(Text::of(template, names).value).filter(|text| !text.contains(UNKNOWN))
}

/// Looks at one step.
struct Looker<'a> {
    workflow: &'a Workflow,
    root: &'a Path,
    bundle: &'a Path,
    step: &'a Step,
}

impl Looker<'_> {
    fn command(
        &self,
        names: &Value,
        earlier: &Earlier,
        mut helps: Option<&mut Helps>,
        found: &mut Vec<Diagnostic>,
    ) {
        let Action::Run(command) = &self.step.action else { return };
        let Some(directory) = self.directory(names, earlier, found) else { return };
        let source = &self.workflow.source;
        let env = |name: &str| {
            let own = self.step.env.iter().find(|(known, _)| known == name);
            let inherited = || std::env::var_os(name).map_or(Search::Unset, Search::List);
            own.map_or_else(inherited, |(_, text)| {
                known(text, names).map_or(Search::Unknown, |text| Search::List(text.into()))
            })
        };
        let mut site = Site {
            source,
            root: self.root,
            bundle: self.bundle,
            step: &self.step.id,
            path: env("PATH"),
            python_path: env("PYTHONPATH")
                .list()
                .map(|list| std::env::split_paths(&list).map(|path| directory.join(path)).collect())
                .unwrap_or_default(),
            directory,
            earlier,
            certain: true,
            asks: false,
        };
        match command {
            Command::Argv(argv) => {
                let words: Vec<Word> = argv.iter().map(|text| Text::of(text, names).word()).collect();
                one(&site, &words, false, helps, found);
            }
            Command::Shell(line) => {
                // What a line makes itself is there for its later commands.
                let mut own = earlier.clone();
                own.any = true;
                remember(&mut own, self.step, names, self.root);
                let text = Text::of(line, names);
                let line = shell::commands(&text.value);
                (site.certain, site.asks) = (line.alone, line.asks);
                if !line.alone {
                    site.earlier = &own;
                }
                for command in line.commands {
                    let Some(directory) = &command.directory else { continue };
                    let words = command.words.into_iter();
                    let words: Vec<Word> = words
                        .map(|(word, range)| Word { text: word, span: text.span(source, &range) })
                        .collect();
                    let site = Site { directory: site.directory.join(directory), ..site.clone() };
                    one(&site, &words, true, helps.as_deref_mut(), found);
                }
            }
        }
    }

    /// The working directory, when it is known and there.
    fn directory(&self, names: &Value, earlier: &Earlier, found: &mut Vec<Diagnostic>) -> Option<PathBuf> {
        let Some(cwd) = &self.step.cwd else { return Some(self.root.to_owned()) };
        let text = known(cwd, names)?;
        let path = self.root.join(&text);
        if path.is_dir() {
            return Some(path);
        }
        let site = self.at_the_root(earlier);
        let what = if path.exists() { "not a directory" } else { "not in the project" };
        let missing = Diagnostic::new(cwd.span, format!("`cwd` of step `{}` is {what}", self.step.id))
            .help(site::near(&text, &path));
        found.extend(site.missing(&path, "cwd-missing", missing));
        None
    }

    fn at_the_root<'a>(&'a self, earlier: &'a Earlier) -> Site<'a> {
        Site {
            source: &self.workflow.source,
            root: self.root,
            bundle: self.bundle,
            step: &self.step.id,
            path: Search::Unset,
            python_path: Vec::new(),
            directory: self.root.to_owned(),
            earlier,
            certain: true,
            asks: false,
        }
    }

    /// The files that a plugin is told to read: the keys of its `with:` whose schema says `"x-reads": true`.
    fn read_by_plugin(
        &self,
        resolved: &Resolved,
        names: &Value,
        earlier: &Earlier,
        found: &mut Vec<Diagnostic>,
    ) {
        let Action::Use(used) = &self.step.action else { return };
        let planned = resolved.plan.steps.iter().find(|planned| planned.id == self.step.id);
        let Some(plugin) = planned.and_then(|planned| planned.plugin.as_ref()) else { return };
        let properties = plugin.manifest.config_schema["properties"].as_object().into_iter().flatten();
        for (key, _) in properties.filter(|(_, property)| property["x-reads"] == true) {
            let part = used.with.part(std::iter::once(key.as_str()));
            if part.span() == used.with.span() {
                // It is not given.
                continue;
            }
            for template in part.templates() {
                let Some(text) = known(template, names) else { continue };
                let site = self.at_the_root(earlier);
                let path = site.path_of(&text);
                if text.is_empty() || text.contains(['*', '?', '[']) || path.exists() {
                    continue;
                }
                let message =
                    format!("`{key}` of step `{}` names `{text}`, which is not there", self.step.id);
                let missing = Diagnostic::new(template.span, message).help(site::near(&text, &path));
                let missing = site.missing(&path, "input-missing", missing);
                found.extend(missing.filter(|missing| !found.contains(missing)));
            }
        }
    }

    /// The documents of a ledger step.
    fn ledger(&self, resolved: &Resolved, found: &mut Vec<Diagnostic>) {
        let Action::Use(used) = &self.step.action else { return };
        let planned = resolved.plan.steps.iter().find(|planned| planned.id == self.step.id);
        if !planned.is_some_and(plan::PlanStep::is_ledger) {
            return;
        }
        for key in ["ledger", "plan"] {
            let part = used.with.part(std::iter::once(key));
            let [template] = part.templates()[..] else { continue };
            let Some(text) = known(template, resolved.scope.names()) else { continue };
            let path = self.root.join(&text);
            if !path.exists() && part.span() != used.with.span() {
                let message = format!("the {key} `{text}` of step `{}` is not in the project", self.step.id);
                found.push(
                    Diagnostic::new(part.span(), message)
                        .help(site::near(&text, &path))
                        .weighing(Severity::Warning, "ledger-missing"),
                );
            }
        }
    }
}

/// Looks at one command.
fn one(
    site: &Site<'_>,
    words: &[Word],
    shell: bool,
    mut helps: Option<&mut Helps>,
    found: &mut Vec<Diagnostic>,
) {
    for call in calls(words) {
        let missing = programs::check(site, &call, shell);
        let gone = missing.is_some();
        found.extend(missing);
        if let (Call::Program { word, arguments }, Some(helps), false) = (call, helps.as_deref_mut(), gone)
            && let Some(answer) = helps.of(site, word, arguments)
        {
            let from = format!("these are what `{}` names", answer.question);
            let told = options::Told { program: &answer.tool, from };
            found.extend(options::check(site.source, arguments, answer.options, &told));
        }
        match call {
            _ if gone => break,
            Call::Program { word, arguments } | Call::Managed { word, arguments } => match word.base() {
                "pytest" | "py.test" => found.extend(pytest::check(site, arguments)),
                "cargo" => found.extend(cargo::check(site, arguments)),
                _ if word.text.contains('/') => found.extend(script_options(site, word, arguments)),
                _ => {}
            },
            Call::Script { word, arguments, python: true } => {
                found.extend(script_options(site, word, arguments));
            }
            Call::Module { word, arguments } if word.text == "pytest" => {
                found.extend(pytest::check(site, arguments));
            }
            Call::Module { word, arguments } => found.extend(module_options(site, word, arguments)),
            Call::Script { .. } => {}
        }
    }
}

/// The options of a Python script: one that Python is given, or one that says itself that it is Python.
fn script_options(site: &Site<'_>, word: &Word, arguments: &[Word]) -> Vec<Diagnostic> {
    let Some(name) = word.known() else { return Vec::new() };
    let path = site.path_of(name);
    let python = || {
        let first = python::modules::text(&path).and_then(|text| text.lines().next().map(str::to_owned));
        let parts = first.as_deref().and_then(|line| line.strip_prefix("#!")).unwrap_or_default();
        parts.split(['/', ' ']).any(|part| !part.is_empty() && is_python(part))
    };
    if is_python_file(name) || python() { python_options(site, &path, arguments) } else { Vec::new() }
}

fn module_options(site: &Site<'_>, word: &Word, arguments: &[Word]) -> Vec<Diagnostic> {
    let Some(name) = word.known() else { return Vec::new() };
    let roots = std::iter::once(&site.directory).chain(&site.python_path);
    let package = roots.into_iter().find_map(|root| {
        python::modules::file(root, &format!("{name}.__main__")).or_else(|| python::modules::file(root, name))
    });
    package.map(|path| python_options(site, &path, arguments)).unwrap_or_default()
}

fn python_options(site: &Site<'_>, path: &Path, arguments: &[Word]) -> Vec<Diagnostic> {
    // A parser is read only where there is something to hold against it.
    if !arguments.iter().any(|word| word.text.starts_with("--") && word.text.len() > 2) {
        return Vec::new();
    }
    let mut roots = site.python_path.clone();
    roots.extend([site.directory.clone(), site.root.to_owned(), site.root.join("src")]);
    let Some(options) = python::options(path, &roots, site.root) else { return Vec::new() };
    let Options { file, line, .. } = &options;
    let program = path.file_name().unwrap_or_default().to_string_lossy();
    let told =
        options::Told { program: &program, from: format!("its parser is at {}:{line}", site.shown(file)) };
    options::check(site.source, arguments, &options, &told)
}
