//! Holding a plugin's `with:` against the JSON Schema of its manifest.

use boon::{Compiler, ErrorKind, InstanceToken, Schemas, Type, ValidationError};
use serde_json::Value;

use crate::diagnostic::one_of;

/// The name under which the schema is compiled; it is never fetched from anywhere.
const SCHEMA: &str = "plugin-config.json";

/// A part of a `with:` that its schema refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where: keys and indices from the top of `with:`.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// The key that the schema does not know, when that is what is wrong.
    pub unknown: Option<String>,
}

/// Everything that `schema` refuses in `value`. An `Err` says that the schema itself is not valid.
pub fn mismatches(schema: &Value, value: &Value) -> Result<Vec<Mismatch>, String> {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource(SCHEMA, schema.clone()).map_err(|error| error.to_string())?;
    let index = compiler.compile(SCHEMA, &mut schemas).map_err(|error| format!("{error:#}"))?;
    let mut found = Vec::new();
    if let Err(error) = schemas.validate(value, index) {
        leaves(&error, &mut found);
    }
    Ok(found)
}

fn leaves(error: &ValidationError<'_, '_>, found: &mut Vec<Mismatch>) {
    // The branches of an alternative contradict each other; the alternative itself is the message.
    let alternative = matches!(error.kind, ErrorKind::AnyOf | ErrorKind::OneOf(_));
    if !error.causes.is_empty() && !alternative {
        error.causes.iter().for_each(|cause| leaves(cause, found));
        return;
    }
    let path: Vec<String> = error
        .instance_location
        .tokens
        .iter()
        .map(|token| match token {
            InstanceToken::Prop(name) => name.to_string(),
            InstanceToken::Item(index) => index.to_string(),
        })
        .collect();
    if let ErrorKind::AdditionalProperties { got } = &error.kind {
        found.extend(got.iter().map(|key| Mismatch {
            path: path.iter().cloned().chain([key.to_string()]).collect(),
            message: format!("unknown key `{key}`"),
            unknown: Some(key.to_string()),
        }));
        return;
    }
    found.push(Mismatch { path, message: wording(&error.kind), unknown: None });
}

/// The library's words name JSON's types; a user thinks of texts and numbers.
fn wording(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Type { got, want } => {
            let whole = want.contains(Type::Integer) && matches!(got, Type::Number);
            let got = if whole { "a number with a fraction" } else { type_name(*got) };
            let want: Vec<&str> = want.iter().map(type_name).collect();
            format!("must be {}, not {got}", want.join(" or "))
        }
        ErrorKind::Enum { want } => {
            let want: Vec<String> = want.iter().map(as_written).collect();
            format!("must be {}", one_of(want.iter().map(String::as_str)))
        }
        ErrorKind::Required { want } => format!("{} is missing", one_of(want.iter().copied())),
        ErrorKind::DependentRequired { prop, missing } => {
            format!("`{prop}` needs {} beside it", one_of(missing.iter().copied()))
        }
        ErrorKind::Minimum { got, want } => format!("must be at least {want}, not {got}"),
        ErrorKind::Maximum { got, want } => format!("must be at most {want}, not {got}"),
        ErrorKind::MinLength { got, want } => format!("must have at least {want} characters, not {got}"),
        ErrorKind::Pattern { got, .. } => format!("`{got}` does not have the form that it must have"),
        other => other.to_string(),
    }
}

fn as_written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Null => "nothing",
        Type::Boolean => "true or false",
        Type::Number => "a number",
        Type::Integer => "a whole number",
        Type::String => "text",
        Type::Array => "a list",
        Type::Object => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_mismatch_is_found_with_its_place() {
        let schema = json!({
            "type": "object",
            "properties": { "size": { "type": "integer", "minimum": 1 }, "dtype": { "enum": ["float32", "float64"] } },
            "required": ["size"],
            "additionalProperties": false
        });
        let found =
            mismatches(&schema, &json!({ "size": 0, "dtype": "f16", "sise": 1 })).expect("a valid schema");
        let paths: Vec<String> = found.iter().map(|mismatch| mismatch.path.join(".")).collect();
        for path in ["size", "dtype", "sise"] {
            assert!(paths.iter().any(|found| found == path), "{path} in {found:?}");
        }
        assert_eq!(mismatches(&schema, &json!({ "size": 4 })), Ok(Vec::new()));
        assert!(mismatches(&json!({ "type": "nonsense" }), &json!({})).is_err());
    }
}
