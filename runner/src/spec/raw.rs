//! [`RawWorkflow`]: the second pass. Every key is known and every value has the right type; whether it makes
//! sense is the business of [`check`](crate::spec::check).

use crate::diagnostic::{Diagnostic, Span};
use crate::spec::node::{Key, Node, Value};
use crate::spec::reader::{Placed, Reader};

const WORKFLOW: &[&str] =
    &["version", "id", "title", "focus", "mode", "vars", "bundle", "inputs", "stop_after_repeats", "steps"];
const STEP: &[&str] = &[
    "id", "uses", "sha256", "with", "run", "env", "cwd", "log", "metrics", "gates", "limits", "profile",
    "fallback", "retry", "collect", "writes", "reads", "always",
];

/// A workflow whose keys and types are right.
#[derive(Debug)]
pub struct RawWorkflow {
    pub id: Placed<String>,
    pub title: Option<Placed<String>>,
    pub focus: Option<Placed<String>>,
    pub mode: Option<Placed<String>>,
    pub vars: Vec<(Key, Node)>,
    pub root: Placed<String>,
    pub requires: Vec<Placed<String>>,
    pub inputs: Vec<RawInput>,
    pub stop_after_repeats: Option<u32>,
    pub steps: Vec<RawStep>,
}

/// An entry of `inputs:`.
#[derive(Debug)]
pub struct RawInput {
    pub name: Placed<String>,
    pub bundle: Placed<String>,
    pub stamp: Placed<String>,
}

/// An entry of `steps:`.
#[derive(Debug)]
pub struct RawStep {
    pub span: Span,
    pub id: Placed<String>,
    pub uses: Option<Placed<String>>,
    pub sha256: Option<Placed<String>>,
    pub with: Option<Node>,
    pub run: Option<RawCommand>,
    pub env: Vec<(Key, Placed<String>)>,
    pub cwd: Option<Placed<String>>,
    pub log: Option<Placed<String>>,
    pub metrics: Option<RawMetrics>,
    pub gates: Vec<Placed<String>>,
    pub time: Option<Placed<String>>,
    pub memory: Option<Placed<String>>,
    pub output: Option<Placed<String>>,
    pub profile: Option<RawProfile>,
    pub fallback: Option<RawFallback>,
    pub retry: u32,
    pub collect: Vec<(Placed<String>, Placed<String>)>,
    pub writes: Vec<Placed<String>>,
    pub reads: Vec<Placed<String>>,
    pub always: bool,
}

/// What `run:` holds.
#[derive(Debug)]
pub enum RawCommand {
    Argv(Vec<Placed<String>>),
    Shell(Placed<String>),
}

/// What `metrics:` holds.
#[derive(Debug)]
pub struct RawMetrics {
    pub span: Span,
    pub file: Option<Placed<String>>,
    pub values: Option<Vec<(Key, Placed<String>)>>,
    pub patterns: Option<Vec<(Key, Placed<String>)>>,
}

/// What `profile:` holds.
#[derive(Debug)]
pub struct RawProfile {
    pub uses: Placed<String>,
    pub sha256: Option<Placed<String>>,
    pub with: Option<Node>,
}

/// What `fallback:` holds.
#[derive(Debug)]
pub struct RawFallback {
    pub span: Span,
    pub when: Option<Vec<Placed<String>>>,
    pub vars: Vec<(Key, Node)>,
}

/// Decodes a tree. `None` when something that everything else hangs on is missing.
pub fn decode(node: &Node, reader: &mut Reader<'_>) -> Option<RawWorkflow> {
    if node.value == Value::Null {
        reader.mistake(
            Diagnostic::unplaced("the workflow is empty")
                .help("begin with `version: 1`; `workflows/` in the runner's repository has examples"),
        );
        return None;
    }
    let fields = reader.fields(node, "the workflow", WORKFLOW)?;
    if let Some(version) = fields.required(reader, "version", "the workflow") {
        reader.integer(version, "`version`", 1..=1);
    }
    let id = fields.required(reader, "id", "the workflow").and_then(|node| reader.text(node, "`id`"));
    let title = fields.get("title").and_then(|node| reader.text(node, "`title`"));
    let focus = fields.get("focus").and_then(|node| reader.text(node, "`focus`"));
    let mode = fields.get("mode").and_then(|node| reader.text(node, "`mode`"));
    let vars = fields.get("vars").map(|node| named(reader, node, "`vars`")).unwrap_or_default();
    let bundle = fields.required(reader, "bundle", "the workflow").and_then(|node| bundle(reader, node));
    let inputs = fields.get("inputs").map(|node| inputs(reader, node)).unwrap_or_default();
    let repeats = fields.get("stop_after_repeats");
    let stop_after_repeats = repeats
        .and_then(|node| reader.integer(node, "`stop_after_repeats`", 1..=1000))
        .map(|count| count as u32);
    let steps = fields.required(reader, "steps", "the workflow").and_then(|node| {
        let items = reader.list(node, "`steps`")?;
        if items.is_empty() {
            reader.mistake(
                Diagnostic::new(node.span, "`steps` is empty: there is nothing to run")
                    .help("add a step: `- { id: env, uses: env-capture }`"),
            );
        }
        Some(items.iter().filter_map(|item| step(reader, item)).collect())
    });
    // What is missing was reported; reading goes on with a stand-in, so that the mistakes in the rest are too.
    let stand_in = |value: &str| Placed { value: value.to_owned(), span: node.span };
    let (root, requires) = bundle.unwrap_or_else(|| (stand_in("reports"), Vec::new()));
    let id = id.unwrap_or_else(|| stand_in("unnamed"));
    let steps = steps.unwrap_or_default();
    Some(RawWorkflow { id, title, focus, mode, vars, root, requires, inputs, stop_after_repeats, steps })
}

fn named(reader: &mut Reader<'_>, node: &Node, what: &str) -> Vec<(Key, Node)> {
    let entries = reader.map(node, what).unwrap_or_default();
    entries.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn texts(reader: &mut Reader<'_>, node: &Node, what: &str) -> Vec<Placed<String>> {
    let item_name = format!("each item of {what}");
    let items = reader.list(node, what).unwrap_or_default();
    items.iter().filter_map(|item| reader.text_like(item, &item_name)).collect()
}

fn bundle(reader: &mut Reader<'_>, node: &Node) -> Option<(Placed<String>, Vec<Placed<String>>)> {
    let fields = reader.fields(node, "`bundle`", &["root", "requires"])?;
    let root =
        fields.required(reader, "root", "`bundle`").and_then(|node| reader.text(node, "`bundle.root`"));
    let requires =
        fields.get("requires").map(|node| texts(reader, node, "`bundle.requires`")).unwrap_or_default();
    Some((root?, requires))
}

fn inputs(reader: &mut Reader<'_>, node: &Node) -> Vec<RawInput> {
    let mut inputs = Vec::new();
    for (key, value) in reader.map(node, "`inputs`").unwrap_or_default() {
        let what = format!("the input `{}`", key.name);
        let Some(fields) = reader.fields(value, &what, &["bundle", "stamp"]) else { continue };
        let bundle = fields.required(reader, "bundle", &what).and_then(|node| reader.text(node, "`bundle`"));
        let stamp = match fields.get("stamp") {
            Some(node) => reader.text(node, "`stamp`"),
            None => Some(Placed { value: "latest".to_owned(), span: value.span }),
        };
        if let (Some(bundle), Some(stamp)) = (bundle, stamp) {
            let name = Placed { value: key.name.clone(), span: key.span };
            inputs.push(RawInput { name, bundle, stamp });
        }
    }
    inputs
}

fn step(reader: &mut Reader<'_>, node: &Node) -> Option<RawStep> {
    let fields = reader.fields(node, "a step", STEP)?;
    let id = fields.required(reader, "id", "a step").and_then(|node| reader.text(node, "`id`"));
    let what = id.as_ref().map_or_else(|| "the step".to_owned(), |id| format!("step `{}`", id.value));
    let text = |reader: &mut Reader<'_>, name: &str| {
        fields.get(name).and_then(|node| reader.text_like(node, &format!("`{name}` of {what}")))
    };
    let uses = text(reader, "uses");
    let sha256 = text(reader, "sha256");
    let cwd = text(reader, "cwd");
    let log = text(reader, "log");
    let run = fields.get("run").and_then(|node| match &node.value {
        Value::List(_) => Some(RawCommand::Argv(texts(reader, node, "`run`"))),
        _ => reader.text(node, "`run`").map(RawCommand::Shell),
    });
    let env = fields.get("env").map(|node| text_map(reader, node, "`env`")).unwrap_or_default();
    let metrics = fields.get("metrics").and_then(|node| metrics(reader, node));
    let gates = fields.get("gates").map(|node| texts(reader, node, "`gates`")).unwrap_or_default();
    let limits =
        fields.get("limits").and_then(|node| reader.fields(node, "`limits`", &["time", "memory", "output"]));
    let limit = |reader: &mut Reader<'_>, name: &str| {
        let node = limits.as_ref().and_then(|limits| limits.get(name));
        node.and_then(|node| reader.text_like(node, &format!("`limits.{name}`")))
    };
    let time = limit(reader, "time");
    let memory = limit(reader, "memory");
    let output = limit(reader, "output");
    let profile = fields.get("profile").and_then(|node| profile(reader, node));
    let fallback = fields.get("fallback").and_then(|node| fallback(reader, node));
    let retry = fields.get("retry").and_then(|node| reader.integer(node, "`retry`", 0..=100)).unwrap_or(0);
    let collect = fields.get("collect").map(|node| collect(reader, node)).unwrap_or_default();
    let writes = fields.get("writes").map(|node| texts(reader, node, "`writes`")).unwrap_or_default();
    let reads = fields.get("reads").map(|node| texts(reader, node, "`reads`")).unwrap_or_default();
    let always = fields.get("always").and_then(|node| reader.boolean(node, "`always`")).unwrap_or(false);
    Some(RawStep {
        span: fields.key("id").map_or(fields.span, |key| key.span),
        id: id?,
        uses,
        sha256,
        with: fields.get("with").cloned(),
        run,
        env,
        cwd,
        log,
        metrics,
        gates,
        time,
        memory,
        output,
        profile,
        fallback,
        retry: retry as u32,
        collect,
        writes,
        reads,
        always,
    })
}

fn text_map(reader: &mut Reader<'_>, node: &Node, what: &str) -> Vec<(Key, Placed<String>)> {
    let entries = reader.map(node, what).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(key, value)| {
            let text = reader.text_like(value, &format!("`{}` in {what}", key.name))?;
            Some((key.clone(), text))
        })
        .collect()
}

fn metrics(reader: &mut Reader<'_>, node: &Node) -> Option<RawMetrics> {
    let fields = reader.fields(node, "`metrics`", &["file", "values", "patterns"])?;
    // Whether it may be absent depends on what the step does: the third pass asks.
    let file = match fields.get("file") {
        Some(node) => Some(reader.text(node, "`metrics.file`")?),
        None => None,
    };
    let values = fields.get("values").map(|node| text_map(reader, node, "`metrics.values`"));
    let patterns = fields.get("patterns").map(|node| text_map(reader, node, "`metrics.patterns`"));
    Some(RawMetrics { span: node.span, file, values, patterns })
}

fn profile(reader: &mut Reader<'_>, node: &Node) -> Option<RawProfile> {
    let fields = reader.fields(node, "`profile`", &["uses", "sha256", "with"])?;
    let uses =
        fields.required(reader, "uses", "`profile`").and_then(|node| reader.text(node, "`profile.uses`"));
    let sha256 = fields.get("sha256").and_then(|node| reader.text(node, "`profile.sha256`"));
    Some(RawProfile { uses: uses?, sha256, with: fields.get("with").cloned() })
}

fn fallback(reader: &mut Reader<'_>, node: &Node) -> Option<RawFallback> {
    let fields = reader.fields(node, "`fallback`", &["when", "vars"])?;
    let when = fields.get("when").map(|node| texts(reader, node, "`fallback.when`"));
    let vars =
        fields.required(reader, "vars", "`fallback`").map(|node| named(reader, node, "`fallback.vars`"));
    Some(RawFallback { span: node.span, when, vars: vars? })
}

fn collect(reader: &mut Reader<'_>, node: &Node) -> Vec<(Placed<String>, Placed<String>)> {
    let mut list = Vec::new();
    for item in reader.list(node, "`collect`").unwrap_or_default() {
        let Some(fields) = reader.fields(item, "an item of `collect`", &["from", "to"]) else { continue };
        let from = fields.required(reader, "from", "an item of `collect`");
        let from = from.and_then(|node| reader.text(node, "`from`"));
        let to =
            fields.required(reader, "to", "an item of `collect`").and_then(|node| reader.text(node, "`to`"));
        if let (Some(from), Some(to)) = (from, to) {
            list.push((from, to));
        }
    }
    list
}
