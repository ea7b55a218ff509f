//! The rule `test_list`: the collected list of tests is in the bundle, with how many they are.

use super::Rule;
use crate::audit::Finding;
use crate::audit::subject::{Subject, is_kind};
use crate::audit::text::Text;
use crate::diagnostic::counted;

pub const RULE: Rule = Rule {
    id: "test_list",
    what: "`collect.log` or `pytest_collect.log` lists the tests, at least one, and as many as it says",
    unless: "nothing in the bundle speaks of tests and the repository has none; or a plan of ours does not ask for it",
    check,
};

fn check(subject: &Subject) -> Finding {
    let lists = subject.files.iter().filter(|file| {
        let name = file.name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        name.contains("collect") && is_kind(&name, &["log", "txt"])
    });
    let Some(list) = lists.into_iter().next() else { return without(subject) };
    match subject.text(&list.name) {
        Ok(text) => judge(&text),
        Err(reason) => Finding::unknown(reason),
    }
}

fn judge(text: &Text) -> Finding {
    let listed = text.lines().filter(|(_, line)| is_test(line)).count();
    let stated = text.lines().filter_map(|(line, content)| Some((line, stated(content)?))).last();
    let failed = text.lines().find(|(_, line)| line.starts_with("ERROR") || line.starts_with("error:"));
    if let Some((line, content)) = failed {
        return Finding::broken(format!("the tests could not be collected: {content}")).at(&text.name, line);
    }
    match stated {
        Some((line, 0)) => Finding::broken("no test was collected").at(&text.name, line),
        Some((line, stated)) if listed > 0 && listed != stated && !text.cut => {
            Finding::broken(format!("says {stated}, and lists {listed}")).at(&text.name, line)
        }
        Some((line, stated)) => Finding::holds(counted(stated, "test")).at(&text.name, line),
        None if listed > 0 => {
            Finding::holds(format!("{} listed", counted(listed, "test"))).in_file(&text.name)
        }
        None => Finding::broken("lists no test and states no number").in_file(&text.name),
    }
}

fn without(subject: &Subject) -> Finding {
    if subject.is_own() {
        return Finding::not_applicable("the plan does not ask for a list of tests");
    }
    let words = ["pytest", "cargo test", "ctest", "npm test", "go test", "tests collected"];
    let texts = subject.command_texts.iter().chain(&subject.summaries);
    let spoken = texts.flat_map(|text| text.lines().map(move |(line, content)| (text, line, content)));
    for (text, line, content) in spoken {
        if words.iter().any(|word| content.contains(word)) {
            return Finding::broken("speaks of tests, and no collect.log lists them").at(&text.name, line);
        }
    }
    let kept = ["tests", "test", "conftest.py", "pytest.ini"];
    let in_repository = subject
        .root
        .as_ref()
        .and_then(|root| kept.iter().find(|name| root.join(name).symlink_metadata().is_ok()));
    match in_repository {
        Some(name) => {
            Finding::broken(format!("the repository has `{name}`, and no collect.log lists its tests"))
        }
        None => Finding::not_applicable("nothing here speaks of tests"),
    }
}

/// A line of `pytest --collect-only -q`, of `cargo test -- --list`, or of `ctest -N`.
fn is_test(line: &str) -> bool {
    let line = line.trim();
    let pytest = line.contains(".py::") && !line.contains(' ');
    let parameter = line.contains(".py::") && line.contains('[') && line.ends_with(']');
    pytest || parameter || line.ends_with(": test") || (line.starts_with("Test ") && line.contains('#'))
}

/// The number that such a program states at its end.
fn stated(line: &str) -> Option<usize> {
    let line = line.trim().trim_matches('=').trim();
    if let Some(total) = line.strip_prefix("Total Tests:") {
        return total.trim().parse().ok();
    }
    if line.starts_with("no tests collected") {
        return Some(0);
    }
    let (number, rest) = line.split_once(' ')?;
    let is_count = rest.starts_with("tests collected")
        || rest.starts_with("test collected")
        || rest.starts_with("tests, ")
        || rest.starts_with("test, ");
    // `12/15 tests collected (3 deselected)`
    is_count.then(|| number.split('/').next()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    #[test]
    fn the_lists_of_pytest_and_cargo_are_counted() {
        let pytest = "tests/a.py::X::one\ntests/a.py::two[a b]\n\n2 tests collected in 0.10s\n";
        let finding = judge("test_list", &[("pytest_collect.log", pytest)]);
        assert_eq!(finding.to_string(), "pytest_collect.log:4: 2 tests");
        let cargo = "a::b: test\n\n1 test, 0 benchmarks\n";
        assert_eq!(judge("test_list", &[("collect.log", cargo)]).verdict, Verdict::Holds);
        assert_eq!(
            judge("test_list", &[("collect.log", "a.py::b\n")]).to_string(),
            "collect.log: 1 test listed"
        );
    }

    #[test]
    fn nothing_collected_another_number_and_an_error_break_it() {
        for text in
            ["", "no tests collected in 0.1s\n", "a.py::b\n2 tests collected in 1s\n", "ERROR tests/a.py\n"]
        {
            assert_eq!(judge("test_list", &[("collect.log", text)]).verdict, Verdict::Broken, "{text}");
        }
    }

    #[test]
    fn it_applies_where_tests_are_spoken_of() {
        let finding = judge("test_list", &[("commands.txt", "make\npytest -q\n")]);
        assert_eq!(finding.to_string(), "commands.txt:2: speaks of tests, and no collect.log lists them");
        assert_eq!(judge("test_list", &[("commands.txt", "make\n")]).verdict, Verdict::NotApplicable);
    }
}
