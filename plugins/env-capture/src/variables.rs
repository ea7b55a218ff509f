//! The environment variables of this process, which are those of the step; secrets are redacted.
//!
//! Called by the capture for its section `environment`. A variable that was asked for by name is redacted
//! like any other: a value that looks secret must never leave here.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde_json::{Value, json};

use crate::config::{Config, Keep};
use crate::redaction::{REDACTED, is_secret};

pub(crate) fn look(variables: impl Iterator<Item = (OsString, OsString)>, config: &Config) -> Value {
    let mut kept = BTreeMap::new();
    let mut redacted = Vec::new();
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        let wanted = match &config.env {
            Keep::All => true,
            Keep::Nothing => false,
            Keep::Named(names) => names.contains(&name),
        };
        if !wanted {
            continue;
        }
        let mut value = value.to_string_lossy().into_owned();
        if is_secret(&name, &value, &config.redact) {
            REDACTED.clone_into(&mut value);
            redacted.push(name.clone());
        }
        kept.insert(name, value);
    }
    redacted.sort();
    json!({ "variables": kept, "redacted": redacted })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(config: Value) -> Value {
        let config = serde_json::from_value(config).expect("valid");
        let variables = [("PATH", "/bin"), ("API_KEY", "s3cret"), ("ACME", "x"), ("A", "1")];
        look(variables.iter().map(|(name, value)| (name.into(), value.into())), &config)
    }

    #[test]
    fn variables_are_sorted_and_secrets_are_redacted_by_default() {
        let expected = json!({
            "variables": { "A": "1", "ACME": "x", "API_KEY": "<redacted>", "PATH": "/bin" },
            "redacted": ["API_KEY"],
        });
        assert_eq!(looked(json!({})).to_string(), expected.to_string());
    }

    #[test]
    fn a_chosen_secret_is_redacted_all_the_same() {
        assert_eq!(
            looked(json!({ "env": ["API_KEY", "ACME"], "redact": ["acme"] })),
            json!({
                "variables": { "ACME": "<redacted>", "API_KEY": "<redacted>" },
                "redacted": ["ACME", "API_KEY"],
            })
        );
        assert_eq!(looked(json!({ "env": "none" })), json!({ "variables": {}, "redacted": [] }));
    }
}
