//! [`Reading`]: what a note says, as the parts of a workflow.
//!
//! Every part remembers the item it came from. What the note does not say is absent, never invented. Made by
//! [`crate::draft::draft`] and written down by [`crate::draft::page`].

use crate::draft::command::{self, ShellCommand};
use crate::draft::lazy_regex::{LazyRegex, group};
use crate::draft::note::{HandoffNote, Item, Key};
use crate::draft::places::{self, Artifacts};
use crate::spec::Fault;

/// Stand around the name of a variable until a text is written as YAML.
pub(super) const VAR: (char, char) = ('\u{e002}', '\u{e003}');

static FOCUS: LazyRegex = LazyRegex::new(r"^`?\[([^\]`|]+)\]`?[ :\u{2014}-]*(.*)$");
static BARE_FOCUS: LazyRegex = LazyRegex::new(r"^([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)(?-u:\b)[ :\u{2014}-]*(.*)$");
static LEDGER: LazyRegex = LazyRegex::new(r"([A-Za-z0-9_][A-Za-z0-9_./-]*fix_plan\.md|fix_plan\.md)");
static PLAN: LazyRegex = LazyRegex::new(r"(plans/[A-Za-z0-9_./-]+\.md)");
static ROW: LazyRegex =
    LazyRegex::new(r"(?-u:\b)([A-Z]{1,3}[0-9]{1,3}[a-z]?)`?(?: +(?:to|as|row|state|is))* *`?\[([PDBXx~-])\]");
static PHASE: LazyRegex =
    LazyRegex::new(r"(?-u:\b)(?:[Pp]hase|[Ss]tage|[Rr]ow) ([A-Z][0-9]{1,3}[a-z]?)(?-u:\b)");
static OPTION: LazyRegex =
    LazyRegex::new(r"(?:^|[ `])(--?[A-Za-z][A-Za-z0-9_-]*)[ =]([A-Za-z0-9_./+][A-Za-z0-9_./+-]*)");
static DENIED: LazyRegex = LazyRegex::new(r"(?i-u:do not|don't|never|avoid)[^.;,]*$");

/// A step and the item it comes from.
#[derive(Clone, Debug)]
pub(super) struct Planned<'n> {
    pub(super) command: ShellCommand,
    pub(super) item: &'n Item,
}

/// A smaller attempt.
#[derive(Clone, Debug)]
pub(super) struct Smaller {
    /// Variable, asked value, smaller value.
    pub(super) vars: Vec<(String, String, String)>,
    pub(super) when: Vec<&'static str>,
}

/// A row of a plan.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) plan: String,
    pub(super) id: String,
    pub(super) complete: String,
}

/// What a note says.
#[derive(Debug)]
pub(super) struct Reading<'n> {
    pub(super) artifacts: Artifacts,
    /// The ID of the ledger's item, and its title.
    pub(super) focus: Option<(Option<String>, String)>,
    pub(super) title: String,
    pub(super) id: String,
    pub(super) mode: Option<String>,
    pub(super) branch: Option<&'n Item>,
    pub(super) work: Vec<Planned<'n>>,
    pub(super) collect: Option<Planned<'n>>,
    pub(super) smaller: Option<Smaller>,
    pub(super) ledger: Option<String>,
    pub(super) row: Option<Row>,
    /// Name, directory, stamp, and the item that points there.
    pub(super) inputs: Vec<(String, String, String, &'n Item)>,
}

impl<'n> Reading<'n> {
    pub(super) fn of(note: &'n HandoffNote) -> Self {
        let artifacts = places::artifacts(note);
        let focus = focus(note);
        let mut smaller = None;
        let mut asked = asked(note);
        if let Some(item) = note.of(Key::IfBlocked).next() {
            smaller = lesser(item, &mut asked);
        }
        let mut session = command::Session::default();
        let mut work = Vec::new();
        let mut last = None;
        for (line, item) in &asked {
            // A variable stays exported; where one item went with `cd` is no matter of the next.
            if last.replace(item.first) != Some(item.first) {
                session.back_home();
            }
            let line = artifacts.marked(&command::without_stamp(line));
            let steps = command::steps_of(&line, &mut session).into_iter();
            work.extend(steps.map(|command| Planned { command, item }));
        }
        let collect = collected(note, &artifacts);
        if let Some(collect) = &collect {
            work.retain(|planned| planned_text(&planned.command) != planned_text(&collect.command));
        }
        let mut inputs: Vec<(String, String, String, &Item)> = Vec::new();
        for item in note.items.iter().filter(|item| !is_example(item)) {
            for (directory, stamp) in places::earlier(item, &artifacts) {
                if !inputs.iter().any(|(_, known, of, _)| *known == directory && *of == stamp) {
                    inputs.push((input_name(&directory, &inputs), directory, stamp, item));
                }
            }
        }
        Self {
            title: title(note, focus.as_ref()),
            id: id(note, focus.as_ref()),
            mode: mode(note),
            branch: note.of(Key::Branch).next(),
            ledger: note
                .items
                .iter()
                .find_map(|item| LEDGER.first(&item.text))
                .map(|found| group(&found, 1).to_owned()),
            row: row(note),
            artifacts,
            focus,
            work,
            collect,
            smaller,
            inputs,
        }
    }
}

/// The command lines that are to be run, and their items: of `Do Now`, or else of the How-To Map.
fn asked(note: &HandoffNote) -> Vec<(String, &Item)> {
    let of = |key: Key| -> Vec<(String, &Item)> {
        note.of(key)
            .flat_map(|item| command::commands(item).into_iter().map(move |line| (line, item)))
            .collect()
    };
    let mut asked = of(Key::DoNow);
    if asked.iter().all(|(line, _)| command::without_stamp(line).is_empty()) {
        asked = of(Key::HowTo);
        asked.retain(|(line, _)| !is_collect(line) && !line.starts_with("git rev-parse"));
    }
    // What begins with a private character cannot be told from the places that are marked by them.
    asked.retain(|(line, _)| {
        !line.contains("${{") && !line.contains(|c| ('\u{e000}'..='\u{f8ff}').contains(&c))
    });
    asked
}

fn is_collect(line: &str) -> bool {
    line.contains("--collect-only") || line.contains("-- --list")
}

/// The step that lists the tests, or runs those that the note maps.
fn collected<'n>(note: &'n HandoffNote, artifacts: &Artifacts) -> Option<Planned<'n>> {
    let mapped = note.of(Key::MappedTests);
    let found = mapped.chain(note.of(Key::HowTo)).chain(note.of(Key::IfBlocked)).find_map(|item| {
        let mut lines = command::commands(item).into_iter();
        let line = lines.find(|line| {
            item.section == crate::draft::Section::Known(Key::MappedTests) || is_collect(line)
        })?;
        let line = artifacts.marked(&command::without_stamp(&line));
        let command = command::steps_of(&line, &mut command::Session::default()).into_iter().last()?;
        Some(Planned { command, item })
    });
    let mut found = found.filter(|planned| !planned.command.line.contains("${{"))?;
    if is_collect(&format!("{} {}", planned_text(&found.command), "")) && found.command.log.is_none() {
        let mut names = artifacts.requires.iter().map(|(name, _)| name);
        found.command.log = names.find(|name| name.contains("collect") && !name.ends_with('/')).cloned();
    }
    Some(found)
}

pub(super) fn planned_text(command: &ShellCommand) -> String {
    if command.argv.is_empty() { command.line.clone() } else { command.argv.join(" ") }
}

/// A word or two; anything longer is no mode.
fn mode(note: &HandoffNote) -> Option<String> {
    let text = note.of(Key::Mode).next()?.text.trim();
    (text.len() <= 40 && !text.contains('\n')).then(|| text.to_lowercase())
}

fn focus(note: &HandoffNote) -> Option<(Option<String>, String)> {
    let text = note.of(Key::Focus).next()?.text.lines().next()?.trim();
    let found = FOCUS.first(text).or_else(|| BARE_FOCUS.first(text));
    Some(match found {
        Some(found) => (Some(group(&found, 1).trim().to_owned()), group(&found, 2).trim().to_owned()),
        None => (None, text.to_owned()),
    })
}

/// The options that `If Blocked` gives another value than the command has: they become variables.
fn lesser(item: &Item, asked: &mut [(String, &Item)]) -> Option<Smaller> {
    let mut vars: Vec<(String, String, String)> = Vec::new();
    for found in OPTION.all(&item.text) {
        let (option, less) = (group(&found, 1), group(&found, 2).trim_end_matches(['.', ',']));
        let before = found.get(0).map_or("", |whole| &item.text[..whole.start()]);
        let name: String = option.trim_start_matches('-').replace('-', "_");
        if DENIED.is_in(before) || less.is_empty() || vars.iter().any(|(known, _, _)| *known == name) {
            continue;
        }
        for (line, _) in asked.iter_mut() {
            let Some((range, value)) = value_of(line, option).filter(|(_, value)| value != less) else {
                continue;
            };
            line.replace_range(range, &format!("{}{name}{}", VAR.0, VAR.1));
            vars.push((name, value, less.to_owned()));
            break;
        }
    }
    (!vars.is_empty()).then(|| Smaller { vars, when: faults(&item.text) })
}

/// Where the value of an option stands in a command line.
fn value_of(line: &str, option: &str) -> Option<(std::ops::Range<usize>, String)> {
    OPTION.all(line).into_iter().find(|found| group(found, 1) == option).and_then(|found| {
        let value = found.get(2)?;
        Some((value.range(), value.as_str().to_owned()))
    })
}

/// After which faults, by the words of the note; none when it names none.
fn faults(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let wanted = |fault: Fault| match fault {
        Fault::Failed => says(&["fail", "error", "non-zero", "nonzero"]),
        Fault::Signal => says(&["fail", "crash", "segfault", "killed"]),
        Fault::Timeout => says(&["timeout", "time out", "times out", "hang"]),
        Fault::Oom => says(&["oom", "out of memory", "out-of-memory"]),
        Fault::PluginCrash => false,
    };
    Fault::ALL.iter().filter(|(_, fault)| wanted(*fault)).map(|(word, _)| *word).collect()
}

fn row(note: &HandoffNote) -> Option<Row> {
    let plan_of = |text: &str| PLAN.first(text).map(|found| group(&found, 1).to_owned());
    let stated = note.items.iter().find_map(|item| {
        let (row, plan) = (ROW.first(&item.text)?, plan_of(&item.text)?);
        Some(Row { plan, id: group(&row, 1).to_owned(), complete: group(&row, 2).to_owned() })
    });
    stated.or_else(|| {
        let mut plans: Vec<String> = note.items.iter().filter_map(|item| plan_of(&item.text)).collect();
        plans.dedup();
        let phase = note.of(Key::DoNow).find_map(|item| PHASE.first(&item.text))?;
        match plans.as_slice() {
            [plan] => {
                Some(Row { plan: plan.clone(), id: group(&phase, 1).to_owned(), complete: "P".to_owned() })
            }
            _ => None,
        }
    })
}

/// A bundle that shows what a text should look like is no evidence.
pub(super) fn is_example(item: &Item) -> bool {
    let text = item.text.to_lowercase();
    matches!(item.section, crate::draft::Section::Known(Key::Pointers | Key::NextUp))
        && ["example", "format to follow", "template"].iter().any(|word| text.contains(word))
}

fn input_name(directory: &str, taken: &[(String, String, String, &Item)]) -> String {
    let last = directory.rsplit('/').next().unwrap_or_default();
    let mut name: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name = format!("input_{name}");
    }
    let used = |name: &str| taken.iter().any(|(known, ..)| known == name);
    // At most as many names are taken as there are.
    let numbered = (2..taken.len() + 3).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|free| !used(free)).unwrap_or(name)
}

/// One line for people: how `Do Now` begins, else the summary, else the focus.
fn title(note: &HandoffNote, focus: Option<&(Option<String>, String)>) -> String {
    let lead = note.of(Key::DoNow).find(|item| !item.code).map(|item| {
        let text = FOCUS
            .first(&item.text)
            .map_or(item.text.as_str(), |found| found.get(2).map_or("", |rest| rest.as_str()));
        let text = focus.map_or(text, |(_, title)| text.strip_prefix(title.as_str()).unwrap_or(text));
        let end = [". ", "`", "\n", " run ", " Run ", ";"].iter().filter_map(|end| text.find(end)).min();
        ascii(text[..end.unwrap_or(text.len())].trim_matches(|c: char| " .,:;-\u{2014}\u{2013}".contains(c)))
    });
    let short =
        |text: &String| text.split_whitespace().count() > 1 && text.len() <= 100 && !text.contains('=');
    let first =
        |key: Key| note.of(key).next().map(|item| ascii(item.text.lines().next().unwrap_or_default()));
    let focused = focus.map(|(_, title)| ascii(title)).filter(|title| !title.is_empty());
    let found = lead.filter(short).or_else(|| first(Key::Summary)).or(focused);
    found.unwrap_or_else(|| "Drafted from a handoff note".to_owned())
}

/// A word for the workflow: the phase, else the item of the ledger.
fn id(note: &HandoffNote, focus: Option<&(Option<String>, String)>) -> String {
    let phase = note.of(Key::DoNow).find_map(|item| PHASE.first(&item.text));
    let text = match (phase, focus) {
        (Some(phase), _) => format!("phase-{}", group(&phase, 1)),
        (None, Some((Some(id), _))) => id.clone(),
        (None, Some((None, title))) => title.clone(),
        (None, None) => "draft".to_owned(),
    };
    let word: String =
        text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let word = word.split('-').filter(|part| !part.is_empty()).take(6).collect::<Vec<_>>().join("-");
    if word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        word
    } else {
        format!("draft-{word}").trim_end_matches('-').to_owned()
    }
}

/// The signs that notes use, in ASCII; other letters stay.
fn ascii(text: &str) -> String {
    let text = text.replace(['\u{2014}', '\u{2013}', '\u{2212}'], "-").replace('\u{2192}', "->");
    text.replace(['\u{2018}', '\u{2019}'], "'").replace(['\u{201c}', '\u{201d}'], "\"").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_compile() {
        let all = [&FOCUS, &BARE_FOCUS, &LEDGER, &PLAN, &ROW, &PHASE, &OPTION, &DENIED];
        assert!(all.iter().all(|pattern| pattern.compiles()));
    }
}
