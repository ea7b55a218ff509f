//! The report for people: [`markdown`], written as `hot_loops.md`. ASCII only.
//!
//! The ranking, hot code without a loop, the loops that were not seen (those waiting for work first), and what
//! nothing explains. All figures are in `hot_loops.json`; nothing is computed here.

use std::fmt::Write as _;

use hot_loops_model::words::{code, percent, plain};
use hot_loops_model::{Attribution, HotLoops, Share};
use loop_inventory_model::Loop;

use crate::text::notes;

/// Rows of a list; the JSON has all of them.
const ROWS: usize = 40;

pub(crate) fn markdown(hot: &HotLoops) -> String {
    let mut text = String::from("# Hot loops\n\n");
    let profile = &hot.profile;
    let mut how = vec![format!("{} {}", profile.total, profile.unit), profile.source.clone()];
    how.extend(profile.hz.map(|hz| format!("{hz} Hz")));
    how.extend(profile.seconds.map(|seconds| format!("{seconds:.2} s")));
    if profile.threads > 1 {
        how.push(format!("{} threads, whose time is added up", profile.threads));
    }
    how.extend(profile.iterations.map(|count| format!("{count} iterations")));
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "- Profile: {} ({})\n- Inventory: {}, {} loops, {} classified\n- Threshold: {} % inclusive\n\n",
        code(&profile.path),
        plain(&how.join(", ")),
        code(&hot.inventory.path),
        hot.inventory.loops,
        hot.inventory.classified,
        hot.threshold_percent
    );
    for warning in &hot.warnings {
        let _ = writeln!(text, "**Warning:** {}\n", plain(warning));
    }
    parts(&mut text, hot);
    ranking(&mut text, hot);
    outside(&mut text, hot);
    unseen(&mut text, hot);
    unexplained(&mut text, hot);
    text
}

fn parts(text: &mut String, hot: &HotLoops) {
    text.push_str("| Where the time went | % |\n|---|---|\n");
    let all = [
        ("in loops of the inventory (self)", hot.parts.loops),
        ("in functions with several loops, shared to none", hot.parts.groups),
        ("in the project's code outside of loops", hot.parts.outside),
        ("unexplained", hot.parts.unexplained),
    ];
    for (what, share) in all {
        let _ = writeln!(text, "| {what} | {} |", percent(share.percent));
    }
}

fn ranking(text: &mut String, hot: &HotLoops) {
    text.push_str("\n## Ranking\n\n");
    let rows: Vec<_> = hot.hot().collect();
    if rows.is_empty() {
        let _ = writeln!(text, "No loop has {} % of the time.", hot.threshold_percent);
    } else {
        text.push_str(
            "| # | Inclusive % | Self % | Class | Where | Loop | Notes |\n|---|---|---|---|---|---|---|\n",
        );
    }
    for (row, rank) in rows.iter().zip(1..).take(ROWS) {
        let most = if row.attribution == Attribution::Function { "<= " } else { "" };
        let _ = writeln!(
            text,
            "| {rank} | {most}{} | {} | {} | {} | {} | {} |",
            percent(row.inclusive.percent),
            percent(row.own.percent),
            class(&row.r#loop),
            place(&row.r#loop),
            code(&row.r#loop.loop_header),
            plain(&notes(row).join("; "))
        );
    }
    more(text, rows.len());
    for group in hot.groups.iter().filter(|group| hot.is_hot(group.own.weight)) {
        let _ = writeln!(
            text,
            "\n{} % is in function {} of {} with {} loops; the profile has no lines there, so no loop gets it.",
            percent(group.own.percent),
            code(&group.function),
            code(&group.module),
            group.loops.len()
        );
    }
}

fn outside(text: &mut String, hot: &HotLoops) {
    text.push_str("\n## Hot, but not in the inventory\n\n");
    if hot.outside.is_empty() {
        let _ = writeln!(text, "No line of the project outside of loops has {} %.", hot.threshold_percent);
        return;
    }
    text.push_str(
        "| Inclusive % | Self % | Where | Function | Module in the inventory |\n|---|---|---|---|---|\n",
    );
    for row in hot.outside.iter().take(ROWS) {
        let place = row.line.map_or_else(|| row.file.clone(), |line| format!("{}:{line}", row.file));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            percent(row.inclusive.percent),
            percent(row.own.percent),
            code(&place),
            code(&row.function),
            if row.in_inventory { "yes" } else { "no" }
        );
    }
    more(text, hot.outside.len());
}

fn unseen(text: &mut String, hot: &HotLoops) {
    // Nobody profiles tests: they would only hide what else was not seen.
    let rows: Vec<_> = hot.unseen.iter().filter(|row| !row.r#loop.test).collect();
    let _ = write!(text, "\n## Not seen ({} loops)\n\n", rows.len());
    match hot.unseen.len() - rows.len() {
        0 if rows.is_empty() => text.push_str("Every loop of the inventory was seen.\n"),
        0 => {}
        tests => {
            let _ = writeln!(text, "Besides, {tests} loops of tests were not seen; the JSON has them.\n");
        }
    }
    if rows.is_empty() {
        return;
    }
    if rows.iter().any(|row| row.cold) {
        text.push_str(
            "`cold`: waits for work, and this profile has no time in it. A profile of the processor says \
             nothing of an accelerator.\n\n",
        );
    }
    if rows.iter().any(|row| row.undetermined.is_some()) {
        text.push_str(
            "`undetermined`: its module was on the stack, and profile and inventory together do not tell in which \
             loop; it may have had time.\n\n",
        );
    }
    text.push_str("| Class | Where | Loop | |\n|---|---|---|---|\n");
    for row in rows.iter().take(ROWS) {
        let cold = match row.undetermined {
            Some(_) => "undetermined",
            None if row.cold => "cold",
            None => "",
        };
        let (class, place, header) = (class(&row.r#loop), place(&row.r#loop), code(&row.r#loop.loop_header));
        let _ = writeln!(text, "| {class} | {place} | {header} | {cold} |");
    }
    more(text, rows.len());
}

fn unexplained(text: &mut String, hot: &HotLoops) {
    let Share { percent: share, .. } = hot.parts.unexplained;
    let _ = write!(text, "\n## Unexplained ({} %)\n\n", percent(share));
    if hot.unexplained.is_empty() {
        text.push_str("Nothing.\n");
        return;
    }
    text.push_str("| Self % | Kind | Function | Module |\n|---|---|---|---|\n");
    for row in &hot.unexplained {
        let is_sum = row.function.is_empty() && row.kind.is_empty();
        let function = if is_sum { "all others".to_owned() } else { code(&row.function) };
        let _ = writeln!(
            text,
            "| {} | {} | {function} | {} |",
            percent(row.own.percent),
            row.kind,
            if is_sum { String::new() } else { code(&row.module) }
        );
    }
}

fn more(text: &mut String, count: usize) {
    if count > ROWS {
        let _ = writeln!(text, "\n{} more are in the JSON.", count - ROWS);
    }
}

fn class(one: &Loop) -> &'static str {
    one.class.map_or("unclassified", loop_inventory_model::Class::name)
}

fn place(one: &Loop) -> String {
    code(&format!("{}:{}", one.module, one.line))
}
