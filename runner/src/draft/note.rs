//! [`HandoffNote`]: a handoff note as items with their lines, nothing interpreted yet.
//!
//! A note is text in the form `Key: value`, with bullets, numbered lists or code below a key; keys may also be
//! Markdown headings or bold. Read by [`crate::draft::draft`]. No line is thrown away: whoever uses an item
//! knows which lines it came from.

use std::fmt;

use crate::draft::lazy_regex::{LazyRegex, group};

/// A key that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the keys")]
pub enum Key {
    Summary,
    Mode,
    Focus,
    Branch,
    MappedTests,
    Artifacts,
    DoNow,
    IfBlocked,
    Priorities,
    HowTo,
    Pitfalls,
    Pointers,
    NextUp,
}

/// How a key is written: lower case, only letters and blanks.
const NAMES: &[(&str, Key)] = &[
    ("summary", Key::Summary),
    ("mode", Key::Mode),
    ("focus", Key::Focus),
    ("branch", Key::Branch),
    ("mapped tests", Key::MappedTests),
    ("mapped test", Key::MappedTests),
    ("tests", Key::MappedTests),
    ("artifacts", Key::Artifacts),
    ("artifact", Key::Artifacts),
    ("artefacts", Key::Artifacts),
    ("do now", Key::DoNow),
    ("if blocked", Key::IfBlocked),
    ("priorities rationale", Key::Priorities),
    ("priorities and rationale", Key::Priorities),
    ("priorities", Key::Priorities),
    ("rationale", Key::Priorities),
    ("how to map", Key::HowTo),
    ("how to", Key::HowTo),
    ("pitfalls to avoid", Key::Pitfalls),
    ("pitfalls", Key::Pitfalls),
    ("pointers", Key::Pointers),
    ("next up", Key::NextUp),
    ("next", Key::NextUp),
];

/// Where an item stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// Before any key.
    None,
    /// Below a key that is understood.
    Known(Key),
    /// Below another key.
    Unknown(String),
}

/// A value, a bullet, a paragraph, or a block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The key it belongs to.
    pub section: Section,
    /// Its first line, from 1.
    pub first: usize,
    /// Its last line.
    pub last: usize,
    /// Its text without bullet and key; lines are joined by line breaks.
    pub text: String,
    /// Whether it stood between code fences.
    pub code: bool,
}

/// A handoff note.
#[derive(Clone, Debug)]
pub struct HandoffNote {
    /// How its file was named; quoted beside line numbers.
    pub name: String,
    /// Its items, in order.
    pub items: Vec<Item>,
    lines: Vec<String>,
    headings: Vec<usize>,
}

/// Why a text is no note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// There is nothing in it.
    Empty,
    /// None of the known keys is there.
    NoKey,
}

/// What a note looks like, at least.
pub const SHORTEST: &str = "Do Now: Run `make bench`.\nArtifacts: reports/bench/<STAMP>/bench.log";

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::NoKey => "has none of the keys of a handoff note (`Summary:`, `Do Now:`, `Artifacts:` ...)",
        })
    }
}

impl std::error::Error for NoteError {}

static KEY: LazyRegex = LazyRegex::new(concat!(
    r"^(?:[-*+] +)?(#{1,6} *)?(\*\*|__)?([A-Za-z][A-Za-z0-9 &/-]{0,60}?) *(\([^()]*\))? *",
    r"(?:(?:(:)(?:\*\*|__)?|(?:\*\*|__) *(:)|(\*\*|__))[ \t]*(.*))?$",
));
static BULLET: LazyRegex = LazyRegex::new(r"^[ \t]*(?:[-*+\u{2022}]|[0-9]{1,3}[.)])[ \t]+(.*)$");
static HEREDOC: LazyRegex =
    LazyRegex::new(r#"<<-?[ ]*(?:'([A-Za-z0-9_]+)'|"([A-Za-z0-9_]+)"|([A-Za-z0-9_]+))"#);

impl HandoffNote {
    /// Reads a note. Line ends may be those of Windows.
    pub fn parse(name: &str, text: &str) -> Result<Self, NoteError> {
        let text = text.trim_start_matches('\u{feff}');
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        if lines.iter().all(|line| line.trim().is_empty()) {
            return Err(NoteError::Empty);
        }
        let mut note = Self { name: name.to_owned(), items: Vec::new(), lines, headings: Vec::new() };
        note.read();
        let known = |item: &Item| matches!(item.section, Section::Known(_));
        if note.items.iter().any(known) { Ok(note) } else { Err(NoteError::NoKey) }
    }

    fn read(&mut self) {
        let lines = self.lines.clone();
        let mut section = Section::None;
        let mut fresh = true;
        let mut index = 0;
        while let Some(line) = lines.get(index) {
            let number = index + 1;
            index += 1;
            let trimmed = line.trim();
            if trimmed.is_empty() {
                fresh = true;
            } else if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
                let fence: String = trimmed.chars().take(3).collect();
                let rest = lines.get(index..).unwrap_or_default();
                let close = rest.iter().position(|line| line.trim().starts_with(&fence));
                let inside = &rest[..close.unwrap_or(rest.len())];
                let last = number + inside.len() + usize::from(close.is_some());
                self.push(&section, number, last, inside.join("\n"), true);
                index = last;
                fresh = true;
            } else if let Some((found, value)) = heading(line) {
                section = found;
                if value.is_empty() && matches!(section, Section::Known(_)) {
                    self.headings.push(number);
                }
                if !value.is_empty() {
                    index = self.with_heredoc(&section, number, value);
                }
                fresh = value.is_empty();
            } else if let Some(bullet) = BULLET.first(line) {
                index = self.with_heredoc(&section, number, group(&bullet, 1));
                fresh = false;
            } else {
                match self.items.last_mut().filter(|item| !fresh && !item.code && item.last + 1 == number) {
                    Some(item) => {
                        item.text = format!("{}\n{trimmed}", item.text);
                        item.last = number;
                    }
                    None => index = self.with_heredoc(&section, number, trimmed),
                }
                fresh = false;
            }
        }
    }

    /// An item that begins here and takes a here-document with it, when the end of one stands below.
    fn with_heredoc(&mut self, section: &Section, number: usize, text: &str) -> usize {
        let tag =
            HEREDOC.first(text).map(|found| (1..=3).map(|index| group(&found, index)).collect::<String>());
        let rest = self.lines.get(number..).unwrap_or_default();
        let end = tag.and_then(|tag| rest.iter().position(|line| line.trim() == tag));
        let (text, last) = match end {
            Some(end) => (format!("{text}\n{}", rest[..=end].join("\n")), number + end + 1),
            None => (text.to_owned(), number),
        };
        self.push(section, number, last, text, false);
        last
    }

    fn push(&mut self, section: &Section, first: usize, last: usize, text: String, code: bool) {
        self.items.push(Item { section: section.clone(), first, last, text, code });
    }

    /// The items of a key.
    pub fn of(&self, key: Key) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.section == Section::Known(key))
    }

    /// A line, without blanks around it; empty behind the end.
    pub fn line(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|index| self.lines.get(index)).map_or("", |line| line.trim())
    }

    /// The numbers of all lines that are not blank.
    pub fn written(&self) -> impl Iterator<Item = usize> {
        (1..=self.lines.len()).filter(|number| !self.line(*number).is_empty())
    }

    /// The numbers of lines that hold a key that is understood and nothing else.
    pub fn headings(&self) -> &[usize] {
        &self.headings
    }
}

/// The section that a line opens, and the value behind its key.
fn heading(line: &str) -> Option<(Section, &str)> {
    let found = KEY.first(line)?;
    let name = group(&found, 3).trim();
    let marked = !group(&found, 1).is_empty();
    let colon = !group(&found, 5).is_empty() || !group(&found, 6).is_empty();
    let bold = !group(&found, 2).is_empty() && (colon || !group(&found, 7).is_empty());
    let value = group(&found, 8).trim();
    let plain: String = name.to_ascii_lowercase().replace(['&', '-', '/'], " ");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let key = NAMES.iter().find(|(known, _)| *known == plain).map(|(_, key)| *key);
    let bulleted = line.starts_with(['-', '*', '+']) && !line.starts_with("**");
    match key {
        Some(key) if colon || (marked || bold) && value.is_empty() => Some((Section::Known(key), value)),
        // A bullet or a sentence with a colon is not a key that nobody knows.
        None if !bulleted
            && (marked && value.is_empty() || bold && value.is_empty() || colon && titled(name)) =>
        {
            Some((Section::Unknown(name.to_owned()), value))
        }
        _ => None,
    }
}

/// `Exit Criteria`, but not `Note that the`: at most four words, each with a capital letter.
fn titled(name: &str) -> bool {
    let words: Vec<&str> = name.split_whitespace().collect();
    words.len() <= 4
        && words.iter().all(|word| word.starts_with(|c: char| c.is_ascii_uppercase() || c == '&'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<(usize, usize, String)> {
        let note = HandoffNote::parse("n.md", text).expect("a note");
        note.items.into_iter().map(|item| (item.first, item.last, item.text)).collect()
    }

    #[test]
    fn patterns_compile() {
        assert!([&KEY, &BULLET, &HEREDOC].iter().all(|pattern| pattern.compiles()));
    }

    #[test]
    fn a_key_may_be_plain_bold_a_heading_or_have_a_suffix() {
        for text in [
            "Do Now: x",
            "**Do Now:** x",
            "**Do Now**: x",
            "## Do Now\nx",
            "## Do Now:\n\nx",
            "do now (required): x",
            "**Do Now**\n- x",
            "- **Do Now:** x",
            "__Do Now:__ x",
            "Do Now:\r\n  1. x\r\n",
        ] {
            let note = HandoffNote::parse("n.md", text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                note.of(Key::DoNow).map(|item| item.text.as_str()).collect::<Vec<_>>(),
                ["x"],
                "{text}"
            );
        }
    }

    #[test]
    fn bullets_numbers_paragraphs_and_code_are_items_with_their_lines() {
        let text = "How-To Map:\n- one\n  goes on\n2. two\n\nthree\n```sh\na\nb\n```\nNext Up: four";
        let expected =
            [(2, 3, "one\ngoes on"), (4, 4, "two"), (6, 6, "three"), (7, 10, "a\nb"), (11, 11, "four")];
        assert_eq!(items(text), expected.map(|(first, last, text)| (first, last, text.to_owned())));
    }

    #[test]
    fn a_here_document_is_one_item_and_one_that_never_ends_is_prose() {
        let text = "How-To Map:\n1. python - <<'PY'\nimport os\n- not a bullet\nPY\n2. run `python - <<'PY'` blocks\n3. c";
        let found = items(text);
        assert_eq!(found[0], (2, 5, "python - <<'PY'\nimport os\n- not a bullet\nPY".to_owned()));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_sentence_with_a_colon_is_no_key() {
        let note = HandoffNote::parse("n.md", "Do Now: a\nMind the gap: it is wide\nExit Criteria: b")
            .expect("a note");
        assert_eq!(note.items[0].text, "a\nMind the gap: it is wide");
        assert_eq!(note.items[1].section, Section::Unknown("Exit Criteria".to_owned()));
    }

    #[test]
    fn what_is_no_note_is_told() {
        assert_eq!(HandoffNote::parse("n", " \n\r\n").expect_err("empty"), NoteError::Empty);
        assert_eq!(HandoffNote::parse("n", "# Readme\n\nhello").expect_err("no key"), NoteError::NoKey);
        HandoffNote::parse("n", SHORTEST).expect("the shortest note is one");
    }
}
