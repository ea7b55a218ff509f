//! `runner schema`: the JSON Schema of the workflow file, for editors, with the plugins on the search path.
//!
//! The part of the format is a file beside the parser (`spec/workflow.schema.json`, held against it by a test); the
//! `with:` of each plugin comes from its manifest. Executes nothing.

use serde_json::{Map, Value, json};

use crate::cli::options::Global;
use crate::cli::{terminal, workflow};
use crate::exit_code::ExitCode;

const FORMAT: &str = include_str!("../spec/workflow.schema.json");

/// Prints the schema.
pub fn run(global: &Global) -> ExitCode {
    let catalog = workflow::catalog(global);
    let found = catalog.all();
    let plugins = found.iter().filter_map(|(_, found)| found.as_ref().ok());
    let plugins = plugins.map(|found| (found.manifest.name.as_str(), &found.manifest.config_schema));
    match with_plugins(plugins) {
        Ok(schema) => {
            terminal::out(&serde_json::to_string_pretty(&schema).unwrap_or_default());
            ExitCode::Complete
        }
        Err(error) => {
            workflow::complain(global, &format!("the schema cannot be made: {error}"));
            ExitCode::Invalid
        }
    }
}

/// The schema of the format, in which a step that uses one of the plugins has that plugin's `with:`.
fn with_plugins<'a>(plugins: impl Iterator<Item = (&'a str, &'a Value)>) -> serde_json::Result<Value> {
    let mut schema: Value = serde_json::from_str(FORMAT)?;
    let mut rules = Vec::new();
    for (name, config) in plugins {
        let definition = format!("with-{name}");
        // Its own definitions move below ours.
        let own = config.to_string().replace("\"#/$defs/", &format!("\"#/$defs/{definition}/$defs/"));
        let mut config: Value = serde_json::from_str(&own)?;
        if let Some(properties) = config.get_mut("properties").and_then(Value::as_object_mut) {
            *properties = properties.iter().map(|(key, value)| (key.clone(), or_expression(value))).collect();
        }
        if let Some(config) = config.as_object_mut() {
            config.remove("$schema");
        }
        schema["$defs"][&definition] = config;
        rules.push(json!({
            "if": { "properties": { "uses": { "const": name } }, "required": ["uses"] },
            "then": { "properties": { "with": { "$ref": format!("#/$defs/{definition}") } } },
        }));
    }
    for place in ["step", "profile"] {
        schema["$defs"][place]["allOf"] = json!(rules);
    }
    Ok(schema)
}

/// A value, or a text with an expression whose value is known later. The description stays where editors look.
fn or_expression(value: &Value) -> Value {
    let mut either = Map::new();
    if let Some(description) = value.get("description") {
        either.insert("description".to_owned(), description.clone());
    }
    either.insert("anyOf".to_owned(), json!([value, { "type": "string", "pattern": "\\$\\{\\{" }]));
    Value::Object(either)
}
