//! `runner schema` and the parser agree: what one takes, the other takes, and the keys are the same.
//!
//! The schema is compiled by a validator that knows nothing of the runner and is held against every workflow of
//! the repository, of the guide, and some that are wrong. An editor that follows it must never call a valid
//! workflow a mistake.

mod markdown;
mod support;

use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use markdown::{blocks, page};
use serde_json::Value;
use support::Project;

/// The schema as the runner prints it, compiled.
struct Schema {
    text: Value,
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn printed() -> Self {
        let ended = Project::without_git().runner(&["schema"]);
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        let text: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("workflow.json", text.clone()).expect("a schema");
        let index = compiler.compile("workflow.json", &mut schemas);
        let index =
            index.unwrap_or_else(|error| panic!("{}", error.to_string().lines().next().unwrap_or_default()));
        Self { text, schemas, index }
    }

    fn refuses(&self, yaml: &str) -> Option<String> {
        let value: Value = serde_yaml::from_str(yaml).expect("YAML");
        self.schemas.validate(&value, self.index).err().map(|error| error.to_string())
    }

    fn keys(&self, pointer: &str) -> Vec<String> {
        let properties = self.text.pointer(pointer).and_then(Value::as_object).expect("properties");
        let mut keys: Vec<String> = properties.keys().cloned().collect();
        keys.sort();
        keys
    }
}

#[test]
fn every_workflow_that_is_shipped_or_shown_fits_the_schema() {
    let schema = Schema::printed();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows");
    let files = std::fs::read_dir(directory).expect("workflows").map(|entry| entry.expect("readable").path());
    let mut all: Vec<(String, String)> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("readable")))
        .collect();
    assert!(all.len() >= 3);
    let shown =
        blocks(&page("docs/guide/workflow.md")).into_iter().filter(|block| block.info.starts_with("yaml"));
    // What the parser refuses is the other test's business.
    let shown = shown.filter(|block| !block.info.contains("exit=2"));
    all.extend(shown.map(|block| (format!("docs/guide/workflow.md:{}", block.line), block.text)));
    for (name, text) in all {
        assert_eq!(schema.refuses(&text), None, "{name}");
    }
}

#[test]
fn mistakes_of_keys_and_types_are_refused_by_the_schema_too() {
    let schema = Schema::printed();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflows");
    for name in
        ["unknown_keys", "wrong_types", "run_and_uses", "no_steps", "nothing_but_a_title", "with_keys"]
    {
        let text = std::fs::read_to_string(fixtures.join(format!("{name}.yaml"))).expect("a fixture");
        assert!(schema.refuses(&text).is_some(), "{name}");
    }
    let step =
        "version: 1\nid: x\nbundle: { root: r }\nsteps: [{ id: a, uses: nanobragg, with: { size: SIZE } }]\n";
    assert_eq!(schema.refuses(&step.replace("SIZE", "1024")), None);
    assert_eq!(schema.refuses(&step.replace("SIZE", "'${{ vars.size }}'")), None);
    assert!(schema.refuses(&step.replace("SIZE", "0")).is_some(), "the plugin's own schema counts");
}

#[test]
fn the_keys_of_the_schema_are_those_of_the_parser() {
    let project = Project::without_git();
    let text =
        "version: 1\nid: x\nbundle: { root: r }\nzzzzzz: 1\nsteps: [{ id: a, run: [ls], zzzzzz: 1 }]\n";
    project.write("w.yaml", text);
    let refused = project.runner(&["validate", "w.yaml"]).stderr;
    // The help of an unknown key lists those that exist.
    let lists: Vec<Vec<String>> = refused
        .lines()
        .filter(|line| line.contains("help") && line.contains('`'))
        .map(|line| {
            let mut keys: Vec<String> = line.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            keys.sort();
            keys
        })
        .collect();
    let schema = Schema::printed();
    assert_eq!(lists.len(), 2, "{refused}");
    for keys in [schema.keys("/properties"), schema.keys("/$defs/step/properties")] {
        assert!(lists.contains(&keys), "{keys:?} is not among {lists:?}");
    }
}
