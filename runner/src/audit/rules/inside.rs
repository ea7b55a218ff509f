//! The rule `inside`: what the commands write lies below the bundle.

use serde_json::Value;

use super::Rule;
use super::commands::without_commands;
use crate::audit::Finding;
use crate::audit::paths::{Leads, outputs};
use crate::audit::subject::Subject;

pub const RULE: Rule = Rule {
    id: "inside",
    what: "what the commands write (`>`, `tee`, `cp`, `-o`, `--outdir`, ...) lies below the bundle, not beside it in the repository",
    unless: "there are no commands",
    check,
};

fn check(subject: &Subject) -> Finding {
    if subject.commands.is_empty() {
        return without_commands(subject);
    }
    let declared = declared(subject);
    let all = outputs(subject);
    let outside: Vec<_> = all
        .iter()
        .filter_map(|(mention, leads)| match leads {
            Leads::Outside(path) if !declared.iter().any(|allowed| path.starts_with(allowed.as_str())) => {
                Some((mention, path))
            }
            _ => None,
        })
        .collect();
    if let Some((_, path)) = outside.first() {
        let others = match outside.len() {
            1 => String::new(),
            more => format!(", and {} more", more - 1),
        };
        let mut finding = Finding::broken(format!("`{path}` lies outside the bundle{others}"));
        for (mention, _) in outside.iter().take(20) {
            finding = finding.at(&mention.file, mention.line);
        }
        return finding;
    }
    if let Some((mention, _)) = all.iter().find(|(_, leads)| *leads == Leads::Unknown) {
        let reason = format!("`{}` depends on what the text does not set", mention.path);
        return Finding::unknown(reason).at(&mention.file, mention.line);
    }
    let inside = all.iter().filter(|(_, leads)| matches!(leads, Leads::Inside(_))).count();
    Finding::holds(match inside {
        0 => "no command names an output in the repository".to_owned(),
        1 => "the one output lies below the bundle".to_owned(),
        more => format!("all {more} outputs lie below the bundle"),
    })
}

/// What a plan of ours allowed to be written elsewhere, to be collected later.
fn declared(subject: &Subject) -> Vec<String> {
    let steps = subject.plan.as_ref().and_then(|plan| plan.get("steps")?.as_array());
    let attempts = steps.into_iter().flatten().flat_map(|step| [step.get("asked"), step.get("fallback")]);
    let attempts = attempts.flatten().flat_map(|attempt| [Some(attempt), attempt.get("attempt")]).flatten();
    let writes = attempts.filter_map(|attempt| attempt.get("writes")?.as_array()).flatten();
    writes.filter_map(Value::as_str).map(|path| path.trim_end_matches('/').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use crate::audit::Verdict;
    use crate::audit::fixture::{STAMP, judge};

    fn told(commands: &str) -> crate::audit::Finding {
        judge("inside", &[("commands.txt", commands)])
    }

    #[test]
    fn every_way_to_write_is_seen() {
        for line in [
            "make > out.txt 2>&1",
            "make 2>>reports/err.log",
            "make | tee -a reports/all.log",
            "./run --outdir reports/benchmarks/x",
            "./run --output=reports/y.json",
            "gcc -o build/run run.c",
            "cp a.txt reports/b.txt",
            "make\n# Results stored in: reports/benchmarks/20261119-190219/",
            "cd reports && make > x.log",
            "make > r/20260101T000000Z/x.log",
        ] {
            let finding = told(&format!("{line}\n"));
            assert_eq!(finding.verdict, Verdict::Broken, "{line}: {finding}");
        }
        let finding = told("pytest\nmake > out.txt\n");
        assert_eq!(finding.to_string(), "commands.txt:2: `out.txt` lies outside the bundle");
    }

    #[test]
    fn below_the_bundle_and_outside_the_repository_are_fine() {
        for line in [
            "make > reports/x/STAMP/out.txt",
            "export D=reports/x/STAMP\npytest > $D/a.log",
            "make > reports/x/$STAMP/y",
            "cd reports/STAMP\nsha256sum a > checksums.txt",
            "make > /dev/null",
            "make > /tmp/elsewhere.txt",
            "make",
            "echo 'a > b'",
            "pytest -o addopts=",
            "set -o pipefail",
        ] {
            let finding =
                told(&format!("{}\n", line.replace("STAMP", STAMP).replace(&format!("${STAMP}"), "$STAMP")));
            assert_eq!(finding.verdict, Verdict::Holds, "{line}: {finding}");
        }
        assert_eq!(told("make > $OUT/x\n").verdict, Verdict::Unknown);
        assert_eq!(
            told("make > reports/STAMP/../x\n".replace("STAMP", STAMP).as_str()).verdict,
            Verdict::Broken
        );
    }
}
