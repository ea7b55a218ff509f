//! The parts of a Markdown page that tests of the documentation look at: [`Block`]s of code and links.
//!
//! Used by the tests of README.md and of the guide. It knows fenced blocks and inline links, and no other
//! Markdown; it must never change a page.

use std::path::{Path, PathBuf};

/// A fenced block of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The line on which its content begins, counted from 1.
    pub line: usize,
    /// What stands behind the opening fence, such as `yaml workflow`.
    pub info: String,
    /// Its content, each line with its line end.
    pub text: String,
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

/// The text of a page, named relative to the repository.
pub fn page(path: &str) -> String {
    let full = repository().join(path);
    std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of a page in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                open = Some(Block { line: index + 2, info: info.to_owned(), text: String::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert_eq!(open, None, "a block is never closed");
    blocks
}

/// The files that a page links to, without anchors; web addresses are left out.
pub fn linked_files(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in page.split("](").skip(1) {
        let target = part.split(')').next().unwrap_or_default();
        let file = target.split('#').next().unwrap_or_default();
        if !file.is_empty() && !target.contains("://") {
            found.push(file.to_owned());
        }
    }
    found
}

#[test]
fn blocks_and_links_are_found() {
    let page = "a [b](c.md#d) [e](https://f)\n```yaml workflow\nx: 1\n```\n```\n```\n";
    let block = |line, info: &str, text: &str| Block { line, info: info.into(), text: text.into() };
    assert_eq!(blocks(page), [block(3, "yaml workflow", "x: 1\n"), block(6, "", "")]);
    assert_eq!(linked_files(page), ["c.md"]);
}
