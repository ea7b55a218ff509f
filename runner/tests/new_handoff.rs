//! `runner new --from`: a handoff note becomes a draft, and no line of it is lost.
//!
//! The notes are in `notes/`; `phase_b1.md` is the one that this project came from. Programs that a note names
//! stand as empty scripts on a PATH of the test's own, so that `validate` can be asked on any machine.

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use runner::diagnostic::Source;
use runner::draft::{Draft, Fate, HandoffNote, draft};
use support::{Ended, Project};

fn note(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notes").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A project with programs that do nothing, and the directory that they are in.
fn project(programs: &[&str]) -> (Project, PathBuf) {
    let project = Project::new();
    for program in programs {
        let name = if program.contains('/') { (*program).to_owned() } else { format!("bin/{program}") };
        project.write(&name, "#!/bin/sh\n");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.path(&name), mode).expect("set");
    }
    let bin = project.path("bin");
    (project, bin)
}

fn runner_with(project: &Project, bin: &Path, arguments: &[&str]) -> Ended {
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a PATH"));
    let output = project.command_of_runner().env("PATH", path).args(arguments).output().expect("started");
    project.ended(&output)
}

/// The scripts that the notes name: a workflow that names one that is not there cannot run.
fn scripts(project: &Project) {
    project.write("scripts/benchmarks/benchmark_detailed.py", "print('measured')\n");
    project.write("scripts/sum.py", "print('measured')\n");
}

/// Drafts a note into `workflows/draft.yaml` and validates it.
fn drafted(text: &str, programs: &[&str]) -> (Ended, Ended) {
    let (project, bin) = project(programs);
    scripts(&project);
    project.write("input.md", text);
    let made = runner_with(&project, &bin, &["new", "--from", "input.md"]);
    project.write("workflows/draft.yaml", &made.stdout);
    let validated = runner_with(&project, &bin, &["validate", "workflows/draft.yaml"]);
    (made, validated)
}

#[test]
fn the_note_that_this_project_came_from_becomes_a_valid_workflow() {
    let (made, validated) = drafted(&note("phase_b1.md"), &["python", "pytest"]);
    assert_eq!(made.code, Some(0), "{}", made.transcript());
    assert_eq!(validated.code, Some(0), "{}", validated.transcript());
    insta::assert_snapshot!("phase_b1", made.stdout);
}

#[test]
fn another_note_of_the_same_kind_with_plain_commands_and_bounds_becomes_a_valid_workflow() {
    let (made, validated) = drafted(&note("plain_commands.md"), &["python", "pytest"]);
    assert_eq!((made.code, validated.code), (Some(0), Some(0)), "{}", validated.transcript());
    insta::assert_snapshot!("plain_commands", made.stdout);
}

#[test]
fn headings_and_a_block_of_code_become_steps_in_their_directory() {
    let text = note("code_block.md");
    let (made, validated) = drafted(&text, &["cmake", "make", "build/bench"]);
    assert_eq!((made.code, validated.code), (Some(0), Some(0)), "{}", validated.transcript());
    insta::assert_snapshot!("code_block", made.stdout);
    let (windows, _) = drafted(&text.replace('\n', "\r\n"), &["cmake"]);
    assert_eq!(windows.stdout, made.stdout, "the line ends of Windows change nothing");
}

#[test]
fn an_earlier_bundle_that_is_there_becomes_an_input() {
    let (project, bin) = project(&["python", "pytest"]);
    scripts(&project);
    project.write("input.md", note("phase_b1.md"));
    project.write("reports/2026-01-vectorization-gap/phase_a/20251009T065238Z/analysis.md", "loops\n");
    let made = runner_with(&project, &bin, &["new", "--from", "input.md", "--output", "draft.yaml"]);
    assert_eq!((made.code, made.stdout.as_str()), (Some(0), ""), "{}", made.transcript());
    let text = project.read("draft.yaml");
    assert!(text.contains(
        "\n  phase_a: { bundle: reports/2026-01-vectorization-gap/phase_a, stamp: 20251009T065238Z }"
    ));
    let validated = runner_with(&project, &bin, &["validate", "draft.yaml"]);
    assert_eq!(validated.code, Some(0), "{}", validated.transcript());
}

#[test]
fn a_note_without_a_command_says_what_is_missing_and_its_draft_cannot_pass() {
    let (project, bin) = project(&[]);
    project.write("input.md", "Focus: [LOOP-001] Loops\nDo Now: think.\nPitfalls: update docs/fix_plan.md\n");
    let made = runner_with(&project, &bin, &["new", "--from", "input.md"]);
    assert_eq!(made.code, Some(3), "{}", made.transcript());
    assert!(made.stderr.starts_with("missing: the command to run"), "{}", made.stderr);
    project.write("draft.yaml", &made.stdout);
    let ran = runner_with(&project, &bin, &["run", "draft.yaml"]);
    assert_eq!(ran.code, Some(3), "a run without the command is blocked: {}", ran.transcript());
}

#[test]
fn what_is_no_note_is_refused_with_the_shortest_one() {
    let project = Project::without_git();
    project.write("empty.md", "\n");
    project.write("binary.md", b"Do Now: \0");
    project.write("latin.md", b"Do Now: a\ncaf\xe9\n");
    project.write("readme.md", "# Readme\n\nNothing to do.\n");
    let mut all = String::new();
    for file in ["missing.md", "empty.md", "binary.md", "latin.md", "readme.md", "docs"] {
        let ended = project.runner(&["new", "--from", file]);
        assert_eq!(ended.code, Some(2), "{file}: {}", ended.transcript());
        all.push_str(&ended.transcript());
    }
    insta::assert_snapshot!("no_note", all);
}

#[test]
fn nothing_is_overwritten() {
    let project = Project::without_git();
    project.write("input.md", "Do Now: Run `make bench`.\n");
    project.write("mine.yaml", "precious\n");
    let ended = project.runner(&["new", "--from", "input.md", "--output", "mine.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert_eq!(project.read("mine.yaml"), "precious\n");
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A note of lines drawn from real ones and from nasty ones.
fn generated(numbers: &mut Numbers) -> String {
    let real = note("phase_b1.md") + &note("plain_commands.md") + &note("code_block.md");
    let nasty = [
        "Do Now: run `python a.py --x '${{ vars.y }}'`",
        "```",
        "- `make -C $HOME/x && ./run.sh | tee out.log`",
        "Do Now: `FOO=\"a b\" env BAR=1 python x.py --n 3 > r/<STAMP>/o.log 2>&1 || true`",
        "## ",
        "**",
        "- ",
        "Artifacts: /etc/passwd, ../x, r/<STAMP>/a b, r/<STAMP>/*.log",
        "Focus: []",
        "Focus: [a] [b]: `c`",
        "Mode: ",
        "If Blocked: fall back to --n 1, --sizes 5, never --n 2",
        "\u{1b}[31mred \u{2028} \u{e000}",
        "Mapped tests: pytest -k \"a or b\" tests/test_*.py",
        "Do Now: it's an `unclosed 'quote`",
        "Exit: #: {[",
        "Artifacts: r/20261122T101112Z/x.json",
        "How-To Map: python - <<EOF",
        "EOF",
        "Title: \"a\" \\ b",
        "\tx",
        "- `docs/fix_plan.md` mark A1 `[x]` in `plans/p.md`",
        "Do Now: `export A=1; cd sub; mkdir -p r/$STAMP; true`",
    ];
    let real: Vec<&str> = real.lines().collect();
    let count = 1 + numbers.below(25);
    let lines: Vec<&str> = (0..count)
        .map(|_| {
            if numbers.below(2) == 0 {
                real[numbers.below(real.len())]
            } else {
                nasty[numbers.below(nasty.len())]
            }
        })
        .collect();
    lines.join(if numbers.below(5) == 0 { "\r\n" } else { "\n" })
}

/// What a word of a line looks like wherever it was put.
fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| part.len() > 2);
    parts.map(str::to_lowercase).collect()
}

fn no_line_is_lost(text: &str, note: &HandoffNote, draft: &Draft) {
    let comments: String =
        draft.yaml.lines().filter(|line| line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let all = words(&draft.yaml);
    let written: Vec<usize> = note.written().collect();
    assert_eq!(written, draft.fates.iter().map(|(line, _)| *line).collect::<Vec<_>>());
    for (line, fate) in &draft.fates {
        let content = note.line(*line);
        match fate {
            Fate::Quoted => {
                let plain: String = content.chars().filter(|c| c.is_ascii() && !c.is_control()).collect();
                let quoted: String =
                    comments.chars().filter(|c| c.is_ascii() && (!c.is_control() || *c == '\n')).collect();
                let placed = quoted.lines().any(|comment| {
                    comment.contains(&format!("n.md:{line}"))
                        && (!content.is_ascii() || comment.contains(&plain))
                });
                assert!(placed, "line {line} `{content}` is not quoted in:\n{}\nof:\n{text}", draft.yaml);
            }
            Fate::Used if note.headings().contains(line) => {}
            Fate::Used => {
                // The key itself is no content, a stamp becomes the run's, and `none` means nothing.
                let value = content.split_once(':').map_or(content, |(_, value)| value);
                let skipped = ["stamp", "none", "20261122t101112z"];
                let lost: Vec<String> = words(value)
                    .into_iter()
                    .filter(|word| !all.contains(word) && !skipped.contains(&word.as_str()))
                    .collect();
                assert!(
                    lost.is_empty(),
                    "line {line} `{content}` lost {lost:?} in:\n{}\nof:\n{text}",
                    draft.yaml
                );
            }
        }
    }
}

#[test]
fn every_line_of_any_note_is_used_or_quoted_and_the_draft_is_always_a_workflow() {
    let mut numbers = Numbers(7);
    let mut notes: Vec<String> = ["phase_b1.md", "plain_commands.md", "code_block.md"].map(note).to_vec();
    notes.extend((0..400).map(|_| generated(&mut numbers)));
    let mut drafted = 0;
    for text in notes {
        let Ok(note) = HandoffNote::parse("n.md", &text) else { continue };
        drafted += 1;
        let made = draft(&note, &|_| false);
        assert_eq!(made.yaml, draft(&note, &|_| false).yaml, "the same note gives the same draft");
        no_line_is_lost(&text, &note, &made);
        let source = Source { path: "w.yaml".into(), text: made.yaml.clone() };
        if let Err(refused) = runner::spec::read(source) {
            panic!("{}\nin:\n{}\nof:\n{text}", refused.mistakes.render(false), made.yaml);
        }
    }
    assert!(drafted > 300, "only {drafted} of the texts were notes");
}
