//! Writing a [`Reading`] down as a workflow with comments: [`write`].
//!
//! [`Page`] keeps what became of each line of the note; what is left at the end is quoted as not understood.
//! So a line can be in the wrong place, but it cannot be lost.

use std::collections::BTreeMap;

use crate::draft::note::{HandoffNote, Item, Key, Section};
use crate::draft::places::{BUNDLE, OF_RUN};
use crate::draft::reading::{Planned, Reading, VAR, planned_text};
use crate::draft::rules::{self, Steps};
use crate::draft::yaml::{comment, flow, number_or_scalar, scalar};
use crate::draft::{Draft, Fate, hints};

/// A text in the making.
struct Page<'n> {
    note: &'n HandoffNote,
    text: String,
    fates: BTreeMap<usize, Fate>,
    missing: Vec<String>,
    logs: Vec<String>,
}

/// Writes the workflow.
pub(super) fn write(note: &HandoffNote, reading: &Reading<'_>, exists: &dyn Fn(&str) -> bool) -> Draft {
    let mut page =
        Page { note, text: String::new(), fates: BTreeMap::new(), missing: Vec::new(), logs: Vec::new() };
    page.head(reading);
    page.bundle(reading);
    page.inputs(reading, exists);
    page.steps(reading);
    page.rest(reading);
    let fates =
        note.written().map(|line| (line, page.fates.get(&line).copied().unwrap_or(Fate::Quoted))).collect();
    Draft { yaml: page.text, fates, missing: page.missing }
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn used(&mut self, line: usize) {
        self.fates.entry(line).or_insert(Fate::Used);
    }

    fn used_item(&mut self, item: &Item) {
        (item.first..=item.last).for_each(|line| self.used(line));
    }

    /// `input.md:13`.
    fn place(&self, line: usize) -> String {
        comment(&format!("{}:{line}", self.note.name))
    }

    /// The lines of an item, word by word, as comments; once is enough.
    fn quote(&mut self, indent: &str, item: &Item) {
        for number in item.first..=item.last {
            if self.note.line(number).is_empty() || self.fates.get(&number) == Some(&Fate::Quoted) {
                continue;
            }
            let text = format!("{indent}# {}: {}", self.place(number), comment(self.note.line(number)));
            self.line(&text);
            self.fates.insert(number, Fate::Quoted);
        }
    }

    fn head(&mut self, reading: &Reading<'_>) {
        let note = self.note;
        for item in note.of(Key::Summary) {
            for (offset, line) in item.text.lines().enumerate() {
                self.line(&format!("# {}", comment(line.trim())));
                self.used(item.first + offset);
            }
        }
        for number in note.headings() {
            self.used(*number);
        }
        let name = comment(&note.name);
        if !self.text.is_empty() {
            self.line("#");
        }
        self.line(&format!(
            "# Drafted from `{name}` by `runner new --from`; the comments name its lines. Read all of it"
        ));
        self.line("# before you run it; `runner validate`, then `runner plan` show what it would do.");
        self.line("version: 1");
        self.line(&format!("id: {}", reading.id));
        self.line(&format!("title: {}", scalar(&reading.title)));
        if let Some((item, title)) = &reading.focus {
            let rest = if item.is_some() && !title.is_empty() {
                format!(" # {}", comment(title))
            } else {
                String::new()
            };
            self.line(&format!(
                "focus: {}{}",
                scalar(item.as_ref().unwrap_or(title)),
                rest.replace('\n', " ")
            ));
            if let Some(item) = note.of(Key::Focus).next().filter(|item| item.first == item.last) {
                self.used_item(item);
            }
        }
        if let Some(mode) = &reading.mode {
            self.line(&format!("mode: {}", scalar(mode)));
            note.of(Key::Mode).take(1).for_each(|item| self.used_item(item));
        }
        if let Some(branch) = reading.branch {
            self.line("");
            self.line("# The runner changes no branch; env.json says which one it was:");
            self.quote("", branch);
        }
        if let Some(smaller) = &reading.smaller {
            self.line("");
            self.line("vars:");
            for (name, asked, _) in &smaller.vars {
                self.line(&format!("  {name}: {}", number_or_scalar(asked)));
            }
        }
    }

    fn bundle(&mut self, reading: &Reading<'_>) {
        let artifacts = &reading.artifacts;
        self.line("");
        self.line("bundle:");
        if artifacts.root.is_none() {
            self.line(
                "  # The note names no artifact with a stamp in its path, so this place is a proposal.",
            );
        }
        let root = artifacts.root.clone().unwrap_or_else(|| format!("reports/{}", reading.id));
        self.line(&format!("  root: {}", scalar(&root)));
        let unmade = hints::unmade(reading);
        for (name, line) in artifacts.requires.iter().filter(|(name, _)| unmade.contains(name)) {
            let place = self.place(*line);
            self.line(&format!(
                "  # No step below is known to make {name} ({place}); without it the run is broken."
            ));
        }
        if !artifacts.requires.is_empty() {
            let names: Vec<String> = artifacts.requires.iter().map(|(name, _)| scalar(name)).collect();
            self.line(&flow("  requires: ", &names));
        }
        let note = self.note;
        for line in note.of(Key::Artifacts).flat_map(|item| item.first..=item.last) {
            if artifacts.remarks.contains(&line) && !artifacts.odd.contains(&line) {
                let text = format!("  # {}: {}", self.place(line), comment(note.line(line)));
                self.line(&text);
                self.fates.insert(line, Fate::Quoted);
            } else if !artifacts.odd.contains(&line) {
                self.used(line);
            }
        }
    }

    /// Writes the inputs that are there, and the others as comments.
    fn inputs(&mut self, reading: &Reading<'_>, exists: &dyn Fn(&str) -> bool) {
        if reading.inputs.is_empty() {
            return;
        }
        let there = |directory: &str, stamp: &str| exists(&format!("{directory}/{stamp}"));
        let any = reading.inputs.iter().any(|(_, directory, stamp, _)| there(directory, stamp));
        self.line("");
        self.line(
            "# Earlier bundles that the note points to: read-only, and digested before and after the run.",
        );
        self.line(if any { "inputs:" } else { "# inputs:" });
        for (name, directory, stamp, item) in &reading.inputs {
            self.quote("  ", item);
            let entry = format!("{name}: {{ bundle: {}, stamp: {stamp} }}", scalar(directory));
            if there(directory, stamp) {
                self.line(&format!("  {entry}"));
            } else {
                self.line("  # It is not in this repository; where it is, take the comment signs away:");
                self.line(&format!("  # {entry}"));
            }
        }
    }

    fn steps(&mut self, reading: &Reading<'_>) {
        self.line("");
        self.line("steps:");
        self.line("  - id: env");
        self.line("    uses: env-capture");
        if let Some(python) = hints::python(reading) {
            self.line(&format!("    with: {{ python: {} }}", scalar(python)));
        }
        self.line("    always: true");
        let note = self.note;
        let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, planned) in reading.work.iter().enumerate() {
            self.line("");
            for item in note.of(Key::DoNow).filter(|_| index == 0) {
                self.quote("  ", item);
            }
            self.quote("  ", planned.item);
            let word = hints::step_id(planned);
            let number = *ids.entry(word).and_modify(|number| *number += 1).or_insert(1);
            let id = if number == 1 { word.to_owned() } else { format!("{word}_{number}") };
            self.command(&id, planned);
            self.after_work(reading, planned, index + 1 == reading.work.len());
        }
        if reading.work.is_empty() {
            self.no_work();
        }
        if let Some(collect) = &reading.collect {
            self.line("");
            self.quote("  ", collect.item);
            self.command("collect", collect);
            self.line("    always: true");
        }
        if reading.collect.is_none() {
            let note = self.note;
            for item in note.of(Key::MappedTests).filter(|item| item.text.to_lowercase().starts_with("none"))
            {
                self.line("");
                self.line("  # No tests are mapped:");
                self.quote("  ", item);
            }
        }
        self.ledger(reading);
    }

    fn no_work(&mut self) {
        let note = self.note;
        self.missing.push("the command to run: `Do Now` and the How-To Map name none".to_owned());
        self.line("");
        for item in note.of(Key::DoNow) {
            self.quote("  ", item);
        }
        self.line("  # MISSING: the note names no command. Put it here, such as");
        self.line("  #   run: [python, scripts/benchmark.py, --outdir, \"${{ bundle }}/profile/\"]");
        self.line("  # What stands here now fails, so that a run without the command cannot pass.");
        self.line("  - id: work");
        self.line("    run: [\"false\"]");
        for item in note.of(Key::IfBlocked) {
            self.quote("    ", item);
        }
    }

    fn command(&mut self, id: &str, planned: &Planned<'_>) {
        let command = &planned.command;
        // The bundle's path counts from the project root.
        let up = command.cwd.as_ref().map_or(0, |cwd| cwd.split('/').count());
        let expressions = |text: &str| expressions(text, &"../".repeat(up));
        self.line(&format!("  - id: {id}"));
        if command.argv.is_empty() {
            let line = expressions(&command.line);
            if line.contains('\n') && !line.contains(|c: char| c.is_control() && c != '\n') {
                self.line("    run: |");
                line.lines().for_each(|line| self.line(&format!("      {line}")));
            } else {
                self.line(&format!("    run: {}", scalar(&line)));
            }
        } else {
            let argv: Vec<String> =
                command.argv.iter().map(|word| number_or_scalar(&expressions(word))).collect();
            self.line(&flow("    run: ", &argv));
        }
        if !command.env.is_empty() {
            let env =
                command.env.iter().map(|(name, value)| format!("{name}: {}", scalar(&expressions(value))));
            self.line(&format!("    env: {{ {} }}", env.collect::<Vec<_>>().join(", ")));
        }
        if let Some(cwd) = &command.cwd {
            self.line(&format!("    cwd: {}", scalar(cwd)));
        }
        if let Some(log) = &command.log {
            if hints::reserved(log) {
                self.line(&format!(
                    "    # Its output was to go to {log}, which the runner writes; it is in logs/."
                ));
            } else if self.logs.contains(log) {
                self.line(&format!("    # Its output was to go to {log} too; it is in logs/."));
            } else {
                self.logs.push(log.clone());
                self.line(&format!("    log: {}", scalar(log)));
            }
        }
    }

    /// What comes behind the command of a step that does the work: the smaller attempt beside the variables
    /// that it changes, and what is to be said of gates beside the last one.
    fn after_work(&mut self, reading: &Reading<'_>, planned: &Planned<'_>, last: bool) {
        let note = self.note;
        if last {
            for hint in hints::gates(note) {
                self.line(&format!("    {}", comment(&hint)));
            }
        }
        let text = planned_text(&planned.command);
        let has = |name: &str| text.contains(&format!("{}{name}{}", VAR.0, VAR.1));
        let smaller =
            reading.smaller.as_ref().filter(|smaller| smaller.vars.iter().any(|(name, ..)| has(name)));
        if last || smaller.is_some() {
            for item in note.of(Key::IfBlocked) {
                self.quote("    ", item);
            }
        }
        let Some(smaller) = smaller else { return };
        let vars = smaller.vars.iter().filter(|(name, ..)| has(name));
        let vars = vars.map(|(name, _, less)| format!("{name}: {}", number_or_scalar(less)));
        let vars = vars.collect::<Vec<_>>().join(", ");
        let when = smaller.when.join(", ");
        let when = if when.is_empty() { when } else { format!("when: [{when}], ") };
        self.line(&format!("    fallback: {{ {when}vars: {{ {vars} }} }}"));
    }

    fn ledger(&mut self, reading: &Reading<'_>) {
        let item = reading.focus.as_ref().and_then(|(id, _)| id.as_ref());
        let (Some(ledger), Some(item)) = (&reading.ledger, item) else {
            self.line("");
            self.line(
                "  # No ledger step: the note names no `fix_plan.md`, or its Focus has no ID in brackets.",
            );
            return;
        };
        self.line("");
        self.line("  - id: ledger");
        self.line("    uses: fix-plan");
        self.line("    always: true");
        self.line("    with:");
        self.line(&format!("      ledger: {}", scalar(ledger)));
        self.line(&format!("      item: {}", scalar(item)));
        match &reading.row {
            Some(row) => {
                self.line(&format!("      plan: {}", scalar(&row.plan)));
                self.line(&format!("      row: {}", scalar(&row.id)));
                self.line(&format!("      state: {{ complete: {}, blocked: B }}", scalar(&row.complete)));
            }
            None => self
                .line("      # No plan row: the note does not say which row of which plan gets which state."),
        }
    }

    /// Everything that has no place in a workflow.
    fn rest(&mut self, reading: &Reading<'_>) {
        let steps = Steps {
            env: true,
            collect: reading.collect.is_some(),
            ledger: reading.ledger.is_some() && reading.focus.as_ref().is_some_and(|(id, _)| id.is_some()),
            fallback: reading.smaller.is_some(),
        };
        let note = self.note;
        let mut context = Vec::new();
        let mut held = Vec::new();
        for item in note
            .items
            .iter()
            .filter(|item| !(item.first..=item.last).all(|line| self.fates.contains_key(&line)))
        {
            match item.section {
                Section::Known(Key::HowTo | Key::Pitfalls) => {
                    let by = rules::held(&item.text, steps)
                        .map(str::to_owned)
                        .or_else(|| hints::same(item, reading));
                    held.extend(by.map(|by| (item, by)));
                }
                Section::Known(Key::Priorities | Key::Pointers | Key::NextUp) => context.push(item),
                Section::Known(Key::MappedTests) if item.text.to_lowercase().starts_with("none") => {
                    held.push((
                        item,
                        "the tests that `collect` lists are those of the How-To Map".to_owned(),
                    ));
                }
                _ => {}
            }
        }
        if !held.is_empty() {
            self.line("");
            self.line("# What the note asks for and the runner holds anyway:");
        }
        for (item, by) in held {
            self.quote("", item);
            self.line(&format!("#   -> {by}"));
        }
        if !context.is_empty() {
            self.line("");
            self.line("# For whoever reads, not for the runner:");
        }
        for item in context {
            self.quote("", item);
        }
        let left: Vec<usize> = note.written().filter(|line| !self.fates.contains_key(line)).collect();
        if !left.is_empty() {
            self.line("");
        }
        for line in left {
            let text = format!("# not understood ({}): {}", self.place(line), comment(note.line(line)));
            self.line(&text);
            self.fates.insert(line, Fate::Quoted);
        }
    }
}

/// A text with the expressions that its marks stand for; `up` leads from the step to the project root.
fn expressions(text: &str, up: &str) -> String {
    text.replace(BUNDLE, &format!("{up}${{{{ bundle }}}}"))
        .replace(OF_RUN, "${{ stamp }}")
        .replace(VAR.0, "${{ vars.")
        .replace(VAR.1, " }}")
}
