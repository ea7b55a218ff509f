//! Drives a ledger plugin: create, documents, edit; yields the edit.
//!
//! Called by `drive`. The peer reads the documents, so that the runner knows exactly what the plugin saw.
//! An edit that does not fit those documents never leaves here. Nothing is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::instance::Instance;
use crate::library::Plugin;
use crate::protocol::{Failure, FailureKind};
use crate::table::HostSide;

#[derive(Deserialize)]
struct Edit {
    splices: BTreeMap<String, Vec<Splice>>,
    #[serde(rename = "attempt")]
    _attempt: Option<u64>,
    #[serde(rename = "summary")]
    _summary: String,
}

#[derive(Deserialize)]
struct Splice {
    start: usize,
    end: usize,
    #[serde(rename = "text")]
    _text: String,
}

/// Runs the whole role.
pub(crate) fn drive(
    plugin: &Plugin,
    config: &Value,
    record: &Value,
    side: &'static HostSide,
) -> Result<Value, Failure> {
    let mut instance = Instance::create(plugin, side, config, ["create", "destroy"])?;
    let returned = instance.call(plugin.table.documents, "documents", None, &Value::Null)?;
    let paths: Vec<String> = returned.json(r#"["docs/fix_plan.md", ..]"#)?;
    let mut documents = BTreeMap::new();
    for path in paths {
        let text = side.peer().read(&path).map_err(|error| Failure {
            kind: FailureKind::Failed,
            phase: "documents".to_owned(),
            message: format!("the document `{}`: {error}", path.escape_debug()),
        })?;
        documents.insert(path, text);
    }
    let input = json!({ "documents": documents, "record": record });
    let returned = instance.call(plugin.table.edit, "edit", None, &input)?;
    let shape = r#"{"splices": {path: [{"start", "end", "text"}]}, "attempt": 3, "summary": ".."}"#;
    let edit: Edit = returned.json(shape)?;
    check(&edit, &documents).map_err(|reason| returned.bad(&reason))?;
    returned.json(shape)
}

/// Every splice lies in a document that was asked for, on character boundaries, in order.
fn check(edit: &Edit, documents: &BTreeMap<String, String>) -> Result<(), String> {
    for (path, splices) in &edit.splices {
        let Some(text) = documents.get(path) else {
            return Err(format!("edits `{}`, which it did not ask to see", path.escape_debug()));
        };
        let mut last_end = 0;
        for Splice { start, end, .. } in splices {
            let place = format!("has a splice {start}..{end} of `{path}` ({} bytes)", text.len());
            if start > end || *end > text.len() {
                return Err(format!("{place} that lies outside"));
            }
            if !text.is_char_boundary(*start) || !text.is_char_boundary(*end) {
                return Err(format!("{place} that cuts a character"));
            }
            if *start < last_end {
                return Err(format!("{place} that overlaps the one before or stands out of order"));
            }
            last_end = *end;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(path: &str, ranges: &[(usize, usize)]) -> Result<(), String> {
        let splice =
            |(start, end): &(usize, usize)| Splice { start: *start, end: *end, _text: String::new() };
        let splices = BTreeMap::from([(path.to_owned(), ranges.iter().map(splice).collect())]);
        let documents = BTreeMap::from([("a.md".to_owned(), "one \u{e4} two".to_owned())]);
        check(&Edit { splices, _attempt: None, _summary: String::new() }, &documents)
    }

    #[test]
    fn an_edit_must_fit_the_documents_that_were_seen() {
        assert_eq!(checked("a.md", &[(0, 3), (3, 3), (4, 6), (10, 10)]), Ok(()));
        for (path, ranges, reason) in [
            ("b.md", &[][..], "which it did not ask to see"),
            ("a.md", &[(3, 11)][..], "lies outside"),
            ("a.md", &[(4, 3)][..], "lies outside"),
            ("a.md", &[(0, 5)][..], "cuts a character"),
            ("a.md", &[(0, 3), (2, 4)][..], "overlaps"),
        ] {
            let error = checked(path, ranges).expect_err(reason);
            assert!(error.contains(reason), "{error}");
        }
    }
}
