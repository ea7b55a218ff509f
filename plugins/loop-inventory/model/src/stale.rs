//! Whether the inventory still fits the sources: [`stale`], for one loop.
//!
//! An inventory has no digests of its modules, so what it says the loop looks like is held against the line where
//! it should stand. Headers are in a normal form; only what no formatting changes is compared.

use crate::Loop;

/// Lines of a header that are looked at: a long call is laid out over several.
const LINES: usize = 40;

/// Why the loop is not where the inventory says; `None` when it is, or when it has no header to compare.
pub fn stale(one: &Loop, source: &str) -> Option<String> {
    let first = usize::try_from(one.line).ok()?.checked_sub(1)?;
    // The condition of a `do` stands behind its body.
    let rest = usize::try_from(one.last_line().saturating_sub(one.line)).ok()?;
    let looked = if one.loop_type == "do" { LINES.max(rest + 1) } else { LINES };
    let lines: Vec<&str> = source.lines().skip(first).take(looked).collect();
    let Some(line) = lines.first() else {
        return Some(format!("the source has no line {}", one.line));
    };
    let header = match one.loop_header.strip_prefix("do while") {
        Some(condition) if one.loop_type == "do" => format!("do..while{condition}"),
        _ => one.loop_header.replace("...", ".."),
    };
    let text = bare(&lines.join("\n"));
    let mut rest = text.as_str();
    // The body of a closure stands in a header as `..`, what is left out as `...`; of a range both ends are compared.
    for part in header.split("..") {
        let part = bare(part);
        let Some(at) = rest.find(&part) else {
            let now: String = line.trim().chars().take(80).collect();
            return Some(format!("line {} is now `{now}`, not `{}`", one.line, one.loop_header));
        };
        rest = &rest[at + part.len()..];
    }
    None
}

/// Letters, digits and signs; no blanks, quotes, brackets and commas, which normal forms add, drop and change.
fn bare(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '"' | '(' | ')' | ',' | '{' | '}' | ';'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64, header: &str) -> Loop {
        let json = serde_json::json!({
            "module": "m", "line": line, "col_offset": 0, "loop_type": "for", "loop_header": header,
            "iteration_hint": "", "id": "x"
        });
        serde_json::from_value(json).expect("a loop")
    }

    #[test]
    fn layout_quotes_and_brackets_make_no_difference() {
        let source = "x = 1\nfor h, k in zip(\n        a,\n        b['c'],\n):\n    pass\n";
        assert_eq!(stale(&at(2, "for (h, k) in zip(a, b[\"c\"])"), source), None);
        assert_eq!(stale(&at(2, "for (h, k) in ..."), source), None);
        assert_eq!(stale(&at(2, ""), source), None);
        let chain = "blocks\n    .enumerate()\n    .map(|(n, block)| {\n        for k in 0..3 {}\n    })\n";
        assert_eq!(stale(&at(1, "blocks.enumerate().map(|(n, block)| ..)"), chain), None);
        assert_eq!(stale(&at(4, "for k in 0..3"), chain), None);
        assert!(stale(&at(4, "for k in 0..9"), chain).is_some());
    }

    #[test]
    fn the_condition_of_a_do_stands_behind_its_body() {
        let mut one = at(1, "do while (j < m)");
        one.loop_type = "do".to_owned();
        one.end_line = Some(3);
        assert_eq!(stale(&one, "do {\n    j += 1;\n} while (j < m);\n"), None);
        assert!(stale(&one, "do {\n    j += 1;\n} while (j < k);\n").is_some());
    }

    #[test]
    fn another_loop_and_a_line_that_is_gone_are_told() {
        let words = stale(&at(1, "for i in range(9)"), "while True:\n    pass\n").expect("stale");
        assert_eq!(words, "line 1 is now `while True:`, not `for i in range(9)`");
        assert_eq!(stale(&at(9, "while x"), "a\n").expect("stale"), "the source has no line 9");
    }
}
