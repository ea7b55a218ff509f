//! The state of the git repository that the run stands in: head, branch, dirty files, remotes.
//!
//! Asked with `GIT_OPTIONAL_LOCKS=0`, because `git status` otherwise refreshes the index file: an
//! evidence-only run must not write even that. Credentials are cut out of remote addresses.

use runner_plugin::Host;
use serde_json::{Map, Value, json};

use crate::unknown::Unknown;
use crate::{program, redaction};

const TIMEOUT_S: f64 = 20.0;

pub(crate) fn look(host: Host, unknown: &mut Unknown) -> Value {
    let git = |arguments: &[&str]| {
        let argv: Vec<&str> = std::iter::once("git").chain(arguments.iter().copied()).collect();
        program::output(host, &argv, &[("GIT_OPTIONAL_LOCKS", "0")], TIMEOUT_S)
    };
    let status = match git(&["status", "--porcelain=v2", "--branch", "-z"]) {
        Ok(status) => status,
        Err(reason) => {
            unknown.note("git", &reason);
            return Value::Null;
        }
    };
    let Status { head, branch, dirty } = Status::read(&status);
    // With `--dirty` git would write its index, whatever it is told.
    let changed = dirty.iter().any(|file| file["status"] != "??");
    let describe = git(&["describe", "--always", "--tags"])
        .map(|text| format!("{}{}", text.trim(), if changed { "-dirty" } else { "" }));
    // Not `git config`: that would fail where there is no remote, which is no failure.
    let remotes = git(&["remote", "--verbose"]).map(|text| remotes(&text));
    json!({
        "head": unknown.or_null("git.head", head.ok_or_else(|| "there is no commit yet".to_owned())),
        "branch": unknown.or_null("git.branch", branch.ok_or_else(|| "the head is detached".to_owned())),
        "describe": unknown.or_null("git.describe", describe),
        "dirty": !dirty.is_empty(),
        "dirty_count": dirty.len(),
        "dirty_files": dirty,
        "remotes": unknown.or_null("git.remotes", remotes),
    })
}

/// What `git status --porcelain=v2 --branch -z` says.
#[derive(Debug, Default)]
struct Status {
    head: Option<String>,
    branch: Option<String>,
    /// `{"status": "M.", "path": ".."}`: git's two letters (index, work tree), `??` for untracked.
    dirty: Vec<Value>,
}

impl Status {
    fn read(text: &str) -> Self {
        let mut status = Self::default();
        let mut records = text.split('\0');
        while let Some(record) = records.next() {
            if let Some(head) = record.strip_prefix("# branch.oid ") {
                status.head = (head != "(initial)").then(|| head.to_owned());
            } else if let Some(branch) = record.strip_prefix("# branch.head ") {
                status.branch = (branch != "(detached)").then(|| branch.to_owned());
            } else if let Some(path) = record.strip_prefix("? ") {
                status.dirty.push(json!({ "status": "??", "path": path }));
            } else if let Some((fields, renamed)) = changed(record) {
                let mut file = json!({ "status": fields.0, "path": fields.1 });
                if renamed {
                    file["from"] = records.next().unwrap_or_default().into();
                }
                status.dirty.push(file);
            }
        }
        status
    }
}

/// An entry of a changed file: its two letters and its path, and whether the old path follows. The kinds
/// differ in how many fields stand before the path, which may itself hold spaces.
fn changed(record: &str) -> Option<((&str, &str), bool)> {
    let fields = match record.as_bytes().first()? {
        b'1' => 9,
        b'2' => 10,
        b'u' => 11,
        _ => return None,
    };
    let mut parts = record.splitn(fields, ' ');
    let letters = parts.nth(1)?;
    Some(((letters, parts.last()?), fields == 10))
}

/// Remote name to address, without credentials; only the one that is fetched from.
fn remotes(text: &str) -> Value {
    let mut remotes = Map::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('\t') else { continue };
        if let Some(address) = rest.strip_suffix(" (fetch)") {
            remotes.insert(name.to_owned(), redaction::without_credentials(address).into());
        }
    }
    Value::Object(remotes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dirty_tree_is_listed_with_spaces_renames_and_conflicts() {
        let zeros = "0".repeat(40);
        let text = format!(
            "# branch.oid 1234abcd\0# branch.head main\0# branch.ab +1 -0\0\
             1 .M N... 100644 100644 100644 {zeros} {zeros} src/a file.rs\0\
             2 R. N... 100644 100644 100644 {zeros} {zeros} R100 new.rs\0old name.rs\0\
             u UU N... 100644 100644 100644 100644 {zeros} {zeros} {zeros} both.rs\0\
             ? notes to self.txt\0"
        );
        let status = Status::read(&text);
        assert_eq!(status.head.as_deref(), Some("1234abcd"));
        assert_eq!(status.branch.as_deref(), Some("main"));
        assert_eq!(
            Value::Array(status.dirty),
            json!([
                { "status": ".M", "path": "src/a file.rs" },
                { "status": "R.", "path": "new.rs", "from": "old name.rs" },
                { "status": "UU", "path": "both.rs" },
                { "status": "??", "path": "notes to self.txt" },
            ])
        );
    }

    #[test]
    fn an_empty_repository_and_a_detached_head_are_unknown_not_empty() {
        let status = Status::read("# branch.oid (initial)\0# branch.head (detached)\0");
        assert_eq!((status.head, status.branch), (None, None));
        assert!(status.dirty.is_empty());
    }

    #[test]
    fn a_remote_is_listed_once_and_without_its_token() {
        let text = "origin\thttps://bot:t0ken@example.org/a.git (fetch)\n\
                    origin\thttps://bot:t0ken@example.org/a.git (push)\n\
                    fork\tgit@example.org:b.git (fetch)\n";
        assert_eq!(
            remotes(text),
            json!({ "origin": "https://example.org/a.git", "fork": "git@example.org:b.git" })
        );
    }
}
