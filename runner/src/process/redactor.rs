//! [`Redactor`]: replaces byte strings in a stream, also those that straddle two reads.
//!
//! What it looks for and puts instead is decided by `evidence::Secrets`; the output of a program goes through one
//! on its way into the log, files through another. Nothing that may be the beginning of a hidden string leaves
//! before it is known what follows.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem::Finder;

/// A byte string that must not be seen.
pub struct Hidden {
    finder: Finder<'static>,
    mark: Vec<u8>,
    seen: Arc<AtomicBool>,
}

impl Hidden {
    /// Hides `bytes` (not empty) behind `mark`; `seen` is set when they were found.
    pub fn new(bytes: &[u8], mark: &str, seen: Arc<AtomicBool>) -> Self {
        Self { finder: Finder::new(bytes).into_owned(), mark: mark.as_bytes().to_vec(), seen }
    }

    /// What is hidden.
    pub fn bytes(&self) -> &[u8] {
        self.finder.needle()
    }

    /// Whether it stands in `text`.
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.finder.find(text).is_some()
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.mark))
    }
}

/// What stands instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The mark of what was found.
    Mark,
    /// As many `*`, so that offsets in a binary file stay what they were.
    Stars,
}

/// Replaces hidden strings in one stream.
pub struct Redactor {
    hidden: Arc<Vec<Hidden>>,
    instead: Instead,
    held: Vec<u8>,
}

impl Redactor {
    /// For one stream.
    pub fn new(hidden: Arc<Vec<Hidden>>, instead: Instead) -> Self {
        Self { hidden, instead, held: Vec::new() }
    }

    /// Takes the next bytes in; writes what is sure. Without anything to hide they go right through.
    pub fn pass(&mut self, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
        if self.hidden.is_empty() {
            return out.write_all(bytes);
        }
        self.held.extend_from_slice(bytes);
        let clean = self.replaced(out)?;
        let keep = self.unsure(&self.held[clean..]);
        let sure = self.held.len() - keep;
        out.write_all(&self.held[clean..sure])?;
        self.held.drain(..sure);
        Ok(())
    }

    /// Writes what is left at the end of the stream.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&std::mem::take(&mut self.held))
    }

    /// Writes up to and with the last hidden string; returns how much of what is held that was.
    fn replaced(&self, out: &mut dyn Write) -> io::Result<usize> {
        let next = |hidden: &Hidden, from: usize| hidden.finder.find(&self.held[from..]).map(|at| from + at);
        let mut found: Vec<(usize, &Hidden)> =
            self.hidden.iter().filter_map(|hidden| Some((next(hidden, 0)?, hidden))).collect();
        let mut done = 0;
        // Of two at the same place the longer one: a secret may begin with another.
        while let Some((at, hidden)) =
            found.iter().copied().min_by_key(|(at, hidden)| (*at, std::cmp::Reverse(hidden.bytes().len())))
        {
            out.write_all(&self.held[done..at])?;
            match self.instead {
                Instead::Mark => out.write_all(&hidden.mark)?,
                Instead::Stars => out.write_all(&vec![b'*'; hidden.bytes().len()])?,
            }
            hidden.seen.store(true, Ordering::Relaxed);
            done = at + hidden.bytes().len();
            found =
                found
                    .into_iter()
                    .filter_map(|(at, hidden)| {
                        if at < done { Some((next(hidden, done)?, hidden)) } else { Some((at, hidden)) }
                    })
                    .collect();
        }
        Ok(done)
    }

    /// How many of the last bytes may be the beginning of a hidden string.
    fn unsure(&self, tail: &[u8]) -> usize {
        let longest = |hidden: &Hidden| {
            let bytes = hidden.bytes();
            let most = tail.len().min(bytes.len() - 1);
            (1..=most).rev().find(|count| bytes.starts_with(&tail[tail.len() - count..])).unwrap_or(0)
        };
        self.hidden.iter().map(longest).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(list: &[&str]) -> Arc<Vec<Hidden>> {
        let hide = |text: &&str| Hidden::new(text.as_bytes(), &format!("[{}]", text.len()), Arc::default());
        Arc::new(list.iter().map(hide).collect())
    }

    fn passed(list: &[&str], text: &str, step: usize, instead: Instead) -> String {
        let mut redactor = Redactor::new(hidden(list), instead);
        let mut out = Vec::new();
        for part in text.as_bytes().chunks(step) {
            redactor.pass(part, &mut out).expect("memory");
        }
        redactor.finish(&mut out).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_string_is_replaced_wherever_reads_end() {
        let text = "a secret, ssecret, secresecretsecret and secre";
        for step in 1..=text.len() {
            assert_eq!(
                passed(&["secret"], text, step, Instead::Mark),
                "a [6], s[6], secre[6][6] and secre",
                "{step}"
            );
            let stars = passed(&["secret"], text, step, Instead::Stars);
            assert_eq!(stars, "a ******, s******, secre************ and secre", "{step}");
        }
    }

    #[test]
    fn of_two_none_stays_whole_when_one_holds_or_overlaps_the_other() {
        for step in 1..12 {
            let text = passed(&["abcdef", "abcdefgh", "defghi"], "xabcdefghix", step, Instead::Mark);
            for whole in ["abcdef", "defghi"] {
                assert!(!text.contains(whole), "{step}: {text}");
            }
        }
        assert!(!passed(&["12345x", "xyxyxy"], "12345xyxyxyxy", 99, Instead::Mark).contains("xyxyxy"));
        assert_eq!(passed(&["abcdef", "abcdefgh"], "abcdefgh", 99, Instead::Mark), "[8]");
    }

    #[test]
    fn nothing_is_held_back_that_cannot_be_the_beginning() {
        let mut redactor = Redactor::new(hidden(&["secret"]), Instead::Mark);
        let mut out = Vec::new();
        redactor.pass(b"a line\nsec", &mut out).expect("memory");
        assert_eq!(out, b"a line\n");
        redactor.pass(b"ond", &mut out).expect("memory");
        assert_eq!(out, b"a line\nsecond");
    }
}
