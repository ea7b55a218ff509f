//! [`Unknown`]: the list of what could not be learned, and why.
//!
//! Filled by every section. A value that is unknown is `null`; this says the reason, under the dotted name
//! of the value.

use serde_json::{Map, Value};

/// Dotted name to reason.
#[derive(Debug, Default)]
pub(crate) struct Unknown(Map<String, Value>);

impl Unknown {
    /// The value, or `null` and a reason.
    pub(crate) fn or_null<T: Into<Value>>(&mut self, name: &str, result: Result<T, String>) -> Value {
        match result {
            Ok(value) => value.into(),
            Err(reason) => {
                self.note(name, &reason);
                Value::Null
            }
        }
    }

    pub(crate) fn note(&mut self, name: &str, reason: &str) {
        self.0.insert(name.to_owned(), reason.into());
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    #[cfg(test)]
    pub(crate) fn reason(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}
