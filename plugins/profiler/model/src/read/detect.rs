//! Which kind of file it is: [`Detected`], from its first bytes, never from its name.
//!
//! Called by [`crate::read`]. A file of another kind is told by name, with the command that makes one that can be read.

use crate::read::input::HEAD;
use crate::read::{collapsed, perf_script};

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detected {
    Empty,
    Gzip,
    Json,
    Pprof,
    PerfScript,
    Collapsed,
    /// None of ours; what it is, and the way out.
    Other(&'static str),
}

/// First bytes of other kinds of files.
const OTHERS: [(&[u8], &str); 13] = [
    (
        b"PERFILE2",
        "this is perf's own file (perf.data): convert it with `perf script -i FILE > FILE.txt` and read that",
    ),
    (b"\x89PNG", "this is a PNG picture, no profile"),
    (b"\xff\xd8\xff", "this is a JPEG picture, no profile"),
    (b"<?xml", "this is XML; of a flame graph, give the stacks it was made of (collapsed stacks)"),
    (b"<svg", "this is a picture (SVG); give the stacks it was made of (collapsed stacks)"),
    (b"<!DOCTYPE", "this is a web page, no profile"),
    (
        b"SQLite format 3\0",
        "this is an SQLite file; of Nsight Systems, export JSON of a Chrome trace or use the PyTorch profiler's trace",
    ),
    (b"PK\x03\x04", "this is a ZIP file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "this is compressed with zstd: unpack it first (`zstd -d`)"),
    (b"\xfd7zXZ", "this is compressed with xz: unpack it first (`xz -d`)"),
    (b"BZh", "this is compressed with bzip2: unpack it first (`bzip2 -d`)"),
    (b"\x7fELF", "this is a program or a library, no profile"),
    (b"%PDF", "this is a PDF, no profile"),
];
/// Python's marshal format of a dictionary, which cProfile writes.
const MARSHAL: &str =
    "this is cProfile's file (pstats), which has no stacks: record with `py-spy record --format speedscope`";

pub(crate) fn detect(head: &[u8]) -> Detected {
    if head.starts_with(b"\x1f\x8b") {
        return Detected::Gzip;
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Detected::Other(what);
    }
    if head.starts_with(b"\xfb\xa8") || head.starts_with(b"{\xa8") || head.starts_with(b"{(") {
        return Detected::Other(MARSHAL);
    }
    if is_pprof(head) {
        return Detected::Pprof;
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match text.first() {
        None => Detected::Empty,
        Some(b'{' | b'[') => Detected::Json,
        Some(_) if text.contains(&0) => Detected::Other("this is a binary file of a kind that is not known"),
        Some(_) => lines(head),
    }
}

/// The first field of a profile is nearly always its sample types: a message of two small numbers. As text it would
/// be an empty line with control characters behind it.
fn is_pprof(head: &[u8]) -> bool {
    match head {
        [0x0a, length @ 2..=20, 0x08 | 0x10, ..] => {
            head.get(2 + *length as usize).is_none_or(|next| *next & 7 != 7)
        }
        [0x0a, 0, 0x0a | 0x12, ..] => true,
        _ => false,
    }
}

fn lines(head: &[u8]) -> Detected {
    let text = String::from_utf8_lossy(head);
    let mut meant = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = meant.next() else {
        return if text.contains("# captured on") { Detected::PerfScript } else { Detected::Empty };
    };
    if perf_script::header(first).is_some() {
        return Detected::PerfScript;
    }
    // A single stack may be longer than what was looked at.
    let endless = !text.contains('\n') && head.len() >= HEAD && first.contains(';');
    if endless || collapsed::split(first).is_some() {
        return Detected::Collapsed;
    }
    Detected::Other(
        "not a profile that can be read: the first line is neither JSON, nor a collapsed stack (`a;b;c 12`), nor a \
         sample of `perf script` (`command pid time: event:`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_first_bytes() {
        assert_eq!(detect(b""), Detected::Empty);
        assert_eq!(detect(b"\x1f\x8b\x08\0"), Detected::Gzip);
        assert_eq!(detect(b"\xef\xbb\xbf  [ {"), Detected::Json);
        assert_eq!(detect(b"\n\n{}"), Detected::Json);
        assert_eq!(detect(b"\x0a\x04\x08\x01\x10\x02\x0a\x04"), Detected::Pprof);
        assert_eq!(detect(b"# a note\na;b 3\n"), Detected::Collapsed);
        assert_eq!(detect(b"a.out 42 12.5: 1 cycles:u: \n\t7f f (/a)\n"), Detected::PerfScript);
        assert!(matches!(detect(b"PERFILE2\0\0"), Detected::Other(what) if what.contains("perf script")));
        assert!(matches!(detect(b"hello world\n"), Detected::Other(_)));
        assert!(matches!(detect(b"abc\0\x01"), Detected::Other(_)));
    }
}
