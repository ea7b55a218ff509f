//! The rule `utc`: the stamp is UTC. A stamp that differs from the times of the files, from times written in
//! them, or from the first commit by whole or half hours is local time, whatever letter stands behind it.

use super::Rule;
use crate::audit::moment::{self, Moment, Zone};
use crate::audit::subject::Subject;
use crate::audit::{Finding, Place};

pub const RULE: Rule = Rule {
    id: "utc",
    what: "the directory is named by a stamp, and the stamp is UTC: it is not off the times of its files by a time zone",
    unless: "",
    check,
};

/// Half an hour: zones differ by multiples of it.
const STEP: i64 = 1800;
/// How soon after the stamp something must have been written to speak for it, in seconds.
const NEAR: i64 = 900;
/// How soon after its own second a bundle's first file or time is written, when its zone is taken off.
const SOON: std::ops::RangeInclusive<i64> = -10..=120;
/// Zones that are not whole hours, in half hours east of UTC.
const HALF: [i64; 8] = [-19, -7, 7, 9, 11, 13, 19, 21];
/// Words beside a time that is one of this bundle, and not that of another one.
const LABELS: [&str; 10] =
    ["time", "date", "start", "began", "end", "finish", "generated", "created", "captured", "recorded"];
/// No zone is further from UTC.
const FURTHEST: i64 = 14 * 3600;

fn check(subject: &Subject) -> Finding {
    let Some(stamp) = &subject.stamp else {
        return Finding::broken(
            "the directory's name is no stamp: name it by the UTC second, such as 20251120T101112Z",
        );
    };
    if let Zone::Offset(minutes) = stamp.zone
        && minutes != 0
    {
        return Finding::broken(format!("`{}` is not in UTC, and says so", stamp.text));
    }
    let evidence = evidence(subject, stamp);
    // Times of files come from the kernel; a text may have been written by the same wrong clock.
    for seen in &evidence {
        let off = seen.seconds - stamp.seconds;
        if off.abs() < NEAR {
            let agrees = format!("{} agrees: {}", seen.what, apart(off));
            return seen.place(Finding::holds(agrees));
        }
        if let Some(hours) = zone_offset(off) {
            let reason = format!("`{}` is local time: {} is {hours} off it", stamp.text, seen.what);
            return seen.place(Finding::broken(reason));
        }
    }
    let why = if same_moment(subject, stamp) {
        "all files have the same modification time, as after a checkout or a copy"
    } else {
        "no file and no text has a time near it"
    };
    Finding::unknown(format!("nothing tells whether `{}` is UTC: {why}", stamp.text))
}

/// Something that tells when the bundle was really made.
struct Seen {
    what: String,
    seconds: i64,
    line: Option<Place>,
}

impl Seen {
    fn place(&self, mut finding: Finding) -> Finding {
        finding.places.extend(self.line.clone());
        finding
    }
}

/// In order of trust.
fn evidence(subject: &Subject, stamp: &Moment) -> Vec<Seen> {
    let mut found = Vec::new();
    if let Some((oldest, name)) = oldest(subject).filter(|_| !same_moment(subject, stamp)) {
        found.push(Seen { what: format!("the modification time of `{name}`"), seconds: oldest, line: None });
    }
    let texts = subject.command_texts.iter().chain(&subject.environments).chain(&subject.summaries);
    let mut written: Vec<Seen> = texts
        .flat_map(|text| text.lines().flat_map(move |(line, content)| of_line(&text.name, line, content)))
        // The stamp itself, copied into a text, says nothing of its zone.
        .filter(|seen| seen.seconds != stamp.seconds && (seen.seconds - stamp.seconds).abs() <= FURTHEST)
        .collect();
    written.sort_by_key(|seen| (seen.seconds - stamp.seconds).abs());
    found.extend(written.into_iter().next());
    if let Some(committed) = subject.committed.filter(|committed| (committed - stamp.seconds).abs() < NEAR) {
        found.push(Seen { what: "the first commit".to_owned(), seconds: committed, line: None });
    }
    found
}

/// The times of a line that state their zone and are no part of a path.
fn of_line(file: &str, line: usize, content: &str) -> Vec<Seen> {
    let lower = content.to_ascii_lowercase();
    let labelled = LABELS.iter().any(|label| lower.contains(label));
    // A compact one is the name of a bundle.
    let is_time = |text: &str| labelled && text.contains(':');
    let placed = moment::all_in(content).into_iter().filter(|placed| is_time(&placed.moment.text));
    let stated = placed.filter(|placed| {
        let before = content[..placed.start].chars().next_back();
        let after = content[placed.end..].chars().next();
        placed.moment.zone != Zone::Unsaid && before != Some('/') && after != Some('/')
    });
    stated
        .map(|placed| Seen {
            what: format!("`{}`", placed.moment.text),
            seconds: placed.moment.seconds,
            line: Some(Place { file: file.to_owned(), line: Some(line) }),
        })
        .collect()
}

/// The oldest regular file.
fn oldest(subject: &Subject) -> Option<(i64, &str)> {
    let files = subject.files.iter().filter(|file| file.regular);
    files.map(|file| (file.modified, file.name.as_str())).min()
}

/// Whether all files were written at the same moment, and not at that of the stamp: a checkout or a copy.
pub fn same_moment(subject: &Subject, stamp: &Moment) -> bool {
    let times = || subject.files.iter().filter(|file| file.regular).map(|file| file.modified);
    let (Some(oldest), Some(newest)) = (times().min(), times().max()) else { return true };
    newest - oldest < 2 && (oldest - stamp.seconds).abs() >= NEAR
}

/// How far local time is from UTC, in words, when a difference to the real time is that of a zone.
fn zone_offset(seconds: i64) -> Option<String> {
    let steps = (seconds - SOON.start()).div_euclid(STEP);
    // What was written in UTC is earlier than local time by the zone.
    let zone = -steps;
    let exists = (zone % 2 == 0 && zone != 0 && (-24..=28).contains(&zone)) || HALF.contains(&zone);
    let near = exists && SOON.contains(&(seconds - steps * STEP));
    near.then(|| format!("{:+} h", steps as f64 / 2.0))
}

fn apart(seconds: i64) -> String {
    match seconds {
        0 => "the same second".to_owned(),
        1.. => format!("{seconds} s later"),
        _ => format!("{} s earlier", -seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Verdict;
    use crate::audit::fixture::{STAMP, STAMP_SECONDS, judge_at};

    fn at(offsets: &[i64]) -> Finding {
        let names = ["a.md", "b.md", "c.md"];
        let files: Vec<(&str, &str, i64)> =
            names.iter().zip(offsets).map(|(name, offset)| (*name, "x\n", STAMP_SECONDS + offset)).collect();
        judge_at("utc", STAMP, &files)
    }

    #[test]
    fn files_written_soon_after_the_stamp_agree() {
        assert_eq!(at(&[3, 200, 4000]).verdict, Verdict::Holds);
        assert_eq!(at(&[3, 3]).verdict, Verdict::Holds, "a short run");
    }

    #[test]
    fn files_that_are_whole_or_half_hours_off_show_local_time() {
        let west = at(&[7 * 3600 + 40, 7 * 3600 + 90]);
        assert_eq!(west.verdict, Verdict::Broken);
        assert!(west.reason.ends_with("the modification time of `a.md` is +7 h off it"), "{west}");
        assert!(at(&[-19_800 + 5, -19_000]).reason.contains("-5.5 h"), "India");
    }

    #[test]
    fn a_checkout_and_other_distances_tell_nothing() {
        assert!(at(&[7 * 3600, 7 * 3600]).reason.contains("the same modification time"));
        assert_eq!(at(&[400 * 86400, 400 * 86400 + 9]).verdict, Verdict::Unknown);
        assert_eq!(at(&[5 * 3600 + 1000, 6 * 3600]).verdict, Verdict::Unknown);
        assert_eq!(at(&[1800 + 5, 6 * 3600]).verdict, Verdict::Unknown, "no zone is half an hour from UTC");
    }

    #[test]
    fn a_time_in_a_text_counts_when_it_states_its_zone() {
        let told = |text: &str| judge_at("utc", STAMP, &[("summary.md", text, 0), ("b", "", 0)]);
        let local = told("# X\nended 2025-11-20T03:11:40Z\n");
        assert_eq!(local.verdict, Verdict::Broken);
        assert_eq!(local.places[0].to_string(), "summary.md:2");
        assert_eq!(told("ended 2025-11-20T12:11:40+02:00\n").verdict, Verdict::Holds);
        for other in
            ["ended 2025-11-20 03:11:40", "start of r/20251120T031140Z/x", "after 2025-11-20T03:11:40Z"]
        {
            assert_eq!(told(other).verdict, Verdict::Unknown, "{other}");
        }
    }

    #[test]
    fn a_name_without_a_stamp_breaks_it() {
        assert_eq!(judge_at("utc", "phase_b", &[("a", "x", 0)]).verdict, Verdict::Broken);
        assert_eq!(judge_at("utc", "2025-11-20T10:11:12+02:00", &[("a", "x", 0)]).verdict, Verdict::Broken);
        let unsaid = judge_at(
            "utc",
            "20251120-101112",
            &[("a", "x", STAMP_SECONDS - 7200 + 5), ("b", "x", STAMP_SECONDS)],
        );
        assert!(unsaid.reason.starts_with("`20251120-101112` is local time"), "{unsaid}");
    }
}
