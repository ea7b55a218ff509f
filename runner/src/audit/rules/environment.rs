//! The rule `environment`: the machine and the tools are written down; what is not there is null, not guessed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Rule;
use crate::audit::Finding;
use crate::audit::subject::{Subject, is_environment_name};
use crate::audit::text::Text;

pub const RULE: Rule = Rule {
    id: "environment",
    what: "`env.json` or the like states python, torch, CUDA, operating system and CPU; what is not there is null",
    unless: "",
    check,
};

/// What must be stated, and the words by which it is known.
const FACTS: [(&str, &[&str]); 5] = [
    ("python", &["python"]),
    ("torch", &["torch"]),
    ("CUDA", &["cuda"]),
    ("operating system", &["os", "platform", "system", "kernel", "uname", "linux", "darwin", "windows"]),
    ("CPU", &["cpu", "cpus", "processor", "cpu_model", "cpu_count"]),
];
/// Words that stand where a fact is not known.
const GUESSES: [&str; 10] =
    ["", "unknown", "n/a", "na", "none", "?", "tbd", "todo", "not available", "not captured"];

fn check(subject: &Subject) -> Finding {
    let (Some(first), all) = (subject.environments.first(), &subject.environments) else {
        let named = |reason: &&String| {
            is_environment_name(reason.split(" cannot be read").next().unwrap_or_default())
        };
        return match subject.unreadable.iter().find(named) {
            Some(reason) => Finding::unknown(reason.clone()),
            None => Finding::broken("no file tells on what machine and with what tools"),
        };
    };
    let mut stated: BTreeMap<&str, &Text> = BTreeMap::new();
    for text in all {
        for (fact, value, line) in facts(text) {
            if value.is_some_and(|value| GUESSES.contains(&value.trim().to_ascii_lowercase().as_str())) {
                return Finding::broken(format!(
                    "{fact} has a placeholder: write null where it is not there"
                ))
                .at(&text.name, line);
            }
            stated.entry(fact).or_insert(text);
        }
    }
    let missing: Vec<&str> =
        FACTS.iter().map(|(fact, _)| *fact).filter(|fact| !stated.contains_key(fact)).collect();
    if missing.is_empty() {
        return Finding::holds("states python, torch, CUDA, operating system and CPU").in_file(&first.name);
    }
    Finding::broken(format!("says nothing of {}", missing.join(", "))).in_file(&first.name)
}

/// The facts of a text: which, its value when that is a text, and the line.
fn facts(text: &Text) -> Vec<(&'static str, Option<String>, usize)> {
    let mut found = Vec::new();
    if let Ok(document) = serde_json::from_str::<Value>(&text.content) {
        members(&document, 3, &mut |key, value| {
            let Some(fact) = fact_of(key) else { return };
            let quoted = format!("\"{key}\"");
            let line = text.lines().find(|(_, line)| line.contains(&quoted)).map_or(1, |(line, _)| line);
            found.push((fact, value.as_str().map(str::to_owned), line));
        });
        return found;
    }
    for (line, content) in text.lines() {
        let lower = content.to_ascii_lowercase();
        let words =
            lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        for word in words {
            let value = lower.split_once([':', '=']).map(|(_, value)| value.trim().to_owned());
            // A line such as `Python version:` has its value on the next one.
            let value = value.filter(|value| !value.is_empty() && lower.trim_start().starts_with(word));
            found.extend(fact_of(word).map(|fact| (fact, value, line)));
        }
    }
    found
}

fn members(value: &Value, depth: usize, seen: &mut impl FnMut(&str, &Value)) {
    if let Value::Object(object) = value {
        for (key, value) in object {
            seen(key, value);
            if depth > 0 {
                members(value, depth - 1, seen);
            }
        }
    }
}

fn fact_of(key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase();
    let is = |word: &str| {
        key == word
            // `python_version`, `pytorch`, `cuda_available`: a word of four letters cannot be another's part.
            || (word.len() >= 4 && (key.starts_with(word) || key.ends_with(word)))
            || key.split('_').any(|part| part == word)
    };
    FACTS.iter().find(|(_, words)| words.iter().any(|word| is(word))).map(|(fact, _)| *fact)
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    #[test]
    fn null_is_an_answer_and_a_placeholder_is_none() {
        let null = r#"{"python": null, "torch": null, "cuda_available": null, "os": "Linux", "cpu": {"model": "x"}}"#;
        assert_eq!(judge("environment", &[("env.json", null)]).verdict, Verdict::Holds);
        let guess = "{\n\"python\": \"3.13\",\n\"torch\": \"unknown\"\n}";
        let finding = judge("environment", &[("env.json", guess)]);
        assert_eq!(finding.verdict, Verdict::Broken);
        assert_eq!(
            finding.to_string(),
            "env.json:3: torch has a placeholder: write null where it is not there"
        );
    }

    #[test]
    fn what_is_not_stated_is_named() {
        let finding = judge("environment", &[("env.json", r#"{"python": "3.13.5", "pytorch": "2.7.1"}"#)]);
        assert_eq!(finding.to_string(), "env.json: says nothing of CUDA, operating system, CPU");
        assert_eq!(judge("environment", &[("a.md", "x")]).verdict, Verdict::Broken);
    }

    #[test]
    fn a_text_for_people_counts_too() {
        let text = "Python version:\nPython 3.13.5\nPyTorch version:\n2.7.1\nCUDA available:\nTrue\n\
                    Linux 6.14\nCPU: EPYC\n";
        let finding = judge("environment", &[("env_info.txt", text)]);
        assert_eq!(finding.verdict, Verdict::Holds, "{finding}");
    }
}
