//! The rule `top_operation`: where there is a profile, the summary names what took longest.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Rule;
use crate::audit::Finding;
use crate::audit::subject::{Entry, Subject, is_kind};
use crate::audit::text::Text;

pub const RULE: Rule = Rule {
    id: "top_operation",
    what: "where there is a trace or a profile, the summary names one of the ten longest operations",
    unless: "there is no trace and no profile",
    check,
};

/// How much of a trace is looked at.
const LOOKED_AT: u64 = 32 << 20;
/// How many operations count as the top.
const TOP: usize = 10;

fn check(subject: &Subject) -> Finding {
    let profiles: Vec<&Entry> = subject.files.iter().filter(|file| is_profile(subject, file)).collect();
    let Some(first) = profiles.first() else {
        return Finding::not_applicable("there is no trace and no profile");
    };
    let Some(summary) = subject.summaries.first() else {
        return Finding::broken(format!(
            "there is no summary that could name an operation of `{}`",
            first.name
        ));
    };
    let mut top: Vec<String> = Vec::new();
    for file in profiles.iter().filter(|file| file.regular) {
        top.extend(operations(subject, &file.name));
    }
    for text in &subject.summaries {
        let named = text.lines().find(|(_, line)| top.iter().any(|name| line.contains(name.as_str())));
        if let Some((line, _)) = named {
            return Finding::holds(format!("names an operation of `{}`", first.name)).at(&text.name, line);
        }
    }
    if !top.is_empty() {
        let names: Vec<String> = top.iter().take(3).map(|name| format!("`{name}`")).collect();
        let reason =
            format!("names none of the longest operations of `{}`: {}", first.name, names.join(", "));
        return Finding::broken(reason).in_file(&summary.name);
    }
    // A format that is not read here: a ranking under such a title must do.
    match subject.summaries.iter().find_map(|text| Some((text, ranking(text)?))) {
        Some((text, line)) => {
            Finding::holds(format!("ranks operations; `{}` itself is not read", first.name))
                .at(&text.name, line)
        }
        None => Finding::broken(format!("ranks no operations, although there is `{}`", first.name))
            .in_file(&summary.name),
    }
}

fn is_profile(subject: &Subject, file: &Entry) -> bool {
    let lower = file.name.to_ascii_lowercase();
    // What a failed attempt of ours left behind is not what the summary ranks.
    if subject.is_own() && (lower.starts_with("failed/") || lower.starts_with("fallback/")) {
        return false;
    }
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let stem = name.strip_suffix(".gz").unwrap_or(name);
    let endings =
        [".prof", ".pstats", ".folded", ".nsys-rep", ".qdrep", ".ncu-rep", ".trace.json", ".speedscope.json"];
    matches!(stem, "trace.json" | "hotspots.json" | "flamegraph.svg" | "perf.data" | "chrome_trace.json")
        || endings.iter().any(|ending| stem.ends_with(ending))
        || (stem.starts_with("trace") && is_kind(stem, &["json"]))
}

/// The longest operations of a profile whose format is known.
fn operations(subject: &Subject, name: &str) -> Vec<String> {
    let path = subject.path.join(name);
    let read = || Text::read_at_most(&path, name, LOOKED_AT).ok();
    if name.ends_with("hotspots.json") {
        let document: Option<Value> = read().and_then(|text| serde_json::from_str(&text.content).ok());
        let list = document.as_ref().and_then(|document| document.get("operations")?.as_array());
        let of_kernel = |operation: &&Value| operation.get("kind").is_none_or(|kind| kind == "kernel");
        let functions = list.into_iter().flatten().filter(of_kernel);
        let names = functions.filter_map(|operation| operation.get("function")?.as_str());
        return names.take(TOP).map(str::to_owned).collect();
    }
    if name.ends_with(".folded") {
        let text = read().map(|text| text.content).unwrap_or_default();
        let leaves = text.lines().filter_map(|line| {
            let (stack, samples) = line.rsplit_once(' ')?;
            Some((stack.rsplit(';').next()?.to_owned(), samples.parse().ok()?))
        });
        return longest(leaves);
    }
    if is_kind(name, &["json"]) && !name.ends_with(".speedscope.json") {
        return longest(durations(&read().map(|text| text.content).unwrap_or_default()).into_iter());
    }
    Vec::new()
}

/// Name and duration of every complete event of a Chrome trace; one that is cut at its end is read as well.
/// Where a trace has operators and kernels, the interpreter's frames around them are no operation.
fn durations(text: &str) -> Vec<(String, f64)> {
    let (mut found, mut category, mut name, mut rest) = (Vec::new(), "", None::<&str>, text);
    let quoted = |value: &'_ str| value.trim_start().strip_prefix('"').and_then(|value| value.find('"'));
    while let Some(at) = rest.find('"') {
        rest = &rest[at..];
        if let Some(value) = rest.strip_prefix("\"cat\":") {
            category = quoted(value).map_or("", |end| &value.trim_start()[1..=end]);
        } else if let Some(value) = rest.strip_prefix("\"name\":") {
            name = quoted(value).map(|end| &value.trim_start()[1..=end]);
        } else if let Some(value) = rest.strip_prefix("\"dur\":").map(str::trim_start) {
            let digits: String = value.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            if let (Some(name), Ok(duration)) = (name.take(), digits.parse()) {
                found.push((std::mem::take(&mut category), name.to_owned(), duration));
            }
        }
        rest = &rest[1..];
    }
    let is_operator = |category: &str| matches!(category, "cpu_op" | "kernel" | "gpu_memcpy" | "operator");
    let operators = found.iter().any(|(category, _, _)| is_operator(category));
    let useful = found.into_iter().filter(|(category, _, _)| !operators || is_operator(category));
    useful.map(|(_, name, duration)| (name, duration)).collect()
}

fn longest(operations: impl Iterator<Item = (String, f64)>) -> Vec<String> {
    let mut totals: BTreeMap<String, f64> = BTreeMap::new();
    for (name, duration) in operations {
        // Frames that enclose everything are no operation.
        let wrapper =
            ["ProfilerStep", "PyTorch Profiler", "Iteration"].iter().any(|known| name.starts_with(known));
        if name.len() >= 3 && !wrapper {
            *totals.entry(name).or_default() += duration;
        }
    }
    let mut ranked: Vec<(String, f64)> = totals.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().take(TOP).map(|(name, _)| name).collect()
}

/// The line of a title such as `Top operations` with a list or table of figures below it.
fn ranking(text: &Text) -> Option<usize> {
    let titles = ["top operation", "hotspot", "hot loop", "top op", "inclusive", "self time", "top function"];
    let lines: Vec<(usize, &str)> = text.lines().collect();
    lines.iter().enumerate().find_map(|(index, (number, line))| {
        let lower = line.to_ascii_lowercase();
        let title = titles.iter().any(|title| lower.contains(title));
        let figures = lines.iter().skip(index + 1).take(12).any(|(_, line)| {
            line.trim_start().starts_with(['-', '*', '|', '1']) && line.contains(|c: char| c.is_ascii_digit())
        });
        (title && figures).then_some(*number)
    })
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::judge;

    const TRACE: &str = r#"{"traceEvents": [
        {"ph": "X", "name": "ProfilerStep#1", "ts": 1, "dur": 900},
        {"ph": "X", "cat": "python_function", "name": "threading.py(1): run", "ts": 1, "dur": 800},
        {"ph": "X", "cat": "cpu_op", "name": "aten::einsum", "ts": 1, "dur": 500.5},
        {"ph": "X", "cat": "cpu_op", "name": "aten::add", "ts": 1, "dur": 3}, {"ph": "X", "name": "cut"#;

    #[test]
    fn an_operation_of_the_trace_must_be_named() {
        let named =
            judge("top_operation", &[("p/trace.json", TRACE), ("summary.md", "# X\naten::einsum 55 %\n")]);
        assert_eq!(named.to_string(), "summary.md:2: names an operation of `p/trace.json`");
        let silent = judge("top_operation", &[("p/trace.json", TRACE), ("summary.md", "# X\nfailed\n")]);
        assert_eq!(silent.verdict, Verdict::Broken);
        assert!(silent.reason.ends_with("`aten::einsum`, `aten::add`"), "{silent}");
    }

    #[test]
    fn a_format_that_is_not_read_asks_for_a_ranking() {
        let ranked = "# X\n## Top operations\n\n1. einsum 55 %\n";
        for (summary, verdict) in [(ranked, Verdict::Holds), ("# X\nfast\n", Verdict::Broken)] {
            assert_eq!(
                judge("top_operation", &[("run.prof", "x"), ("summary.md", summary)]).verdict,
                verdict
            );
        }
    }

    #[test]
    fn folded_stacks_are_ranked_by_their_leaves_and_without_a_profile_there_is_nothing_to_name() {
        let files =
            [("stacks.folded", "main;run;phi_loop 90\nmain;io 3\n"), ("summary.md", "phi_loop is hot\n")];
        assert_eq!(judge("top_operation", &files).verdict, Verdict::Holds);
        assert_eq!(judge("top_operation", &[("summary.md", "x\n")]).verdict, Verdict::NotApplicable);
        assert_eq!(judge("top_operation", &[("trace.json", TRACE)]).verdict, Verdict::Broken, "no summary");
    }
}
