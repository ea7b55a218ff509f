//! The ranking beside the source: [`html`], written as `hot_loops.html`.
//!
//! One self-contained page that asks no network for anything: the loops with bars on the left, their source lines
//! with the heat of each line on the right. A small script shows one loop at a time; without it all are there.
//! Whatever comes from a profile, an inventory or a source is escaped. ASCII only.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use hot_loops_model::words::{one_line, percent};
use hot_loops_model::{Attribution, HotLoop, Share};
use profile_model::escape;

use crate::correlate::{Correlation, Heat};
use crate::text::notes;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Loops that are shown; the JSON has all of them.
const LOOPS: usize = 50;
/// Source lines shown around a loop.
const AROUND: u32 = 2;
/// A loop of so many lines is shown whole; of a longer one, what is warm.
const WHOLE: u32 = 120;
/// Source lines shown of one loop at most.
const LINES: usize = 300;
/// Characters shown of one source line.
const CHARACTERS: usize = 240;

/// The page.
pub(crate) fn html(found: &Correlation) -> String {
    let hot = &found.hot_loops;
    let rows: Vec<&HotLoop> = hot.hot().collect();
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'\"/>\n<meta name=\"viewport\" content=\"width=device-width\"/>\n\
         <title>Hot loops</title>\n<style>/*<![CDATA[*/\n{STYLE}/*]]>*/</style>\n</head>\n<body>\n<header>\n\
         <h1>Hot loops</h1>\n<div>{}, {} {}; loops from {} % inclusive on</div>\n",
        escape(&hot.profile.source),
        hot.profile.total,
        escape(&hot.profile.unit),
        hot.threshold_percent
    );
    for warning in &hot.warnings {
        let _ = writeln!(page, "<div class=\"warn\">{}</div>", escape(warning));
    }
    page.push_str("</header>\n<main>\n<nav>\n");
    for (row, at) in rows.iter().zip(1..).take(LOOPS) {
        link(&mut page, row, at);
    }
    page.push_str("</nav>\n<div id=\"code\">\n");
    for (row, at) in rows.iter().zip(1..).take(LOOPS) {
        section(&mut page, found, row, at);
    }
    if rows.is_empty() {
        let _ = writeln!(page, "<p>No loop has {} % of the time.</p>", hot.threshold_percent);
    }
    page.push_str("</div>\n</main>\n<footer>\n");
    if rows.len() > LOOPS {
        let _ = writeln!(page, "<p>{} more loops are in the JSON.</p>", rows.len() - LOOPS);
    }
    let parts = hot.parts;
    let _ = write!(
        page,
        "<p>In loops {} %, in functions with several loops {} %, in the project outside of loops {} %, \
         unexplained {} %.</p>\n</footer>\n<script>//<![CDATA[\n{SCRIPT}//]]></script>\n</body>\n</html>\n",
        percent(parts.loops.percent),
        percent(parts.groups.percent),
        percent(parts.outside.percent),
        percent(parts.unexplained.percent)
    );
    page
}

fn link(page: &mut String, row: &HotLoop, at: usize) {
    let one = &row.r#loop;
    let most = if row.attribution == Attribution::Function { "at most " } else { "" };
    // The bar in the bar is the self share.
    let within = if row.inclusive.weight == 0 {
        0.0
    } else {
        row.own.weight as f64 / row.inclusive.weight as f64 * 100.0
    };
    let class = one.class.map_or("unclassified", loop_inventory_model::Class::name);
    let _ = writeln!(
        page,
        "<a href=\"#loop-{at}\"><b>{at}.</b> {most}{} % <small>(self {} %)</small> \
         <span class=\"class {class}\">{class}</span><span class=\"bar\"><i style=\"width:{:.1}%\">\
         <i style=\"width:{within:.1}%\"></i></i></span><code>{}</code><br/><small>{}:{}</small></a>",
        percent(row.inclusive.percent),
        percent(row.own.percent),
        row.inclusive.percent,
        escape(&one_line(&one.loop_header)),
        escape(&one_line(&one.module)),
        one.line
    );
}

fn section(page: &mut String, found: &Correlation, row: &HotLoop, at: usize) {
    let one = &row.r#loop;
    let _ = writeln!(
        page,
        "<section id=\"loop-{at}\">\n<h2>{at}. {}:{} {}</h2>\n<p><code>{}</code></p>\n<p>{}</p>",
        escape(&one_line(&one.module)),
        one.line,
        escape(&one_line(one.function.as_deref().unwrap_or_default())),
        escape(&one_line(&one.id)),
        escape(&notes(row).join("; "))
    );
    match found.sources.get(&one.module) {
        Some(Ok(text)) => lines(page, found, row, text),
        Some(Err(error)) => {
            let _ = writeln!(page, "<p class=\"warn\">The source cannot be read: {}</p>", escape(error));
        }
        None => page.push_str("<p class=\"warn\">The source was not read.</p>\n"),
    }
    page.push_str("</section>\n");
}

fn lines(page: &mut String, found: &Correlation, row: &HotLoop, source: &str) {
    let one = &row.r#loop;
    let source: Vec<&str> = source.lines().collect();
    let end = u32::try_from(source.len()).unwrap_or(u32::MAX);
    let first = u32::try_from(one.line).unwrap_or(u32::MAX);
    let last = u32::try_from(one.last_line()).unwrap_or(u32::MAX);
    let shown = first.saturating_sub(AROUND).max(1)..=last.saturating_add(AROUND).min(end);
    if first > end {
        let _ = writeln!(page, "<p class=\"warn\">The source has only {end} lines.</p>");
        return;
    }
    let total = found.hot_loops.profile.total;
    let heat = |line: u32| found.heat.get(&(one.module.clone(), line)).copied().unwrap_or_default();
    page.push_str("<table>\n<tr><td>line</td><td>incl %</td><td>self %</td><td class=\"s\"></td></tr>\n");
    let mut before = None;
    let mut left_out = 0;
    for line in warm(&shown, first, |line| heat(line).inclusive > 0) {
        if before.is_some_and(|before| before + 1 < line) {
            skip(page, line - before.unwrap_or(line) - 1);
        }
        before = Some(line);
        left_out = shown.end() - line;
        let Heat { inclusive, own } = heat(line);
        let (inclusive, own) = (Share::of(inclusive, total), Share::of(own, total));
        let text = source.get(line as usize - 1).copied().unwrap_or_default();
        let cut: String = text.chars().take(CHARACTERS).collect();
        let dots = if cut.len() < text.len() { " ..." } else { "" };
        let _ = writeln!(
            page,
            "<tr{}{}><td>{line}</td><td>{}</td><td>{}</td><td class=\"s\">{}{dots}</td></tr>",
            if line == first { " class=\"head\"" } else { "" },
            colour(own, inclusive),
            if inclusive.weight > 0 { percent(inclusive.percent) } else { String::new() },
            if own.weight > 0 { percent(own.percent) } else { String::new() },
            escape(&cut.replace('\t', "    "))
        );
    }
    if left_out > 0 {
        skip(page, left_out);
    }
    page.push_str("</table>\n");
}

fn skip(page: &mut String, count: u32) {
    let _ =
        writeln!(page, "<tr class=\"skip\"><td colspan=\"4\">{count} lines without time or space</td></tr>");
}

/// The lines that are shown: all of a short loop; of a long one its head and what is around warm lines.
fn warm(all: &RangeInclusive<u32>, head: u32, is_warm: impl Fn(u32) -> bool) -> Vec<u32> {
    if all.end().saturating_sub(*all.start()) <= WHOLE {
        return all.clone().collect();
    }
    let near = |line: &u32| {
        line.abs_diff(head) <= AROUND || (line.saturating_sub(AROUND)..=line + AROUND).any(&is_warm)
    };
    all.clone().filter(near).take(LINES).collect()
}

/// The background of a line, stronger with its self share; faint where only its callees have time.
fn colour(own: Share, inclusive: Share) -> String {
    let strength = if own.weight > 0 { 0.12 + 0.78 * (own.percent / 100.0).sqrt() } else { 0.06 };
    if inclusive.weight == 0 {
        return String::new();
    }
    format!(" style=\"background:rgba(240,110,30,{strength:.2})\"")
}
