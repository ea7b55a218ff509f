//! The words of an attempt: [`Entry`], from a record to lines. Called by [`crate::edit`], which knows the
//! place. All that is said comes from the record, the next step also from the plan; a field without a
//! source says so instead of being left out. ASCII only.

use crate::ascii::{code, one_line};
use crate::figures;
use crate::measured;
use crate::record::{HotspotRecord, RunRecord, RunResult};
use crate::shortfall::Shortfall;

/// How many hotspots, surprises and artifacts are listed; the bundle holds the others.
const HOTSPOTS: usize = 5;
const SURPRISES: usize = 10;
const ARTIFACTS: usize = 24;
/// Lines of Next Actions.
const NEXT: usize = 10;

/// An attempt to be written.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its number.
    pub number: u64,
    /// Who ran it.
    pub who: Option<&'a str>,
    /// The run.
    pub record: &'a RunRecord,
    /// The plan row that comes next: ID, task, plan.
    pub next_row: Option<(&'a str, &'a str, &'a str)>,
}

/// How the lines of an attempt are indented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryStyle {
    /// What stands before the date: `  * ` or `### `.
    pub lead: String,
    /// Before `Metrics:` and the other labels.
    pub body: String,
    /// Before the bullets below a label.
    pub nested: String,
    /// The date of another entry, whose form is taken: `2026-01-02`, `2026-01-02 10:11Z`.
    pub date: Option<String>,
    /// Between the number and the result: `-`, `--` or `:`.
    pub dash: String,
}

impl Default for EntryStyle {
    fn default() -> Self {
        let [lead, body, nested] = [String::new(), String::new(), String::new()];
        Self { lead, body, nested, date: None, dash: "-".into() }
    }
}

impl Entry<'_> {
    /// The lines, without line breaks.
    pub fn lines(&self, style: &EntryStyle) -> Vec<String> {
        let record = self.record;
        let who = self.who.map_or_else(String::new, |who| format!(" ({})", one_line(who, 80)));
        let dash = if style.dash == ":" { ":".to_owned() } else { format!(" {}", style.dash) };
        let date = style.date.as_ref().and_then(|model| date_like(model, &record.stamp));
        let mut lines = vec![format!(
            "{}[{}] Attempt #{}{who}{dash} Result: {}. {}",
            style.lead,
            date.unwrap_or_else(|| record.date.clone()),
            self.number,
            record.result,
            self.sentence()
        )];
        let mut block = |label: &str, none: &str, entries: Vec<String>| {
            if entries.is_empty() {
                lines.push(format!("{}{label}: {none}", style.body));
                return;
            }
            lines.push(format!("{}{label}:", style.body));
            lines.extend(entries.iter().map(|entry| format!("{}{entry}", style.nested)));
        };
        let bullets = |entries: Vec<String>| entries.into_iter().map(|entry| format!("- {entry}")).collect();
        let numbered = self.next_actions().into_iter().zip(1..).map(|(step, at)| format!("{at}. {step}"));
        block("Metrics", "n/a - the record names no step.", bullets(figures::lines(&record.steps)));
        block("Artifacts", "", bullets(self.artifacts()));
        block("Observations/Hypotheses", "", bullets(self.observations()));
        block("Next Actions", "", numbered.collect());
        lines
    }

    /// What happened, in one sentence.
    fn sentence(&self) -> String {
        let record = self.record;
        let title = one_line(record.workflow.title.as_deref().unwrap_or(&record.workflow.id), 160);
        let shortfalls = Shortfall::all(&record.steps);
        let measured = measured::phrase(&record.steps).filter(|_| record.result == RunResult::Complete);
        let mut parts = vec![match (record.result, &record.reason) {
            (_, Some(reason)) => without_period(one_line(reason, 400)),
            (RunResult::Complete, None) => measured.clone().unwrap_or_else(|| {
                let ok = record.steps.iter().filter(|step| step.outcome == "ok").count();
                format!("{ok} of {} steps ended ok", record.steps.len())
            }),
            (_, None) => "no reason was recorded".into(),
        }];
        parts.extend(
            record.overridden().map(|set| format!("set on the command line: {}", one_line(&set, 200))),
        );
        for Shortfall { step, requested, actual, outcome, first_outcome } in &shortfalls {
            parts.push(format!(
                "step {step} requested {requested} ({first_outcome}) and ran {actual} instead ({outcome})"
            ));
        }
        if shortfalls.is_empty() && measured.is_none() {
            let asked = record.steps.iter().find_map(|step| {
                let last = step.attempts.last()?;
                let actual = last.actual.as_ref().filter(|actual| !actual.is_empty())?;
                let how = if last.requested.as_ref() == Some(actual) { " as requested" } else { "" };
                Some(format!(
                    "step {} ran {}{how}",
                    one_line(&step.id, 80),
                    crate::shortfall::assignments(actual)
                ))
            });
            parts.extend(asked);
        }
        format!("{title}: {}.", parts.join("; "))
    }

    fn artifacts(&self) -> Vec<String> {
        let bundle = &self.record.bundle;
        let all = &self.record.artifacts;
        if all.is_empty() {
            return vec![format!(
                "{} (the bundle; the record names no file of it)",
                code(&format!("{bundle}/"))
            )];
        }
        let mut entries: Vec<_> =
            all.iter().take(ARTIFACTS).map(|file| code(&format!("{bundle}/{file}"))).collect();
        if all.len() > ARTIFACTS {
            entries.push(format!("{} more below {}", all.len() - ARTIFACTS, code(&format!("{bundle}/"))));
        }
        entries
    }

    fn observations(&self) -> Vec<String> {
        let record = self.record;
        let mut entries = Vec::new();
        for Shortfall { step, requested, actual, .. } in Shortfall::all(&record.steps) {
            entries.push(format!(
                "Step {step} ran {actual}, not the requested {requested}: its figures and hotspots are for {actual}."
            ));
        }
        let mut hotspots: Vec<_> = record.hotspots.iter().collect();
        hotspots.sort_by(|a, b| b.inclusive_percent.total_cmp(&a.inclusive_percent));
        entries.extend(hotspots.iter().take(HOTSPOTS).zip(1..).map(|(hotspot, rank)| place(rank, hotspot)));
        if hotspots.is_empty() {
            entries.push("No hotspots were recorded.".into());
        }
        if let Some(repeated) = &record.repeated_failure {
            entries.push(format!("Repeated failure: {}", one_line(repeated, 300)));
        }
        entries.extend(
            record.surprises.iter().take(SURPRISES).map(|s| format!("Surprise: {}", one_line(s, 300))),
        );
        if record.surprises.len() > SURPRISES {
            entries.push(format!("{} more surprises are in the bundle.", record.surprises.len() - SURPRISES));
        }
        let head =
            record.git.head.as_deref().map_or_else(|| "not recorded".into(), |head| one_line(head, 64));
        let tree = match record.git.dirty {
            Some(true) => "with uncommitted changes",
            Some(false) => "clean tree",
            None => "state of the tree not recorded",
        };
        entries.push(format!("Source: git HEAD {head}, {tree}."));
        entries
    }

    /// What comes next, one line each.
    pub fn next_actions(&self) -> Vec<String> {
        let record = self.record;
        let review =
            || format!("Review {} and decide on the next step.", code(&format!("{}/", record.bundle)));
        // First what a person must do before the run goes on, then what its steps found, then the plan.
        let unfinished = record.result != RunResult::Complete;
        let mut actions: Vec<String> =
            record.next.iter().filter(|_| unfinished).map(|line| sentence(line)).collect();
        let found = record.steps.iter().flat_map(|step| &step.next_actions);
        actions.extend(found.map(|line| sentence(line)));
        let row = self.next_row.filter(|_| !unfinished).map(|(id, task, plan)| {
            format!("Plan row {} ({}) of {}.", one_line(id, 40), one_line(task, 200), code(plan))
        });
        actions.truncate(NEXT - row.iter().len());
        actions.extend(row);
        if actions.is_empty() {
            actions.push(review());
        }
        actions
    }
}

/// A stamp in the form of another date with a time; `None` when that form has no time, or is not known.
fn date_like(model: &str, stamp: &str) -> Option<String> {
    let shape: String = model.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect();
    let known = [
        "dddd-dd-dd dd:dd",
        "dddd-dd-dd dd:dd:dd",
        "dddd-dd-ddTdd:dd",
        "dddd-dd-ddTdd:dd:dd",
        "ddddddddTdddddd",
    ];
    let bare =
        ["Z", " Z", " UTC", "+00:00"].iter().find_map(|zone| shape.strip_suffix(zone)).unwrap_or(&shape);
    let digits: Vec<char> = stamp.chars().filter(char::is_ascii_digit).collect();
    if !known.contains(&bare) || digits.len() != 14 {
        return None;
    }
    let mut digits = digits.into_iter();
    let date: String =
        bare.chars().map(|c| if c == 'd' { digits.next().unwrap_or('0') } else { c }).collect();
    // A time without a zone would be anybody's.
    let zone = &model[bare.len()..];
    Some(date + if zone.is_empty() || zone.starts_with('+') { "Z" } else { zone })
}

/// Without the period at its end; the dots that say that a text was cut stay.
fn without_period(mut text: String) -> String {
    if text.ends_with('.') && !text.ends_with("...") {
        text.pop();
    }
    text
}

/// A line of the record as a sentence of the entry.
fn sentence(text: &str) -> String {
    let text = one_line(text, 300);
    let mut characters = text.chars();
    let first = characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string());
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

fn place(rank: usize, hotspot: &HotspotRecord) -> String {
    let place = match (&hotspot.file, hotspot.line) {
        (Some(file), Some(line)) => code(&format!("{file}:{line}")),
        (Some(file), None) => code(file),
        (None, _) => "source line not recorded".into(),
    };
    let own = hotspot.self_percent.map_or_else(String::new, |own| format!(", {own:.1} % self"));
    let inclusive = hotspot.inclusive_percent;
    format!("Hotspot {rank}: {} ({place}), {inclusive:.1} % inclusive{own}.", code(&hotspot.function))
}

#[cfg(test)]
mod tests {
    use super::date_like;

    #[test]
    fn the_form_of_a_date_with_a_time_is_taken_over_and_the_zone_is_said() {
        let like = |model| date_like(model, "20261122T101112Z");
        for (model, date) in [
            ("2026-01-02 03:04Z", "2026-11-22 10:11Z"),
            ("2026-01-02 03:04:05 UTC", "2026-11-22 10:11:12 UTC"),
            ("2026-01-02T03:04:05Z", "2026-11-22T10:11:12Z"),
            ("2026-01-02 03:04", "2026-11-22 10:11Z"),
            ("20260102T030405Z", "20261122T101112Z"),
        ] {
            assert_eq!(like(model).as_deref(), Some(date), "{model}");
        }
        for model in ["2026-01-02", "2026-01-02 03:04 PST", "2026-01-02 evening", "2026-01-02 to 2026-01-03"]
        {
            assert_eq!(like(model), None, "{model}");
        }
        assert_eq!(date_like("2026-01-02 03:04Z", "20261122T10Z"), None);
    }
}
