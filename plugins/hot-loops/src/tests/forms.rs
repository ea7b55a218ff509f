//! The forms of the report: hostile names do no harm in any of them, and each says what its reader needs.
//!
//! Markdown, CSV and HTML of profiles that were made by hand ([`super::profile`]). The figures themselves are tested in
//! `shares` and `parts`; here only that nothing is lost, cut in half, or taken for markup or a formula.

use serde_json::{Value, json};

use super::{a_loop, correlate_with, inventory, profile};
use crate::correlate::Correlation;
use crate::{csv, html, markdown};

const HOSTILE: &str = "=cmd|' /C calc'!A0,\"x\".py";
const MARKUP: &str = "</code><script>alert(1)</script>&`|\u{202e}";

fn hostile() -> Correlation {
    let mut one = a_loop(HOSTILE, (1, 3), MARKUP, 1);
    one["loop_header"] = json!(MARKUP);
    one["id"] = json!("=HYPERLINK(\"http://x\")");
    let source = format!("{MARKUP}\n\u{0}\u{7}tab\there\nend\n");
    let frame = format!("f {HOSTILE}:2");
    correlate_with(&profile(&[(&[&frame], 9)]), &inventory(&[one]), &[(HOSTILE, &source)])
}

/// The cells of a CSV text, read as RFC 4180 says.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    rows
}

#[test]
fn the_table_has_exactly_its_columns_and_no_formula() {
    let text = csv::csv(&hostile().hot_loops);
    assert!(text.starts_with("module,line,loop_id,%time,call_count,notes\r\n"), "{text}");
    let rows = cells(&text);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].len(), 6, "{:?}", rows[1]);
    assert_eq!(rows[1][0], format!("./{HOSTILE}"));
    assert_eq!(rows[1][2], "'=HYPERLINK(\"http://x\")");
    assert_eq!((rows[1][3].as_str(), rows[1][4].as_str()), ("100.00", ""));
    assert!(rows[1][5].contains("no call count: samples do not count calls"), "{}", rows[1][5]);
    assert!(rows[1].iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])));
}

#[test]
fn the_page_is_well_formed_and_nothing_foreign_is_markup_in_it() {
    let page = html::html(&hostile());
    assert!(page.is_ascii());
    let body = page.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
    let document = roxmltree::Document::parse(body).expect("well-formed");
    let scripts = document.descendants().filter(|node| node.has_tag_name("script"));
    assert_eq!(scripts.count(), 1, "only our own");
    let headers =
        document.descendants().filter(|node| node.text().is_some_and(|text| text.contains("alert(1)")));
    assert!(headers.count() >= 2, "header and source are shown as text");
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        let without_own_text = page.replace("=HYPERLINK(&quot;http://x&quot;)", "");
        assert!(!without_own_text.contains(outside), "{outside}");
    }
}

#[test]
fn the_page_has_the_heat_of_each_line_and_says_when_a_source_is_missing() {
    let loops = [a_loop("k.py", (2, 4), "f", 1), a_loop("gone.py", (2, 4), "g", 1)];
    let stacks: &[(&[&str], u64)] =
        &[(&["f k.py:3", "h k.py:9"], 50), (&["f k.py:3"], 30), (&["g gone.py:3"], 20)];
    let source = "def f():\n    for i in 2:\n        x(1 < 2)\n        y()\n\nend\n";
    let found = correlate_with(&profile(stacks), &inventory(&loops), &[("k.py", source)]);
    let page = html::html(&found);
    assert!(
        page.contains("<td>3</td><td>80.00</td><td>30.00</td><td class=\"s\">        x(1 &lt; 2)</td>"),
        "{page}"
    );
    assert!(page.contains("<tr class=\"head\"><td>2</td><td></td>"), "{page}");
    assert!(page.contains("The source cannot be read: no such file"), "{page}");
    assert!(page.contains("<section id=\"loop-2\">"), "{page}");
}

#[test]
fn a_long_loop_is_shown_where_it_is_warm() {
    let loops = [a_loop("k.py", (1, 5000), "f", 1)];
    let source = "x()\n".repeat(5000);
    let found = correlate_with(&profile(&[(&["f k.py:4000"], 9)]), &inventory(&loops), &[("k.py", &source)]);
    let page = html::html(&found);
    assert!(page.contains("<td>4002</td>") && !page.contains("<td>3000</td>"), "{page}");
    assert!(page.contains("3994 lines without time or space"), "{page}");
    assert!(page.len() < 20_000, "{}", page.len());
}

#[test]
fn the_report_is_ascii_and_keeps_its_tables_whole() {
    let text = markdown::markdown(&hostile().hot_loops);
    assert!(text.is_ascii());
    let row = text.lines().find(|line| line.starts_with("| 1 |")).expect("a row");
    // Pipes that are not escaped separate seven cells.
    let pipes = row.replace("\\|", "").matches('|').count();
    assert_eq!(pipes, 8, "{row}");
    assert!(!text.contains("`<script>"), "{text}");
}

#[test]
fn the_report_has_ranking_rest_and_unseen() {
    let mut todo = a_loop("k.py", (20, 22), "f", 1);
    todo["class"] = json!("todo");
    let loops = [a_loop("k.py", (2, 4), "f", 1), todo];
    let stacks: &[(&[&str], u64)] = &[(&["f k.py:3"], 60), (&["f k.py:9"], 30), (&["memset"], 10)];
    let source = format!("x\nfor i in 2:\n{}", "\n".repeat(20));
    let found = correlate_with(&profile(stacks), &inventory(&loops), &[("k.py", &source)]);
    let text = markdown::markdown(&found.hot_loops);
    for part in [
        "| in loops of the inventory (self) | 60.00 |",
        "| 1 | 60.00 | 60.00 | unclassified | `k.py:2` | `for i in 2` | line; self 60.00 %; unclassified; no call count: samples do not count calls |",
        "| 30.00 | 30.00 | `k.py:9` | `f` | yes |",
        "| todo | `k.py:20` | `for i in 20` | cold |",
        "## Unexplained (10.00 %)",
        "| 10.00 | runtime | `memset` | `libc.so.6` |",
    ] {
        assert!(text.contains(part), "{part}\n---\n{text}");
    }
}

#[test]
fn loops_of_tests_that_were_not_seen_are_one_line_of_the_report_and_rows_of_the_json() {
    let mut test = a_loop("k.py", (30, 32), "test_f", 28);
    test["test"] = json!(true);
    let stacks: &[(&[&str], u64)] = &[(&["f k.py:3"], 60)];
    let seen = a_loop("k.py", (2, 4), "f", 1);
    let with = |loops: &[Value]| correlate_with(&profile(stacks), &inventory(loops), &[]).hot_loops;
    let hot = with(&[seen.clone(), a_loop("k.py", (20, 22), "f", 1), test.clone()]);
    assert_eq!(hot.unseen.len(), 2);
    let report = markdown::markdown(&hot);
    assert!(report.contains("## Not seen (1 loops)"), "{report}");
    assert!(report.contains("Besides, 1 loops of tests were not seen"), "{report}");
    assert!(report.contains("`k.py:20`") && !report.contains("`k.py:30`"), "{report}");
    let report = markdown::markdown(&with(&[seen, test]));
    assert!(
        report.contains("Besides, 1 loops") && !report.contains("Every loop of the inventory"),
        "{report}"
    );
}
