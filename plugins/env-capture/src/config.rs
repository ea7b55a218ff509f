//! [`Config`]: the step's `with:`, read once when the instance is made.
//!
//! `schema.json` says the same to the runner, and a test compares the two. Nothing is looked up here: a
//! configuration is a wish, not a fact.

use serde::Deserialize;
use serde_json::Value;

/// The step's `with:`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The interpreter to ask about Python and torch: that of the program that is measured.
    #[serde(default)]
    pub python: Interpreter,
    /// Python packages whose versions are asked for; they are looked up, not imported.
    #[serde(default = "default_packages")]
    pub packages: Vec<String>,
    /// Which environment variables are kept.
    #[serde(default)]
    pub env: Keep,
    /// Parts of variable names that are secret, besides the built-in ones; upper and lower case are equal.
    #[serde(default)]
    pub redact: Vec<String>,
}

/// How an interpreter is started: `python3`, `.venv/bin/python`, `[uv, run, python]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Interpreter(pub Vec<String>);

impl Default for Interpreter {
    fn default() -> Self {
        Self(vec!["python3".to_owned()])
    }
}

impl TryFrom<Value> for Interpreter {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let argv: Option<Vec<String>> = match &value {
            Value::String(program) => Some(vec![program.clone()]),
            Value::Array(words) => words.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        match argv {
            Some(argv) if argv.first().is_some_and(|program| !program.is_empty()) => Ok(Self(argv)),
            _ => Err(format!(
                "`python` must be a program, or a list of a program and its arguments, not {value}"
            )),
        }
    }
}

/// Which environment variables are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum Keep {
    /// All of them.
    #[default]
    All,
    /// None.
    Nothing,
    /// These names.
    Named(Vec<String>),
}

impl TryFrom<Value> for Keep {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(word) if word == "all" => return Ok(Self::All),
            Value::String(word) if word == "none" => return Ok(Self::Nothing),
            Value::Array(names) => {
                let names: Option<Vec<String>> =
                    names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
                if let Some(names) = names {
                    return Ok(Self::Named(names));
                }
            }
            _ => {}
        }
        Err(format!("`env` must be `all`, `none` or a list of names, not {value}"))
    }
}

fn default_packages() -> Vec<String> {
    vec!["numpy".to_owned(), "pytest".to_owned()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schema_names_exactly_the_fields_and_their_defaults() {
        let schema: Value = serde_json::from_str(include_str!("../schema.json")).expect("JSON");
        let properties = schema["properties"].as_object().expect("an object");
        let everything =
            json!({ "python": "python3.12", "packages": ["torch"], "env": ["PATH"], "redact": ["ACME"] });
        serde_json::from_value::<Config>(everything.clone()).expect("all of them are fields");
        let names: Vec<&String> = properties.keys().collect();
        assert_eq!(names, everything.as_object().expect("an object").keys().collect::<Vec<_>>());

        let mut defaults = json!({});
        for (name, property) in properties {
            defaults[name] = property["default"].clone();
        }
        let stated: Config = serde_json::from_value(defaults).expect("the stated defaults are valid");
        let real: Config = serde_json::from_value(json!({})).expect("nothing is required");
        assert_eq!((stated.python, stated.env, stated.redact), (real.python, real.env, real.redact));
        assert_eq!(stated.packages, real.packages);
    }

    #[test]
    fn an_interpreter_is_a_program_or_a_program_with_arguments() {
        let read = |python: Value| serde_json::from_value::<Interpreter>(python).map(|python| python.0);
        assert_eq!(read(json!("a b")).expect("one program"), ["a b"]);
        assert_eq!(read(json!(["uv", "run", "python"])).expect("a list"), ["uv", "run", "python"]);
        for wrong in [json!(""), json!([]), json!([""]), json!([1]), json!(3)] {
            assert!(read(wrong).expect_err("refused").to_string().contains("a program"));
        }
    }

    #[test]
    fn the_choice_of_variables_is_a_word_or_a_list() {
        let keep = |env: Value| serde_json::from_value::<Keep>(env);
        assert_eq!(keep(json!("all")).expect("a word"), Keep::All);
        assert_eq!(keep(json!("none")).expect("a word"), Keep::Nothing);
        assert_eq!(keep(json!(["PATH"])).expect("a list"), Keep::Named(vec!["PATH".into()]));
        for wrong in [json!("some"), json!([1]), json!(null)] {
            assert!(keep(wrong).expect_err("refused").to_string().contains("`all`, `none` or a list"));
        }
    }
}
