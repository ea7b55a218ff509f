//! `runner audit DIR...`: prints what an audit found, as a table or as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use serde_json::json;

use crate::audit::{Audited, RULES, Report, Verdict, audit};
use crate::cli::options::{AuditOptions, Global};
use crate::cli::{terminal, workflow};
use crate::diagnostic::{counted, shown};
use crate::exit_code::ExitCode;

/// How many directories of a kind are named.
const NAMED: usize = 10;

/// Audits directories.
pub fn run(global: &Global, options: &AuditOptions) -> ExitCode {
    let directories: Vec<PathBuf> =
        options.directories.iter().map(|directory| workflow::below(global, directory)).collect();
    let report = match audit(&directories) {
        Ok(report) => report,
        Err(error) => return workflow::complain(global, &error.to_string()),
    };
    if global.json {
        terminal::out(&document(&report));
    } else if global.quiet {
        for (bundle, finding) in broken(&report) {
            terminal::out(&format!("{}: {}: {finding}", shown(&bundle.bundle), finding.rule));
        }
    } else {
        let text = match report.bundles.as_slice() {
            [one] => single(one),
            all => many(&report, all),
        };
        terminal::out(text.trim_end());
        for unreadable in &report.unreadable {
            terminal::err(&format!("note: {} could not be looked into", shown(unreadable)));
        }
        if !report.unstamped.is_empty() {
            terminal::err(&unstamped(&report.unstamped));
        }
    }
    if report.holds { ExitCode::Complete } else { ExitCode::RuleBroken }
}

fn broken(report: &Report) -> impl Iterator<Item = (&Audited, &crate::audit::Finding)> {
    report.bundles.iter().flat_map(|bundle| {
        bundle.rules.iter().filter(|finding| finding.verdict == Verdict::Broken).map(move |f| (bundle, f))
    })
}

fn document(report: &Report) -> String {
    let rules: Vec<serde_json::Value> = RULES
        .iter()
        .map(|rule| {
            let count = |verdict| report.count(rule.id, verdict);
            json!({
                "rule": rule.id,
                "what": rule.what,
                "unless": rule.unless,
                "holds": count(Verdict::Holds),
                "broken": count(Verdict::Broken),
                "not_applicable": count(Verdict::NotApplicable),
                "unknown": count(Verdict::Unknown),
            })
        })
        .collect();
    let document = json!({
        "version": 1,
        "holds": report.holds,
        "rules": rules,
        "bundles": report.bundles,
        "unstamped": report.unstamped,
        "unreadable": report.unreadable,
    });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn single(bundle: &Audited) -> String {
    let stamp = bundle
        .stamp
        .as_ref()
        .map_or_else(|| "no stamp".to_owned(), |stamp| format!("stamp {} ({})", stamp.text, stamp.spelling));
    let mut text = format!("{}: {stamp}, {}\n\n", shown(&bundle.bundle), counted(bundle.files, "file"));
    let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "{:<width$}  {:<7}  why", "rule", "verdict");
    for finding in &bundle.rules {
        let _ = writeln!(text, "{:<width$}  {:<7}  {finding}", finding.rule, finding.verdict.word());
    }
    let number = |verdict| bundle.rules.iter().filter(|finding| finding.verdict == verdict).count();
    let counts: Vec<String> =
        Verdict::ALL.iter().map(|verdict| format!("{} {}", number(*verdict), verdict.word())).collect();
    let _ = writeln!(text, "\n{}", counts.join(", "));
    text
}

fn many(report: &Report, bundles: &[Audited]) -> String {
    let mut spellings: BTreeMap<&str, usize> = BTreeMap::new();
    for bundle in bundles {
        *spellings.entry(bundle.stamp.as_ref().map_or("no stamp", |stamp| &stamp.spelling)).or_default() += 1;
    }
    let spellings: Vec<String> =
        spellings.iter().map(|(spelling, number)| format!("{number} {spelling}")).collect();
    let mut text = format!("{}: {}\n\n", counted(bundles.len(), "bundle"), spellings.join(", "));
    let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let _ = writeln!(text, "{:<width$}  holds  broken    n/a  unknown  what must be so", "rule");
    for rule in RULES {
        let [holds, broken, not_applicable, unknown] =
            Verdict::ALL.map(|verdict| report.count(rule.id, verdict));
        let _ = writeln!(
            text,
            "{:<width$}  {holds:>5}  {broken:>6}  {not_applicable:>5}  {unknown:>7}  {}",
            rule.id, rule.what
        );
    }
    for bundle in bundles.iter().filter(|bundle| !bundle.holds) {
        let _ = writeln!(text, "\n{}", shown(&bundle.bundle));
        for finding in bundle.rules.iter().filter(|finding| finding.verdict == Verdict::Broken) {
            let _ = writeln!(text, "  {:<width$}  {finding}", finding.rule);
        }
    }
    let fine = bundles.iter().filter(|bundle| bundle.holds).count();
    let _ = writeln!(text, "\n{fine} of {} break no rule", counted(bundles.len(), "bundle"));
    text
}

fn unstamped(directories: &[PathBuf]) -> String {
    let named: Vec<String> =
        directories.iter().take(NAMED).map(|directory| format!("  {}", shown(directory))).collect();
    let more = directories.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    format!(
        "note: evidence without a stamp was not looked into; name such a directory itself to audit it:\n{}{more}",
        named.join("\n")
    )
}
