//! [`Custody`]: what is in the bundle when an attempt begins must be there, as it was, when it ends. A program
//! may write below its bundle, and so it could write over the evidence of others.
//!
//! The runner's own records are put back from memory; other files are only told.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Bundle, EvidenceError};
use crate::fs::{Mark, entries_below, shown};

/// The files of a bundle at one moment.
#[derive(Debug)]
pub(super) struct Custody(BTreeMap<String, Mark>);

impl Custody {
    /// Looks at the files that are not the runner's own.
    pub(super) fn take(bundle: &Bundle) -> Result<Self, EvidenceError> {
        let unreadable = |error| EvidenceError::at(bundle.path(), "cannot list", error);
        let mut marks = BTreeMap::new();
        for (file, found) in entries_below(bundle.path()).map_err(unreadable)? {
            let name = file.into_os_string().into_string().unwrap_or_else(|file| shown(file.as_ref()));
            if !bundle.is_own(&name) {
                marks.insert(name, Mark::from(&found));
            }
        }
        Ok(Self(marks))
    }

    /// Size in bytes of each file.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (&String, u64)> {
        self.0.iter().map(|(name, mark)| (name, mark.size))
    }

    /// The artifacts that came since `earlier`: neither logs nor what was set aside.
    pub(super) fn new_artifacts(&self, earlier: &Self) -> BTreeSet<String> {
        let new = self.0.keys().filter(|name| !earlier.0.contains_key(*name));
        new.filter(|name| !name.starts_with("logs/") && !name.starts_with("failed/")).cloned().collect()
    }

    /// What a step did to evidence that was there before it, in words.
    pub(super) fn tampered(
        &self,
        earlier: &Self,
        bundle: &Bundle,
        step: &str,
    ) -> Result<Vec<String>, EvidenceError> {
        let mut told = Vec::new();
        for (name, mark) in &earlier.0 {
            match self.0.get(name) {
                Some(now) if now == mark => {}
                Some(_) => told.push(format!("step `{step}` changed `{name}`, evidence of an earlier step")),
                None => told.push(format!("step `{step}` removed `{name}`, evidence of an earlier step")),
            }
        }
        for name in bundle.restore()? {
            told.push(format!("step `{step}` changed `{name}`, a record of the runner, which was put back"));
        }
        Ok(told)
    }
}
