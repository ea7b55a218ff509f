//! The property of the fuzz target without a fuzzer: over the corpus, and over thousands of mutations of it
//! that are the same in every run. A text that a fuzzer found is a file of the corpus from then on.

use std::path::Path;

use crate::property::holds;

const MUTATIONS: u64 = 1500;

fn corpus() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("tests/fixtures/ledger.md"), root.join("tests/fixtures/plan.md")];
    let found = std::fs::read_dir(root.join("fuzz/corpus/edit")).expect("the corpus");
    files.extend(found.map(|entry| entry.expect("an entry").path()));
    files.sort();
    let read = |path: &std::path::PathBuf| {
        (path.display().to_string(), std::fs::read_to_string(path).expect("a text"))
    };
    files.iter().map(read).collect()
}

#[test]
fn the_property_holds_for_the_corpus_with_either_line_break() {
    let corpus = corpus();
    assert!(corpus.len() >= 8, "{}", corpus.len());
    for (_, text) in &corpus {
        holds(text);
        holds(&text.replace('\n', "\r\n"));
        holds(text.trim_end());
    }
}

/// Xorshift: a number that looks like chance, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).expect("below a usize")
    }
}

/// Lines taken out, doubled, moved, indented, cut, or taken from another text.
fn mutated(dice: &mut Dice, corpus: &[(String, String)]) -> String {
    let from = |dice: &mut Dice| &corpus[dice.below(corpus.len())].1;
    let mut lines: Vec<String> = from(dice).split_inclusive('\n').map(str::to_owned).collect();
    for _ in 0..=dice.below(12) {
        if lines.is_empty() {
            break;
        }
        let at = dice.below(lines.len());
        match dice.below(8) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let line = lines.remove(at);
                let to = dice.below(lines.len() + 1);
                lines.insert(to, line);
            }
            3 => lines[at].insert_str(0, ["  ", "\t", "    ", "> ", "- "][dice.below(5)]),
            4 => lines[at] = lines[at].trim_start().into(),
            5 => {
                let cut = dice.below(lines[at].len());
                let cut = (0..=cut).rfind(|cut| lines[at].is_char_boundary(*cut)).unwrap_or(0);
                lines[at].truncate(cut);
            }
            6 => drop(lines.drain(at..(at + dice.below(40)).min(lines.len()))),
            _ => {
                let other: Vec<&str> = from(dice).split_inclusive('\n').collect();
                let line = other.get(dice.below(other.len())).copied().unwrap_or("");
                lines.insert(at, line.to_owned());
            }
        }
    }
    lines.concat()
}

#[test]
fn the_property_holds_for_mutations_of_the_corpus() {
    let corpus = corpus();
    // Another part of all mutations, for whoever wants to look further.
    let seed = std::env::var("FIX_PLAN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for at in 0..MUTATIONS {
        let mut dice = Dice((seed * 1_000_003 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let text = mutated(&mut dice, &corpus);
        let held = std::panic::catch_unwind(|| holds(&text));
        assert!(held.is_ok(), "mutation {at} of seed {seed}:\n{text}");
    }
}
