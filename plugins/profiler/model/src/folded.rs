//! Collapsed stacks: [`folded`], written as `stacks.folded`.
//!
//! One line a stack, `outermost;...;innermost count`, the format that most flame graph tools read and that
//! `grep` and `diff` understand. Made by the plugin from a [`Profile`]; pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::profile::Profile;

/// All stacks with functions only, so that the lines of one function fold together; sorted.
pub fn folded(profile: &Profile) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for stack in &profile.stacks {
        // A semicolon separates frames; Rust has them in array types, `[u8; 4]`.
        let names = stack.frames.iter().rev().map(|frame| profile.function_of(*frame).name.replace(';', ","));
        let line = names.map(|name| name.replace('\n', " ")).collect::<Vec<_>>().join(";");
        *counts.entry(line).or_default() += stack.weight;
    }
    counts.into_iter().fold(String::new(), |mut text, (stack, count)| {
        let _ = writeln!(text, "{stack} {count}"); // writing to a string does not fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::example::profile;

    #[test]
    fn stacks_that_differ_in_lines_only_fold_together() {
        let text = folded(&profile(&[
            (&[("main", 1), ("f::<[u8; 4]>", 3)], 5),
            (&[("main", 2), ("f::<[u8; 4]>", 4)], 7),
            (&[("main", 2)], 1),
        ]));
        assert_eq!(text, "main 1\nmain;f::<[u8, 4]> 12\n");
    }
}
