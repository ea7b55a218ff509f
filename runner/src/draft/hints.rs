//! Small conclusions of a draft that are no keys of a note: which step makes an artifact, what a step is
//! called, which gates the note may mean.
//!
//! Called by [`crate::draft::page`] with what [`Reading`] found. Each is a guess that can be wrong, so gates stand
//! in the draft as comments, and nothing here may become a condition that holds a run.

use crate::draft::command;
use crate::draft::lazy_regex::{LazyRegex, group};
use crate::draft::note::{HandoffNote, Item, Key};
use crate::draft::places::BUNDLE;
use crate::draft::reading::{Planned, Reading, VAR, planned_text};
use crate::spec::reserved::OWN_FILES;

static BOUND: LazyRegex = LazyRegex::new(
    r"([A-Za-z][A-Za-z0-9_]*) ?(<=|>=|<|>|\u{2264}|\u{2265}) ?([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)",
);
static NEAR_ONE: LazyRegex = LazyRegex::new(
    r"\|([A-Za-z][A-Za-z0-9_]*) ?[-\u{2212}\u{2013}] ?1(?:\.0)?\| ?(<=|>=|<|>|\u{2264}|\u{2265}) ?([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)",
);
static RESULTS: LazyRegex =
    LazyRegex::new(r"(?-u:\b)([A-Za-z0-9_-]*(?:result|metric|benchmark)[A-Za-z0-9_-]*\.json)");

static SPAN: LazyRegex = LazyRegex::new(r"`([^`\n]+)`");

/// Whether a file of the bundle is written by the runner itself.
pub(super) fn reserved(name: &str) -> bool {
    OWN_FILES.contains(&name)
        || ["logs/", "failed/", "fallback/"].iter().any(|directory| name.starts_with(directory))
}

/// The required artifacts that nothing in the workflow is seen to make.
pub(super) fn unmade(reading: &Reading<'_>) -> Vec<String> {
    let steps: Vec<&Planned<'_>> = reading.work.iter().chain(&reading.collect).collect();
    let made = |name: &str| {
        let marked = format!("{BUNDLE}/{}", name.trim_end_matches('/'));
        reserved(name)
            || name == "env.json"
            || name == "logs/"
            || name == "collect.json" && reading.collect.is_some()
            || steps.iter().any(|planned| {
                planned.command.log.as_deref() == Some(name)
                    || planned_text(&planned.command).contains(&marked)
            })
    };
    reading.artifacts.requires.iter().map(|(name, _)| name.clone()).filter(|name| !made(name)).collect()
}

/// The interpreter that the commands use, when it is not the one that `env-capture` asks anyway.
pub(super) fn python<'a>(reading: &'a Reading<'_>) -> Option<&'a str> {
    let programs = reading.work.iter().filter_map(|planned| planned.command.argv.first());
    let mut pythons =
        programs.filter(|program| program.rsplit('/').next().is_some_and(|n| n.starts_with("python")));
    pythons.next().map(String::as_str).filter(|program| *program != "python3" && !program.contains(BUNDLE))
}

/// What a step is called: by what it runs.
pub(super) fn step_id(planned: &Planned<'_>) -> &'static str {
    let text = planned_text(&planned.command);
    let program = planned.command.argv.first().map_or("", String::as_str);
    let tests = ["pytest", "py.test", "ctest", "tox", "nox"].contains(&program)
        || text.starts_with("cargo test")
        || text.contains("-m pytest");
    if text.contains("profile") {
        "capture"
    } else if tests {
        "tests"
    } else {
        "work"
    }
}

/// Comments about gates: those that the note's bounds may mean, never as gates themselves, because the note
/// does not say where the program writes its figures.
pub(super) fn gates(note: &HandoffNote) -> Vec<String> {
    let mut gates: Vec<String> = Vec::new();
    let mut file = None;
    for item in &note.items {
        file = file.or_else(|| RESULTS.first(&item.text).map(|found| group(&found, 1).to_owned()));
        let inverted =
            item.section == crate::draft::Section::Known(Key::IfBlocked) || item.text.contains("stop");
        let found = BOUND.all(&item.text).into_iter().map(|found| ("metrics.", "", found));
        let near = NEAR_ONE.all(&item.text).into_iter().map(|found| ("(metrics.", " - 1) | abs", found));
        for (before, behind, found) in found.chain(near) {
            let sign = match (group(&found, 2), inverted) {
                ("<" | "\u{2264}" | "<=", true) | ("\u{2265}", false) => ">=",
                (_, true) | ("\u{2264}", false) => "<=",
                (sign, false) => sign,
            };
            let gate = format!("{before}{}{behind} {sign} {}", group(&found, 1), group(&found, 3));
            if !gates.contains(&gate) {
                gates.push(gate);
            }
        }
    }
    let file = file.unwrap_or_else(|| "results.json".to_owned());
    let example = format!("# metrics: {{ file: \"**/{file}\", values: {{ NAME: \"result.NAME\" }} }}");
    if gates.is_empty() {
        let words = [
            "# No gate: the note names no condition on a figure. Exit status 0 is not success: let the program write",
            "# its figures to a JSON file of the bundle, and say here what must hold:",
            &example,
            "# gates: [\"metrics.NAME >= 0.999\"]",
        ];
        return words.map(str::to_owned).to_vec();
    }
    let mut hints = vec![
        "# The note has bounds on figures. Say where the program writes them; then these may be the gates:"
            .to_owned(),
        example,
    ];
    hints.push("# gates:".to_owned());
    hints.extend(gates.into_iter().map(|gate| format!("#   - {gate}")));
    hints
}

/// The step that already does what an item says once more.
pub(super) fn same(item: &Item, reading: &Reading<'_>) -> Option<String> {
    let plain = |text: &str| text.replace([VAR.0, VAR.1, '"', '\''], "");
    let lines: Vec<String> = command::commands(item)
        .iter()
        .map(|line| reading.artifacts.marked(&command::without_stamp(line)))
        .filter(|line| !line.is_empty())
        .collect();
    let does = |line: &String| {
        let parts = command::steps_of(line, &mut command::Session::default());
        !parts.is_empty()
            && parts.iter().all(|part| {
                let text = plain(&planned_text(part));
                let mut known = reading
                    .work
                    .iter()
                    .chain(&reading.collect)
                    .map(|planned| plain(&asked_text(planned, reading)));
                known.any(|known| known == text)
            })
    };
    if !lines.is_empty() && lines.iter().all(does) {
        return Some("a step above runs that".to_owned());
    }
    let step = reading.work.iter().find(|planned| names(item, planned, reading))?;
    Some(format!("in step `{}`, with all that stands in backticks here", step_id(step)))
}

/// Whether an item only tells how to run a step, and everything that it names is in that step.
fn names(item: &Item, planned: &Planned<'_>, reading: &Reading<'_>) -> bool {
    let spans = SPAN.all(&item.text);
    let command = &planned.command;
    let mut has = format!("{} ", asked_text(planned, reading).replace(BUNDLE, ""));
    has.extend(command.env.iter().map(|(name, value)| format!("{name}={value} ")));
    let tells = ["execute", "run "].iter().any(|verb| item.text.to_lowercase().starts_with(verb));
    tells && !spans.is_empty() && spans.iter().all(|span| has.contains(group(span, 1)))
}

/// A step's command with the values that its variables have.
fn asked_text(planned: &Planned<'_>, reading: &Reading<'_>) -> String {
    let mut text = planned_text(&planned.command);
    for (name, asked, _) in reading.smaller.iter().flat_map(|smaller| &smaller.vars) {
        text = text.replace(&format!("{}{name}{}", VAR.0, VAR.1), asked);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_compile() {
        assert!([&BOUND, &NEAR_ONE, &RESULTS, &SPAN].iter().all(|pattern| pattern.compiles()));
    }

    #[test]
    fn the_bounds_of_a_note_become_proposals_of_gates() {
        let text = "If Blocked: If correlation_warm < 0.999 or |sum_ratio\u{2212}1| > 5e-3, stash benchmark_results.json.";
        let hints = gates(&HandoffNote::parse("n.md", text).expect("a note"));
        assert_eq!(
            hints[1],
            "# metrics: { file: \"**/benchmark_results.json\", values: { NAME: \"result.NAME\" } }"
        );
        let wanted =
            ["#   - metrics.correlation_warm >= 0.999", "#   - (metrics.sum_ratio - 1) | abs <= 5e-3"];
        assert_eq!(hints[3..], wanted);
    }
}
