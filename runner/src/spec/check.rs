//! The third pass: [`RawWorkflow`] to [`Workflow`]. Checks what can be known without looking outside the
//! file: names, references, expressions, stamps, and combinations that make no sense.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::clock::Stamp;
use crate::diagnostic::{Diagnostic, Source, Span, did_you_mean, one_of};
use crate::spec::expression::{Expression, ExpressionError, Template};
use crate::spec::node::{Key, Node};
use crate::spec::pattern::Pattern;
use crate::spec::place;
use crate::spec::raw::{RawCommand, RawFallback, RawInput, RawMetrics, RawStep, RawWorkflow};
use crate::spec::reader::{Placed, Reader};
use crate::spec::reserved;
use crate::spec::tree::TemplateTree;
use crate::spec::{
    Action, Collect, Command, Fallback, Fault, Figures, Gate, Input, Limits, MetricsFile, PluginUse,
    StampChoice, Step, Var, Workflow,
};

/// Checks a decoded workflow; its mistakes go to the reader. What has one is left out of the result.
pub fn check(raw: RawWorkflow, source: Source, reader: &mut Reader<'_>) -> Workflow {
    word(reader, &raw.id, "the workflow's `id`");
    for name in raw.vars.iter().map(|(key, _)| key) {
        word(reader, &Placed { value: name.name.clone(), span: name.span }, "a variable's name");
    }
    below_root(reader, &raw.root, "`bundle.root`");
    for required in &raw.requires {
        below_root(reader, required, "`bundle.requires`");
    }
    let vars: Vec<Var> = raw.vars.iter().map(|(key, node)| variable(key, node)).collect();
    let input_names: Vec<String> = raw.inputs.iter().map(|input| input.name.value.clone()).collect();
    let inputs: Vec<Input> = raw.inputs.into_iter().filter_map(|input| check_input(reader, input)).collect();
    let broken_inputs = input_names.iter().filter(|name| !inputs.iter().any(|input| input.name == **name));
    let broken_inputs = broken_inputs.cloned().collect();
    let all_steps: Vec<String> = raw.steps.iter().map(|step| step.id.value.clone()).collect();
    let mut checker = Checker {
        reader,
        source: &source,
        vars: &vars,
        inputs: &input_names,
        steps: &all_steps,
        earlier: Vec::new(),
        logs: Vec::new(),
        used: BTreeSet::new(),
    };
    let mut steps: Vec<Step> = Vec::new();
    for step in raw.steps {
        let id = step.id.clone();
        word(checker.reader, &id, "a step's `id`");
        reserved::step_id(checker.reader, &id);
        if checker.earlier.contains(&id.value) {
            checker.reader.mistake(
                Diagnostic::new(id.span, format!("two steps are called `{}`", id.value))
                    .label("the second one")
                    .help("files and expressions name a step by its id: give each its own"),
            );
        }
        steps.extend(checker.step(step));
        checker.earlier.push(id.value);
    }
    Workflow {
        id: raw.id.value.clone(),
        title: raw.title.map_or(raw.id.value, |title| title.value),
        focus: raw.focus.map(|focus| focus.value),
        mode: raw.mode.map(|mode| mode.value),
        root: raw.root,
        requires: raw.requires,
        vars,
        inputs,
        broken_inputs,
        stop_after_repeats: raw.stop_after_repeats,
        steps,
        source,
    }
}

fn variable(key: &Key, node: &Node) -> Var {
    Var { name: key.name.clone(), value: node.to_json(), span: node.span }
}

/// Names become file names and parts of expressions, so they are plain words.
fn word(reader: &mut Reader<'_>, name: &Placed<String>, what: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = name.value.chars().next();
    let hyphens = what.contains("workflow");
    if first.is_none_or(|c| !c.is_ascii_alphabetic())
        || !name.value.chars().all(|c| plain(c) || hyphens && c == '-')
    {
        reader.mistake(
            Diagnostic::new(name.span, format!("{what} must be a word, not `{}`", name.value)).help(
                if hyphens {
                    "use letters, digits, `_` and `-`, beginning with a letter"
                } else {
                    "use letters, digits and `_`, beginning with a letter"
                },
            ),
        );
    }
}

/// A name that the system does not take as that of an environment variable.
fn variable_name(reader: &mut Reader<'_>, key: &Key) {
    if key.name.is_empty() || key.name.contains(['=', '\0']) {
        let message = format!("`{}` cannot be the name of a variable in `env`", key.name.escape_default());
        reader.mistake(
            Diagnostic::new(key.span, message)
                .help("write `NAME: value`; a name is not empty and has no `=` in it"),
        );
    }
}

/// Whether a path stays inside the project; one that does not is told.
fn below_root(reader: &mut Reader<'_>, path: &Placed<String>, what: &str) -> bool {
    let bad = path.value.is_empty()
        || path.value.starts_with('/')
        || path.value.split('/').any(|part| part == ".." || part == "." && path.value != ".");
    if bad {
        reader.mistake(
            Diagnostic::new(
                path.span,
                format!("{what} must be a relative path without `..`, not `{}`", path.value),
            )
            .help("evidence stays inside the project"),
        );
    }
    !bad
}

/// A path outside of the project that a step may write to. It is named on purpose, so it may lie anywhere.
fn without_parents(reader: &mut Reader<'_>, path: &Placed<String>, what: &str) {
    if path.value.contains("${{") || !path.value.split('/').any(|part| part == "..") {
        return;
    }
    reader.mistake(
        Diagnostic::new(path.span, format!("{what} must be a path without `..`, not `{}`", path.value))
            .help("name the directory itself"),
    );
}

fn check_input(reader: &mut Reader<'_>, raw: RawInput) -> Option<Input> {
    word(reader, &raw.name, "an input's name");
    below_root(reader, &raw.bundle, "an input's `bundle`");
    let stamp = if raw.stamp.value == "latest" {
        StampChoice::Latest
    } else if let Some(stamp) = Stamp::parse(&raw.stamp.value) {
        StampChoice::Exact(stamp)
    } else {
        let message = format!("`{}` is not a stamp", raw.stamp.value);
        let help = "write `latest` or the name of a bundle, such as 20261122T101112Z";
        reader.mistake(Diagnostic::new(raw.stamp.span, message).help(help));
        return None;
    };
    Some(Input { name: raw.name.value, bundle: raw.bundle, stamp })
}

/// What the steps need to know of the rest.
struct Checker<'a, 't> {
    reader: &'a mut Reader<'t>,
    source: &'a Source,
    vars: &'a [Var],
    inputs: &'a [String],
    steps: &'a [String],
    earlier: Vec<String>,
    /// The logs of the steps before, and whose they are.
    logs: Vec<(String, String)>,
    /// The variables that the step names.
    used: BTreeSet<String>,
}

impl Checker<'_, '_> {
    fn step(&mut self, raw: RawStep) -> Option<Step> {
        self.used.clear();
        let mistakes = self.reader.mistakes.len();
        self.combinations(&raw);
        self.places(&raw);
        for (key, _) in &raw.env {
            variable_name(self.reader, key);
        }
        let env =
            raw.env.iter().filter_map(|(key, text)| Some((key.name.clone(), self.template(text)?))).collect();
        let cwd = raw.cwd.as_ref().and_then(|text| self.template(text));
        let log = raw.log.as_ref().and_then(|text| self.template(text));
        let profile = raw.profile.and_then(|profile| {
            let with = profile.with.as_ref();
            self.plugin(profile.uses, profile.sha256, with)
        });
        let metrics = raw.metrics.and_then(|metrics| self.metrics(&metrics, &raw.id.value));
        let before = self.used.clone();
        let gates = raw.gates.iter();
        let gates = gates.filter_map(|text| {
            let expression = self.expression(text, &["metrics", "vars"])?;
            if expression.names().is_empty() {
                self.reader.mistake(
                    Diagnostic::new(
                        text.span,
                        "this gate names no metric and no variable, so it is no condition",
                    )
                    .help("compare something with something: `metrics.correlation >= 0.999`"),
                );
                return None;
            }
            Some(Gate { expression, span: text.span })
        });
        let gates = gates.collect();
        // A gate runs nothing.
        self.used = before;
        let limits = Limits {
            time: raw.time.as_ref().and_then(|text| self.template(text)),
            memory: raw.memory.as_ref().and_then(|text| self.template(text)),
            output: raw.output.as_ref().and_then(|text| self.template(text)),
        };
        let fallback = raw.fallback.map(|fallback| self.fallback(&fallback));
        let collect = raw.collect.iter();
        let collect = collect
            .filter_map(|(from, to)| Some(Collect { from: self.template(from)?, to: self.template(to)? }));
        let collect = collect.collect();
        let writes = raw.writes.iter().filter_map(|text| self.template(text)).collect();
        let reads = raw.reads.iter().filter_map(|text| self.template(text)).collect();
        let action = match (raw.run, raw.uses) {
            (Some(RawCommand::Argv(argv)), None) => Action::Run(Command::Argv(
                argv.iter().map(|text| self.template(text)).collect::<Option<_>>()?,
            )),
            (Some(RawCommand::Shell(line)), None) => Action::Run(Command::Shell(self.template(&line)?)),
            (None, Some(uses)) => Action::Use(self.plugin(uses, raw.sha256, raw.with.as_ref())?),
            _ => return None,
        };
        // What cannot be read may use anything.
        if self.reader.mistakes.len() == mistakes {
            self.idle_changes(&raw.id.value, fallback.as_ref());
        }
        Some(Step {
            id: raw.id.value,
            span: raw.id.span,
            action,
            env,
            cwd,
            log,
            metrics,
            gates,
            limits,
            profile,
            fallback,
            retry: raw.retry,
            collect,
            writes,
            reads,
            always: raw.always,
        })
    }

    /// Where the step works and writes: inside the project, and not over the evidence of the runner or of
    /// another step.
    fn metrics(&mut self, raw: &RawMetrics, step: &str) -> Option<MetricsFile> {
        let figures = match (&raw.values, &raw.patterns) {
            (Some(values), None) => {
                let values = values.iter();
                let values = values
                    .filter_map(|(key, text)| Some((key.name.clone(), self.expression(text, &["result"])?)));
                Figures::Values(values.collect())
            }
            (None, Some(patterns)) => {
                let patterns = patterns.iter();
                let patterns = patterns.filter_map(|(key, text)| match Pattern::parse(&text.value) {
                    Ok(pattern) => Some((key.name.clone(), pattern)),
                    Err(message) => {
                        let message = format!("the pattern of `{}` cannot be used: {message}", key.name);
                        self.reader.mistake(
                            Diagnostic::new(text.span, message)
                                .help("a pattern looks like `'^([0-9]+) tests? collected'`"),
                        );
                        None
                    }
                });
                Figures::Patterns(patterns.collect())
            }
            (both, _) => {
                let has = if both.is_some() {
                    "both `values` and `patterns`"
                } else {
                    "no `values` and no `patterns`"
                };
                self.reader.mistake(Diagnostic::new(raw.span, format!("`metrics` has {has}")).help(
                    "`values` takes figures from JSON, `patterns` from the text that a program printed",
                ));
                return None;
            }
        };
        // A capture's JSON is `<step id>.json`.
        let own = || Placed { value: format!("{step}.json"), span: raw.span };
        let file = raw.file.clone().unwrap_or_else(own);
        Some(MetricsFile { file: self.template(&file)?, span: raw.span, figures })
    }

    fn places(&mut self, raw: &RawStep) {
        let id = &raw.id.value;
        for (key, path) in
            raw.cwd.iter().map(|cwd| ("cwd", cwd)).chain(raw.reads.iter().map(|path| ("reads", path)))
        {
            below_root(self.reader, path, &format!("`{key}` of step `{id}`"));
        }
        for path in &raw.writes {
            if ["/", "~/", "$"].iter().any(|start| path.value.starts_with(start)) && path.value != "/" {
                without_parents(self.reader, path, &format!("`writes` of step `{id}`"));
            } else {
                below_root(self.reader, path, &format!("`writes` of step `{id}`"));
            }
        }
        for (from, to) in &raw.collect {
            let inside = below_root(self.reader, from, &format!("`collect.from` of step `{id}`"));
            reserved::place(self.reader, to, &format!("`collect.to` of step `{id}`"));
            let allowed = |path: &Placed<String>| from.value.starts_with(path.value.trim_end_matches('/'));
            let program = raw.run.is_some();
            if program && inside && !raw.writes.iter().any(|path| path.value.contains("${{") || allowed(path))
            {
                let directory = from.value.split('*').next().unwrap_or_default();
                self.reader.mistake(
                    Diagnostic::new(
                        from.span,
                        format!("step `{id}` collects what its `writes` does not allow"),
                    )
                    .help(format!(
                        "what is collected is moved out of the project: say so with `writes: [{}]`",
                        if directory.is_empty() { "a directory/" } else { directory }
                    )),
                );
            }
        }
        let Some(log) = &raw.log else { return };
        reserved::place(self.reader, log, &format!("`log` of step `{id}`"));
        if log.value.contains("${{") {
            return;
        }
        let path = reserved::plain(&log.value);
        if let Some((_, other)) = self.logs.iter().find(|(known, _)| *known == path) {
            self.reader.mistake(
                Diagnostic::new(log.span, format!("steps `{other}` and `{id}` have the same `log`"))
                    .label("the second one")
                    .help("the second would overwrite the first: give each its own"),
            );
        } else {
            self.logs.push((path, id.clone()));
        }
    }

    /// Keys that contradict each other.
    fn combinations(&mut self, raw: &RawStep) {
        let id = &raw.id.value;
        match (&raw.run, &raw.uses) {
            (None, None) => self.reader.mistake(
                Diagnostic::new(raw.span, format!("step `{id}` does nothing"))
                    .help("give it `run:` (a program) or `uses:` (a plugin)"),
            ),
            (Some(_), Some(uses)) => self.reader.mistake(
                Diagnostic::new(uses.span, format!("step `{id}` has both `run` and `uses`"))
                    .help("a step does one thing: make two steps of it"),
            ),
            (Some(RawCommand::Argv(argv)), None) if argv.is_empty() => {
                self.reader.mistake(
                    Diagnostic::new(raw.span, format!("`run` of step `{id}` names no program"))
                        .help("write the program and its arguments: `run: [cargo, test]`"),
                );
            }
            _ => {}
        }
        let only_plugins = [
            ("with", raw.with.as_ref().map(|with| with.span)),
            ("sha256", raw.sha256.as_ref().map(|s| s.span)),
        ];
        let only_programs = [
            ("cwd", raw.cwd.as_ref().map(|cwd| cwd.span)),
            ("log", raw.log.as_ref().map(|log| log.span)),
            ("collect", raw.collect.first().map(|(from, _)| from.span)),
        ];
        let (keys, other): (&[(&str, Option<Span>)], &str) =
            if raw.run.is_some() { (&only_plugins, "uses") } else { (&only_programs, "run") };
        for (key, span) in keys {
            if let Some(span) = span.filter(|_| raw.run.is_some() != raw.uses.is_some()) {
                self.reader.mistake(
                    Diagnostic::new(span, format!("`{key}` of step `{id}` belongs to a step with `{other}`"))
                        .help(match *key {
                            "with" => "remove it; what a program is told goes into `run` and `env`",
                            "log" => "remove it; what a plugin prints is kept in the bundle's `logs/` anyway",
                            "collect" => "remove it; a plugin writes its artifacts into the bundle by itself",
                            "sha256" => "remove it; only a plugin is pinned",
                            _ => "remove it; a plugin always works in the project root",
                        }),
                );
            }
        }
        if let (Some(_), Some(metrics)) =
            (&raw.run, raw.metrics.as_ref().filter(|metrics| metrics.file.is_none()))
        {
            self.reader.mistake(
                Diagnostic::new(metrics.span, format!("`metrics` of step `{id}` names no `file`")).help(
                    "add the JSON file that the program writes: `file: results.json`, below the bundle",
                ),
            );
        }
        if let Some(sha256) = raw.sha256.as_ref().filter(|sha256| {
            sha256.value.len() != 64 || !sha256.value.bytes().all(|byte| byte.is_ascii_hexdigit())
        }) {
            self.reader.mistake(
                Diagnostic::new(sha256.span, "a sha256 has 64 hexadecimal digits")
                    .help("`runner plugins info NAME` shows it"),
            );
        }
    }

    fn plugin(
        &mut self,
        plugin: Placed<String>,
        sha256: Option<Placed<String>>,
        with: Option<&Node>,
    ) -> Option<PluginUse> {
        let with = match with {
            None => TemplateTree::empty(plugin.span),
            Some(node) => {
                self.reader.map(node, "`with`")?;
                TemplateTree::build(node, &mut |text, span| {
                    self.template(&Placed { value: text.to_owned(), span })
                })?
            }
        };
        Some(PluginUse { plugin, sha256, with })
    }

    fn fallback(&mut self, raw: &RawFallback) -> Fallback {
        let words = Fault::ALL.iter().map(|(word, _)| *word);
        let mut when = Vec::new();
        for word in raw.when.iter().flatten() {
            match Fault::ALL.iter().find(|(known, _)| *known == word.value) {
                Some((_, fault)) => when.push(*fault),
                None if word.value == "gate" => self.reader.mistake(
                    Diagnostic::new(word.span, "a gate that fails is not a reason to shrink: it blocks")
                        .help(format!("a fallback follows {}", one_of(words.clone()))),
                ),
                None => self.reader.mistake(
                    Diagnostic::new(word.span, format!("unknown fault `{}`", word.value))
                        .help(did_you_mean(&word.value, words.clone())),
                ),
            }
        }
        if raw.when.is_none() {
            when = Fault::ALL.iter().map(|(_, fault)| *fault).collect();
        }
        let mut vars = Vec::new();
        for (key, node) in &raw.vars {
            if self.vars.iter().any(|var| var.name == key.name) {
                vars.push(variable(key, node));
            } else {
                self.unknown(
                    &key.name,
                    key.span,
                    "variable",
                    &self.vars.iter().map(|var| var.name.as_str()).collect::<Vec<_>>(),
                );
            }
        }
        if raw.vars.is_empty() {
            self.reader.mistake(
                Diagnostic::new(raw.span, "`fallback.vars` changes nothing")
                    .help("name the variables of the smaller attempt: `vars: { size: 2048 }`"),
            );
        }
        Fallback { when, vars }
    }

    /// A fallback that changes what the step does not use would run the same again, under another name.
    fn idle_changes(&mut self, step: &str, fallback: Option<&Fallback>) {
        let idle =
            fallback.iter().flat_map(|fallback| &fallback.vars).filter(|var| !self.used.contains(&var.name));
        let mistakes = idle.map(|var| {
            let name = &var.name;
            let message = format!("the fallback changes `{name}`, which step `{step}` does not use");
            Diagnostic::new(var.span, message).help(format!(
                "use it in the step, as `${{{{ vars.{name} }}}}`, or name the variable that makes it smaller"
            ))
        });
        for mistake in mistakes.collect::<Vec<_>>() {
            self.reader.mistake(mistake);
        }
    }

    fn template(&mut self, text: &Placed<String>) -> Option<Template> {
        match Template::parse(&text.value, text.span) {
            Ok(template) => {
                for (name, place) in template.names() {
                    self.name(&name, &["vars", "stamp", "bundle", "inputs", "steps", "git"], text, place);
                }
                Some(template)
            }
            Err(error) => self.bad_expression(&error, text),
        }
    }

    fn expression(&mut self, text: &Placed<String>, roots: &[&str]) -> Option<Expression> {
        let bare = text.value.trim();
        if bare.starts_with("${{") {
            self.reader.mistake(
                Diagnostic::new(text.span, "this is an expression already: `${{ }}` is not needed here")
                    .help(format!(
                        "write `{}`",
                        bare.trim_start_matches("${{").trim_end_matches("}}").trim()
                    )),
            );
            return None;
        }
        match Expression::parse(&text.value) {
            Ok(expression) => {
                for name in expression.names() {
                    let place = expression.place_of(name);
                    self.name(name, roots, text, place);
                }
                Some(expression)
            }
            Err(error) => self.bad_expression(&error, text),
        }
    }

    fn bad_expression<T>(&mut self, error: &ExpressionError, text: &Placed<String>) -> Option<T> {
        let span = place::inside(self.source, text, &error.range);
        self.reader.mistake(
            Diagnostic::new(span, format!("bad expression: {}", error.message)).help(
                "an expression looks like `${{ vars.size }}`, a gate like `metrics.correlation >= 0.999`",
            ),
        );
        None
    }

    /// Checks a dotted name of an expression against what exists.
    fn name(&mut self, name: &str, roots: &[&str], text: &Placed<String>, place: Range<usize>) {
        let span = place::inside(self.source, text, &place);
        let mut parts = name.split('.');
        let root = parts.next().unwrap_or_default();
        let member = parts.next();
        if !roots.contains(&root) {
            self.unknown(root, span, "name", roots);
            return;
        }
        if root == "vars" {
            let all = self.vars.iter().map(|var| var.name.as_str());
            self.used.extend(all.filter(|var| member.is_none_or(|member| member == *var)).map(str::to_owned));
        }
        let known: Vec<&str> = match root {
            "vars" => self.vars.iter().map(|var| var.name.as_str()).collect(),
            "inputs" => self.inputs.iter().map(String::as_str).collect(),
            "steps" => self.earlier.iter().map(String::as_str).collect(),
            "git" => vec!["head"],
            _ => return,
        };
        match member {
            Some(member) if known.contains(&member) => {}
            Some(member) if root == "steps" && self.steps.iter().any(|step| step == member) => {
                self.reader.mistake(
                    Diagnostic::new(span, format!("step `{member}` has not run yet at this place"))
                        .help("a step sees the metrics of the steps before it: move it behind that one"),
                );
            }
            Some(member) => {
                let what = match root {
                    "vars" => "variable",
                    "inputs" => "input",
                    "steps" => "earlier step",
                    _ => "name in `git`:",
                };
                let known = known.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
                self.unknown(member, span, what, &known.iter().map(String::as_str).collect::<Vec<_>>());
            }
            None => {
                let help = if known.is_empty() {
                    format!("the workflow has no {root} to name here")
                } else {
                    let members: Vec<String> = known.iter().map(|name| format!("{root}.{name}")).collect();
                    format!("write {}", one_of(members.iter().map(String::as_str)))
                };
                self.reader.mistake(
                    Diagnostic::new(span, format!("`{root}` is a group of names, not a value")).help(help),
                );
            }
        }
    }

    fn unknown(&mut self, name: &str, span: Span, what: &str, known: &[&str]) {
        let help = if known.is_empty() {
            format!("the workflow has no {what}")
        } else {
            did_you_mean(name, known.iter().copied())
        };
        self.reader.mistake(Diagnostic::new(span, format!("unknown {what} `{name}`")).help(help));
    }
}
