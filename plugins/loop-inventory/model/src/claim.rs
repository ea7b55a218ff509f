//! [`Claim`]: a count that a file of classes states beside its table, such as `### Safe (17 loops)`.
//!
//! Found by [`find`] in headings, lists, sums and tables of counts. Counts kept by hand go stale, so each is held
//! against the rows. Text that is not clearly a count of loops by class is left alone.

use fix_plan_model::table::{Table, bare, cells};
use fix_plan_model::text::Text;

use crate::Class;

/// A stated count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The line, counted from 1.
    pub line: u64,
    /// The class that is counted; `None` for all loops.
    pub class: Option<Class>,
    /// The count.
    pub count: u64,
}

/// The counts of a document, in the order of its lines.
pub(crate) fn find(text: &Text<'_>, tables: &[Table]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (at, line) in text.lines().iter().enumerate() {
        let number = at as u64 + 1;
        let claim = |(class, count)| Claim { line: number, class, count };
        if line.hidden {
            continue;
        }
        let Some(table) = tables.iter().find(|table| (table.header..table.rows.end).contains(&at)) else {
            claims.extend(in_prose(line.text).into_iter().map(claim));
            continue;
        };
        let (Some(status), Some(count)) = (table.column("Status"), table.column("Count")) else { continue };
        if table.rows.contains(&at) {
            let row = cells(line);
            let cell = |column: usize| row.get(column).map_or("", |cell| bare(cell.text));
            let Ok(count) = cell(count).parse() else { continue };
            let class = Class::named(cell(status));
            if class.is_some() || cell(status).eq_ignore_ascii_case("total") {
                claims.push(claim((class, count)));
            }
        }
    }
    claims
}

/// The counts in a line that belongs to no table.
fn in_prose(line: &str) -> Vec<(Option<Class>, u64)> {
    let plain: String = line.chars().filter(|c| !matches!(c, '*' | '#' | '_' | '`')).collect();
    let words: Vec<&str> = plain
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ':' | ','))
        .filter(|word| !matches!(*word, "" | "-"))
        .collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let is_loops = |at: usize| words.get(at).is_some_and(|word| matches!(*word, "loop" | "loops"));
    // `Safe: 17 loops`, `### Safe (17 loops)`.
    if let (Some(class), Some(count), true) =
        (words.first().and_then(|word| Class::named(word)), number(1), is_loops(2))
    {
        return vec![(Some(class), count)];
    }
    // `Classification of 24 Python loops`.
    let begins = words.len() > 2 && words[0].eq_ignore_ascii_case("classification") && words[1] == "of";
    if let (true, Some(count)) = (begins && (is_loops(3) || is_loops(4)), number(2)) {
        return vec![(None, count)];
    }
    // `4 vectorized + 17 safe = 21`.
    let counted: Vec<(usize, Class, u64)> = (0..words.len())
        .filter_map(|at| Some((at, Class::named(words.get(at + 1)?)?, number(at)?)))
        .collect();
    let is_sum = counted.windows(2).all(|pair| words.get(pair[0].0 + 2) == Some(&"+"));
    if counted.len() < 2 || !is_sum {
        return Vec::new();
    }
    counted.into_iter().map(|(_, class, count)| (Some(class), count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_seen_in_lists_headings_sums_and_sentences() {
        for (line, expected) in [
            ("- **Vectorized:** 4 loops (with helpers)", vec![(Some(Class::Vectorized), 4)]),
            ("- **Uncertain:** 1 loop (needs evidence)", vec![(Some(Class::Uncertain), 1)]),
            ("### Safe (17 loops)", vec![(Some(Class::Safe), 17)]),
            ("Classification of 24 Python loops detected in src/:", vec![(None, 24)]),
            ("Classification of 24 loops", vec![(None, 24)]),
            (
                "**Hot:** 4 vectorized + 17 safe = 21/24 (87.5%) loops",
                vec![(Some(Class::Vectorized), 4), (Some(Class::Safe), 17)],
            ),
            ("#### I/O Loops (10 loops)", vec![]),
            ("The 2 safe loops are old.", vec![]),
            ("- Safe", vec![]),
        ] {
            assert_eq!(in_prose(line), expected, "{line}");
        }
    }
}
