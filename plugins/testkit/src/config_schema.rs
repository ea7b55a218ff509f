//! [`schema_refuses`]: what the JSON Schema of a manifest says of a `with:`, as the runner's `validate` asks.
//!
//! For the tests of plugin authors: a schema and the `Config` type beside it must accept the same values,
//! and only a test that asks both can tell. The schema is never fetched from anywhere.

use boon::{Compiler, Draft, Schemas};
use serde_json::Value;

/// The name under which the schema is compiled.
const NAME: &str = "plugin-config.json";

/// Why the schema (JSON Schema 2020-12, the text of `config_schema`) refuses `value`; `None` when it
/// accepts it. The reason has one line for each thing that is wrong, with its place in `value`.
///
/// ```
/// use runner_plugin_testkit::schema_refuses;
/// use serde_json::json;
///
/// let schema = r#"{ "type": "object", "properties": { "size": { "type": "integer", "minimum": 1 } } }"#;
/// assert_eq!(schema_refuses(schema, &json!({ "size": 4096 })), None);
/// assert!(schema_refuses(schema, &json!({ "size": 0 })).expect("refused").contains("/size"));
/// ```
///
/// # Panics
/// When `schema` is not JSON, or not a JSON Schema: then no workflow could be validated with it.
pub fn schema_refuses(schema: &str, value: &Value) -> Option<String> {
    let schema =
        serde_json::from_str(schema).unwrap_or_else(|error| panic!("the schema is no JSON: {error}"));
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    let added = compiler.add_resource(NAME, schema).map_err(|error| format!("{error:#}"));
    let compile = |()| compiler.compile(NAME, &mut schemas).map_err(|error| format!("{error:#}"));
    let index =
        added.and_then(compile).unwrap_or_else(|error| panic!("the schema is no JSON Schema: {error}"));
    schemas.validate(value, index).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::schema_refuses;

    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": { "size": { "type": "integer", "minimum": 1 } },
        "required": ["size"],
        "additionalProperties": false
    }"#;

    #[test]
    fn a_value_that_fits_is_accepted_and_another_is_refused_with_its_place() {
        assert_eq!(schema_refuses(SCHEMA, &json!({ "size": 1 })), None);
        for (value, place) in
            [(json!({ "size": 0 }), "/size"), (json!({}), "size"), (json!({ "size": 1, "sise": 1 }), "sise")]
        {
            let reason = schema_refuses(SCHEMA, &value).expect("refused");
            assert!(reason.contains(place), "{reason}");
        }
    }

    #[test]
    #[should_panic(expected = "the schema is no JSON Schema")]
    fn a_schema_that_breaks_the_rules_of_schemas_is_no_schema() {
        schema_refuses(r#"{ "type": "nonsense" }"#, &json!({}));
    }

    #[test]
    #[should_panic(expected = "the schema is no JSON: ")]
    fn a_schema_that_is_no_json_is_no_schema() {
        schema_refuses("{", &json!({}));
    }
}
