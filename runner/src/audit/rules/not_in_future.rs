//! The rule `not_in_future`: the stamp is not later than the clock, than the files, or than the first commit.

use super::Rule;
use super::utc::same_moment;
use crate::audit::Finding;
use crate::audit::subject::Subject;
use crate::clock::Instant;

pub const RULE: Rule = Rule {
    id: "not_in_future",
    what: "the stamp is not later than the clock, than every file of the bundle, or than its first commit",
    unless: "the directory's name is no stamp",
    check,
};

/// Clocks differ, in seconds.
const SLACK: i64 = 60;

fn check(subject: &Subject) -> Finding {
    let Some(stamp) = &subject.stamp else {
        return Finding::not_applicable("the directory's name is no stamp");
    };
    let later = |limit: i64, what: &str| {
        (stamp.seconds > limit + SLACK)
            .then(|| Finding::broken(format!("`{}` is later than {what}, {}", stamp.text, shown(limit))))
    };
    let newest = subject.files.iter().filter(|file| file.regular).map(|file| file.modified).max();
    let newest = newest.filter(|_| !same_moment(subject, stamp));
    let limits = [
        (Some(subject.now), "the clock of this machine"),
        (subject.committed, "the commit that added its first file"),
        (newest, "its newest file"),
    ];
    for (limit, what) in limits {
        if let Some(finding) = limit.and_then(|limit| later(limit, what)) {
            return finding;
        }
    }
    let known: Vec<&str> =
        limits.iter().filter(|(limit, _)| limit.is_some()).map(|(_, what)| *what).collect();
    if known.len() > 1 {
        return Finding::holds(format!("not later than {}", known.join(", ")));
    }
    Finding::unknown(
        "not later than the clock; when the files were really written is not known: their modification times \
         are all the same moment, and git has no commit of them",
    )
}

fn shown(seconds: i64) -> String {
    Instant::from_unix(seconds, 0).map_or_else(|| seconds.to_string(), |instant| instant.to_string())
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::{STAMP, STAMP_SECONDS, judge_at, judge_committed};

    #[test]
    fn a_stamp_beyond_the_clock_breaks_it() {
        let finding = judge_at("not_in_future", "21991120T101112Z", &[("a", "x", STAMP_SECONDS)]);
        assert!(finding.reason.contains("later than the clock"), "{finding}");
        assert_eq!(finding.verdict, Verdict::Broken);
    }

    #[test]
    fn a_stamp_beyond_its_files_breaks_it_unless_they_were_checked_out() {
        let at = |a: i64, b: i64| {
            let files = [("a", "x", STAMP_SECONDS + a), ("b", "x", STAMP_SECONDS + b)];
            judge_at("not_in_future", STAMP, &files)
        };
        assert!(at(-5000, -3600).reason.contains("its newest file, 2025-11-20T09:11:12.000Z"));
        assert_eq!(at(-5000, 5).verdict, Verdict::Holds);
        assert_eq!(at(-5000, -5000).verdict, Verdict::Unknown);
        assert_eq!(judge_at("not_in_future", "phase_b", &[("a", "x", 0)]).verdict, Verdict::NotApplicable);
    }

    #[test]
    fn a_commit_bounds_the_stamp() {
        let finding = judge_committed("not_in_future", STAMP_SECONDS - 86400);
        assert!(finding.reason.contains("later than the commit that added its first file"), "{finding}");
        assert_eq!(judge_committed("not_in_future", STAMP_SECONDS + 86400).verdict, Verdict::Holds);
    }
}
