//! [`takes`]: what the `with:` of a plugin may hold, in words, from the JSON Schema of its manifest.
//!
//! A summary for a person who writes a workflow; what holds is the schema, which `plugins info --json` shows whole.

use std::fmt::Write;

use serde_json::Value;

use crate::diagnostic::counted;

/// How many references are followed one after the other, and how deep schemas are shown.
const DEEPEST: usize = 8;
/// Up to how many elements an array of fixed length is spelled out.
const SPELLED: u64 = 4;

/// Every key of `with:` with its type, its bounds, its default and its description.
pub(super) fn takes(schema: &Value) -> String {
    let mut text = String::new();
    Words { root: schema }.properties(schema, &mut vec![schema], &mut text);
    if text.is_empty() {
        "  takes nothing\n".clone_into(&mut text);
    }
    text
}

struct Words<'a> {
    root: &'a Value,
}

impl<'a> Words<'a> {
    /// `way` are the schemas from the outermost to this one: none of them is entered again.
    fn properties(&self, schema: &'a Value, way: &mut Vec<&'a Value>, text: &mut String) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let indent = "  ".repeat(2 * way.len() - 1);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let meant = self.meant(property);
            let mut facts = vec![self.kind(meant, way)];
            facts.extend(bounds(meant));
            facts.extend(either(property, meant, "default").map(|value| format!("default {value}")));
            if required.contains(&name.as_str()) {
                facts.push("required".to_owned());
            }
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{indent}{name}: {}", facts.join(", "));
            if let Some(description) = either(property, meant, "description").and_then(Value::as_str) {
                let _ = writeln!(text, "{indent}    {description}");
            }
            if way.len() < DEEPEST && !is_in(way, meant) {
                way.push(meant);
                self.properties(meant, way, text);
                way.pop();
            }
        }
    }

    /// The schema itself, or the one of this file that it refers to.
    fn meant(&self, schema: &'a Value) -> &'a Value {
        let mut meant = schema;
        for _ in 0..DEEPEST {
            let target =
                meant["$ref"].as_str().and_then(|target| self.root.pointer(target.strip_prefix('#')?));
            match target {
                Some(target) => meant = target,
                None => break,
            }
        }
        meant
    }

    /// What a value may be, without its bounds: `number | null`, `array of string`, `"on" | "off"`.
    fn kind(&self, schema: &'a Value, way: &mut Vec<&'a Value>) -> String {
        let schema = self.meant(schema);
        if let Some(words) = schema["enum"].as_array() {
            return joined(words.iter().map(ToString::to_string));
        }
        if let Some(only) = schema.get("const") {
            return only.to_string();
        }
        if let Some(alternatives) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
            return joined(alternatives.iter().map(|alternative| {
                let bounds = bounds(self.meant(alternative)).join(", ");
                let kind = self.kind_within(alternative, schema, way);
                if bounds.is_empty() { kind } else { format!("{kind} ({bounds})") }
            }));
        }
        let mut one = |kind: &str| if kind == "array" { self.array(schema, way) } else { kind.to_owned() };
        match &schema["type"] {
            Value::String(kind) => one(kind),
            Value::Array(kinds) => joined(kinds.iter().filter_map(Value::as_str).map(one)),
            _ if schema["properties"].is_object() => "object".to_owned(),
            _ => "any".to_owned(),
        }
    }

    /// The same of a part of a schema.
    fn kind_within(&self, part: &'a Value, schema: &'a Value, way: &mut Vec<&'a Value>) -> String {
        way.push(schema);
        let again = way.len() > DEEPEST || is_in(way, self.meant(part));
        let kind = if again { "any".to_owned() } else { self.kind(part, way) };
        way.pop();
        kind
    }

    /// `array of string`, `[number, number, number]`.
    fn array(&self, schema: &'a Value, way: &mut Vec<&'a Value>) -> String {
        let Some(items) = schema.get("items").filter(|items| items.is_object()) else {
            return "array".to_owned();
        };
        let kind = self.kind_within(items, schema, way);
        match fixed_length(schema) {
            Some(length) => format!("[{}]", vec![kind; length as usize].join(", ")),
            None if kind.contains(" | ") => format!("array of ({kind})"),
            None => format!("array of {kind}"),
        }
    }
}

fn is_in(way: &[&Value], schema: &Value) -> bool {
    way.iter().any(|one| std::ptr::eq(*one, schema))
}

/// How large a value may be, or how many items it may have.
fn bounds(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, word) in [
        ("minimum", "at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "below"),
    ] {
        found.extend(schema.get(key).map(|value| format!("{word} {value}")));
    }
    if fixed_length(schema).is_none() {
        for (key, word) in [("minItems", "at least"), ("maxItems", "at most")] {
            let many = |count: u64| format!("{word} {}", counted(count, "item"));
            found.extend(schema[key].as_u64().filter(|count| *count > 0).map(many));
        }
    }
    if let Some(items) = schema.get("items").filter(|items| items.get("$ref").is_none()) {
        found.extend(bounds(items).into_iter().map(|bound| format!("each {bound}")));
    }
    found
}

/// A fact of the property itself, or of what it refers to.
fn either<'a>(property: &'a Value, meant: &'a Value, key: &str) -> Option<&'a Value> {
    property.get(key).or_else(|| meant.get(key))
}

fn fixed_length(schema: &Value) -> Option<u64> {
    let length = schema["minItems"].as_u64()?;
    (schema["maxItems"].as_u64() == Some(length) && (1..=SPELLED).contains(&length)).then_some(length)
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_of_a_schema_has_its_words() {
        let schema = json!({
            "required": ["plain"],
            "properties": {
                "plain": { "$ref": "#/$defs/path", "default": "here" },
                "missing": { "$ref": "#/$defs/nothing" },
                "maybe": { "type": ["number", "null"], "exclusiveMinimum": 0, "default": null },
                "list": { "type": "array", "items": { "enum": ["a", "b"] }, "minItems": 1, "maxItems": 9 },
                "axis": { "type": "array", "items": { "type": "number", "maximum": 1 }, "minItems": 3, "maxItems": 3 },
                "either": { "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "none" }] },
                "inner": { "type": "object", "properties": { "deep": { "type": "boolean", "description": "Whether." } } },
                "loose": {},
                "any_list": { "type": "array" }
            },
            "$defs": { "path": { "type": "string", "description": "A path." } }
        });
        let expected = "  plain: string, default \"here\", required\n      A path.\n\
            \x20 missing: any\n\
            \x20 maybe: number | null, above 0, default null\n\
            \x20 list: array of (\"a\" | \"b\"), at least 1 item, at most 9 items\n\
            \x20 axis: [number, number, number], each at most 1\n\
            \x20 either: integer (at least 1) | \"none\"\n\
            \x20 inner: object\n      deep: boolean\n          Whether.\n\
            \x20 loose: any\n\
            \x20 any_list: array\n";
        assert_eq!(takes(&schema), expected);
        assert_eq!(takes(&json!({ "type": "object" })), "  takes nothing\n");
    }

    #[test]
    fn a_schema_that_contains_itself_has_an_end() {
        let endless = json!({
            "properties": { "node": { "$ref": "#/$defs/node" } },
            "$defs": {
                "node": { "type": "object", "properties": {
                    "node": { "$ref": "#/$defs/node" },
                    "list": { "type": "array", "items": { "$ref": "#/$defs/list" } }
                } },
                "list": { "type": "array", "items": { "$ref": "#/$defs/list" } },
                "loop": { "$ref": "#/$defs/loop" }
            }
        });
        let text = takes(&endless);
        let expected = "  node: object\n      node: object\n      list: array of array of any\n";
        assert_eq!(text, expected);
    }
}
