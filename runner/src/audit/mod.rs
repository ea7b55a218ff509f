//! [`audit`]: what bundles that other tools or people made have, and what is missing, rule by rule.
//!
//! `find` recognises bundles, `Subject` reads one, each file below `rules/` judges one rule,
//! and a [`Report`] holds all of it. Called by `cli::audit`. Nothing of a bundle is ever executed, written
//! to, or followed out of it; of a text at most a few MiB are read.

mod commands;
mod find;
mod history;
mod moment;
mod paths;
mod rules;
mod shell;
mod subject;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use rules::{RULES, Rule};

use history::History;
use moment::Moment;
use subject::Subject;

/// What a rule says of a bundle. The words are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It is broken.
    Broken,
    /// There is nothing it could apply to.
    NotApplicable,
    /// It cannot be told from what is there.
    Unknown,
}

impl Verdict {
    /// Every verdict, in the order in which they are counted.
    pub const ALL: [Self; 4] = [Self::Holds, Self::Broken, Self::NotApplicable, Self::Unknown];

    /// In words for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::NotApplicable => "n/a",
            Self::Unknown => "unknown",
        }
    }
}

/// A place in a file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Relative to the bundle.
    pub file: String,
    /// From 1; null when it is the file as a whole.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// What a rule found in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name; set by the registry.
    pub rule: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// Where.
    pub places: Vec<Place>,
}

impl Finding {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { rule: "", verdict, reason: reason.into(), places: Vec::new() }
    }

    fn holds(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Holds, reason)
    }

    fn broken(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Broken, reason)
    }

    fn not_applicable(reason: impl Into<String>) -> Self {
        Self::new(Verdict::NotApplicable, reason)
    }

    fn unknown(reason: impl Into<String>) -> Self {
        Self::new(Verdict::Unknown, reason)
    }

    fn at(mut self, file: &str, line: usize) -> Self {
        self.places.push(Place { file: file.to_owned(), line: Some(line) });
        self
    }

    fn in_file(mut self, file: &str) -> Self {
        self.places.push(Place { file: file.to_owned(), line: None });
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.places.first() {
            Some(place) => write!(f, "{place}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// The stamp of a bundle.
#[derive(Clone, Debug, Serialize)]
pub struct StampSeen {
    /// As it is written.
    pub text: String,
    /// How it is spelled: `YYYYMMDDTHHMMSSZ`.
    pub spelling: String,
}

/// A bundle and what the rules say of it.
#[derive(Clone, Debug, Serialize)]
pub struct Audited {
    /// Where it lies, as it was named.
    pub bundle: PathBuf,
    /// Its stamp, when it has one.
    pub stamp: Option<StampSeen>,
    /// How many files it has.
    pub files: usize,
    /// Whether no rule is broken.
    pub holds: bool,
    /// One finding a rule, in the order of the registry.
    pub rules: Vec<Finding>,
}

/// What an audit found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Whether no rule is broken in any bundle.
    pub holds: bool,
    /// The bundles.
    pub bundles: Vec<Audited>,
    /// Directories with evidence whose name is no stamp; they were not looked into.
    pub unstamped: Vec<PathBuf>,
    /// Directories that could not be read.
    pub unreadable: Vec<PathBuf>,
}

impl Report {
    /// How many bundles have this verdict for a rule.
    pub fn count(&self, rule: &str, verdict: Verdict) -> usize {
        let findings = self.bundles.iter().flat_map(|bundle| &bundle.rules);
        findings.filter(|finding| finding.rule == rule && finding.verdict == verdict).count()
    }
}

/// A directory that cannot be audited, and why.
#[derive(Debug)]
pub struct AuditError(String);

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AuditError {}

/// Audits directories: bundles, or trees that hold bundles.
pub fn audit(directories: &[PathBuf]) -> Result<Report, AuditError> {
    let mut report = Report::default();
    for directory in directories {
        let shown = directory.display();
        let mut found = find::find(directory)
            .map_err(|error| AuditError(format!("cannot look into `{shown}`: {error}")))?;
        if found.bundles.is_empty() {
            return Err(AuditError(format!(
                "`{shown}` holds no bundle: no file of its own, and no directory with files whose name is a \
                 stamp such as 20251120T101112Z"
            )));
        }
        let resolved = directory.canonicalize().unwrap_or_else(|_| directory.clone());
        let history = History::below(&resolved);
        let committed = |path: &Path| history.first_below(&path.to_string_lossy());
        found.bundles.retain(|bundle| report.bundles.iter().all(|known| known.bundle != *bundle));
        report.bundles.extend(found.bundles.iter().map(|bundle| one(&Subject::read(bundle, &committed))));
        report.unstamped.append(&mut found.unstamped);
        report.unreadable.append(&mut found.unreadable);
    }
    report.holds = report.bundles.iter().all(|bundle| bundle.holds);
    Ok(report)
}

fn one(subject: &Subject) -> Audited {
    let rules: Vec<Finding> = RULES.iter().map(|rule| rule.judge(subject)).collect();
    let seen = |moment: &Moment| StampSeen { text: moment.text.clone(), spelling: moment.spelling.clone() };
    Audited {
        bundle: subject.path.clone(),
        stamp: subject.stamp.as_ref().map(seen),
        files: subject.files.len(),
        holds: rules.iter().all(|finding| finding.verdict != Verdict::Broken),
        rules,
    }
}

#[cfg(test)]
mod fixture;
