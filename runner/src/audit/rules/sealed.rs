//! The rule `sealed`: a manifest or a list of checksums names every file, and every file matches.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Rule;
use crate::audit::Finding;
use crate::audit::subject::{Subject, is_kind};
use crate::audit::text::{self, Text};
use crate::diagnostic::counted;
use crate::fs::digest_file;

pub const RULE: Rule = Rule {
    id: "sealed",
    what: "a manifest or a list of SHA-256 checksums names every file, and every file matches it",
    unless: "",
    check,
};

/// How many bytes of one bundle are digested.
const DIGESTED: u64 = 4 << 30;

/// A line of a list: the file as it is named there, and its digest.
struct Listed {
    line: usize,
    path: String,
    sha256: String,
}

fn check(subject: &Subject) -> Finding {
    let mut names = subject.files.iter().filter(|file| is_list(&file.name)).map(|file| file.name.as_str());
    let Some(name) = names.next() else { return Finding::broken("no manifest and no list of checksums") };
    let text = match Text::read_at_most(&subject.path.join(name), name, 64 << 20) {
        Ok(text) if text.cut => return Finding::unknown("is too large to be read as a whole").in_file(name),
        Ok(text) => text,
        Err(reason) => return Finding::unknown(reason),
    };
    let listed = if is_kind(name, &["json"]) { of_manifest(&text) } else { of_checksums(&text) };
    if listed.is_empty() {
        let other = text.lines().any(|(_, line)| {
            let first = line.split_whitespace().next().unwrap_or_default();
            matches!(first.len(), 32 | 40 | 128) && first.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        return if other {
            Finding::unknown("its digests are not SHA-256, and are not checked").in_file(name)
        } else {
            Finding::broken("names no file with a SHA-256 digest").in_file(name)
        };
    }
    matches(subject, name, &listed)
}

fn matches(subject: &Subject, name: &str, listed: &[Listed]) -> Finding {
    let mut named: BTreeSet<String> = BTreeSet::from([name.to_owned()]);
    let (mut digested, mut left) = (0, 0);
    for entry in listed {
        let path =
            subject.inside(&entry.path).map_or_else(|| entry.path.clone(), |path| path.display().to_string());
        let path = path.trim_start_matches("./").to_owned();
        let problem = match subject.files.iter().find(|file| file.name == path) {
            None => Some("is gone"),
            Some(file) if digested + file.size > DIGESTED => {
                left += 1;
                None
            }
            Some(file) => {
                digested += file.size;
                match digest(&subject.path.join(&file.path), file.regular) {
                    Some(digest) if digest.eq_ignore_ascii_case(&entry.sha256) => None,
                    Some(_) => Some("has other bytes"),
                    None => Some("cannot be read"),
                }
            }
        };
        if let Some(problem) = problem {
            return Finding::broken(format!("`{path}` {problem}")).at(name, entry.line);
        }
        named.insert(path);
    }
    let unnamed: Vec<&str> =
        subject.files.iter().map(|file| file.name.as_str()).filter(|file| !named.contains(*file)).collect();
    match (unnamed.first(), left) {
        (Some(first), _) => Finding::broken(format!(
            "names {} of {}; `{first}` is not among them",
            named.len() - 1,
            counted(subject.files.len() - 1, "other file")
        ))
        .in_file(name),
        (None, 0) => {
            Finding::holds(format!("{}, all as they were", counted(listed.len(), "file"))).in_file(name)
        }
        (None, left) => {
            Finding::unknown(format!("{} are too large to be digested here", counted(left, "file")))
                .in_file(name)
        }
    }
}

/// Of a link, the digest of its target's name, as our manifests have it.
fn digest(path: &Path, regular: bool) -> Option<String> {
    if !regular {
        let target = path.read_link().ok()?;
        return Some(crate::fs::digest_bytes(target.as_os_str().as_encoded_bytes()).as_str().to_owned());
    }
    text::open(path).ok()?;
    digest_file(path).ok().map(|(digest, _)| digest.as_str().to_owned())
}

fn is_list(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let top = !lower.contains('/');
    let named = ["sha256", "checksum", "sha256sums", "manifest"].iter().any(|word| lower.contains(word));
    let kinds = [".txt", ".json", ".sha256", "sums", ".md5"];
    // The manifests that a bundle had before it was resumed name what was there then.
    let earlier = lower
        .strip_prefix("manifest.")
        .and_then(|rest| rest.strip_suffix(".json"))
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    top && named && !earlier && (kinds.iter().any(|kind| lower.ends_with(kind)) || !lower.contains('.'))
}

fn of_manifest(text: &Text) -> Vec<Listed> {
    let document: Value = serde_json::from_str(&text.content).unwrap_or_default();
    let files = document.get("files").unwrap_or(&document);
    let entry = |path: &str, sha256: &str| {
        let line =
            text.lines().find(|(_, line)| line.contains(&format!("\"{path}\""))).map_or(1, |(line, _)| line);
        Listed { line, path: path.to_owned(), sha256: sha256.to_owned() }
    };
    match files {
        Value::Array(list) => {
            // Looking each one up in the text would take the square of their number.
            let listed = list.iter().filter_map(|file| {
                let path = file.get("path").or_else(|| file.get("name"))?.as_str()?;
                Some(Listed {
                    line: 1,
                    path: path.to_owned(),
                    sha256: file.get("sha256")?.as_str()?.to_owned(),
                })
            });
            listed.collect()
        }
        Value::Object(map) if map.len() < 1000 => {
            let digest =
                |value: &Value| value.as_str().or_else(|| value.get("sha256")?.as_str()).map(str::to_owned);
            map.iter()
                .filter_map(|(path, value)| Some(entry(path, &digest(value)?)))
                .filter(is_sha256)
                .collect()
        }
        _ => Vec::new(),
    }
}

fn of_checksums(text: &Text) -> Vec<Listed> {
    let lines = text.lines().filter_map(|(line, content)| {
        let (sha256, path) = content.trim().split_once(char::is_whitespace)?;
        let path = path.trim_start().trim_start_matches('*').to_owned();
        Some(Listed { line, path, sha256: sha256.to_owned() })
    });
    lines.filter(is_sha256).collect()
}

fn is_sha256(listed: &Listed) -> bool {
    listed.sha256.len() == 64 && listed.sha256.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::{STAMP, judge};
    use crate::fs::digest_bytes;

    fn list(path: &str, content: &str) -> String {
        format!("{}  {path}\n", digest_bytes(content.as_bytes()))
    }

    #[test]
    fn a_list_that_names_all_files_and_matches_holds() {
        let short = list("a.md", "x");
        assert_eq!(judge("sealed", &[("sha256.txt", &short), ("a.md", "x")]).verdict, Verdict::Holds);
        let long = list(&format!("reports/x/{STAMP}/a.md"), "x");
        assert_eq!(judge("sealed", &[("SHA256SUMS", &long), ("a.md", "x")]).verdict, Verdict::Holds);
        let json = format!("{{\"files\": [{{\"path\": \"a.md\", \"sha256\": \"{}\"}}]}}", digest_bytes(b"x"));
        assert_eq!(judge("sealed", &[("manifest.json", &json), ("a.md", "x")]).verdict, Verdict::Holds);
        let earlier =
            format!("{{\"path\": \"manifest.1.json\", \"sha256\": \"{}\"}}, {{", digest_bytes(b"{}"));
        let json = json.replacen("[{", &format!("[{earlier}"), 1);
        let resumed = [("manifest.1.json", "{}"), ("manifest.json", json.as_str()), ("a.md", "x")];
        assert_eq!(judge("sealed", &resumed).verdict, Verdict::Holds);
    }

    #[test]
    fn a_changed_a_missing_and_an_unnamed_file_break_it() {
        let lines = format!("{}{}", list("a.md", "x"), list("b.md", "y"));
        let told = |files: &[(&str, &str)]| {
            let all = [&[("checksums.txt", lines.as_str())], files].concat();
            judge("sealed", &all).to_string()
        };
        assert_eq!(told(&[("a.md", "x"), ("b.md", "z")]), "checksums.txt:2: `b.md` has other bytes");
        assert_eq!(told(&[("a.md", "x")]), "checksums.txt:2: `b.md` is gone");
        assert_eq!(
            told(&[("a.md", "x"), ("b.md", "y"), ("c.md", "")]),
            "checksums.txt: names 2 of 3 other files; `c.md` is not among them"
        );
        assert_eq!(judge("sealed", &[("a.md", "x")]).verdict, Verdict::Broken);
        assert_eq!(judge("sealed", &[("checksums.txt", "hello\n")]).verdict, Verdict::Broken);
    }

    #[test]
    fn other_digests_are_not_checked_and_a_path_that_leads_out_is_no_file_of_the_bundle() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e  a.md\n";
        assert_eq!(judge("sealed", &[("checksums.txt", md5), ("a.md", "")]).verdict, Verdict::Unknown);
        let out = list("../../etc/passwd", "x");
        assert!(judge("sealed", &[("sha256.txt", &out)]).reason.ends_with("is gone"));
    }
}
