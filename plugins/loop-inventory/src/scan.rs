//! [`Scanner`]: the loops of one source text, with what was not understood.
//!
//! Chooses the grammar, walks the tree, sets ids and parents. Knows no files: the text is given. A text with
//! mistakes is still listed as far as the parser follows it, and each of them that counts is told.

use std::path::Path;

use loop_inventory_model::{Loop, Problem, ProblemKind, number};
use tree_sitter::{Node, Parser, Tree};

use crate::language::Language;
use crate::syntax::{Syntax, source};
use crate::walk::walk;
use crate::{c, python, rust};

/// So many mistakes of one file are listed; the last tells how many more there are.
const MISTAKES: usize = 3;

/// The loops of a text, and what was not understood.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The loops, by place.
    pub loops: Vec<Loop>,
    /// What was not understood.
    pub problems: Vec<Problem>,
}

/// Scans texts, one after another.
pub struct Scanner {
    parser: Parser,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { parser: Parser::new() }
    }
}

impl Scanner {
    /// Scans a text. `module` is its path, relative to the project root.
    pub fn scan(&mut self, module: &str, text: &str, language: Language) -> Scanned {
        let mut scanned = Scanned::default();
        // A byte order mark is no part of the program; columns count without it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let Some((tree, language)) = self.parse(module, text, language) else {
            let message = "the parser gave no result".to_owned();
            scanned.problems.push(problem(module, None, message));
            return scanned;
        };
        let syntax: &dyn Syntax = match language {
            Language::C | Language::Cpp => &c::C,
            Language::Python => &python::Python,
            Language::Rust => &rust::Rust,
        };
        let mistakes = errors(tree.root_node());
        for (at, mistake) in mistakes.iter().take(MISTAKES).enumerate() {
            let more = if at + 1 == MISTAKES { mistakes.len() - MISTAKES } else { 0 };
            scanned.problems.push(problem(module, Some(*mistake), what(*mistake, text, language, more)));
        }
        let mut walked = walk(syntax, tree.root_node(), text, module, language);
        number(&mut walked.loops);
        for (at, parent) in walked.parents.iter().enumerate() {
            walked.loops[at].parent = parent.map(|parent| walked.loops[parent].id.clone());
        }
        // The walk goes from outside in; a chain's receiver begins where the chain itself begins.
        scanned.loops = walked.loops;
        scanned.problems.append(&mut walked.unseen);
        scanned
    }

    /// A header may be C or C++: the grammar with fewer mistakes is right, C where both are the same.
    fn parse(&mut self, module: &str, text: &str, language: Language) -> Option<(Tree, Language)> {
        let tree = self.tree(text, language)?;
        if language != Language::C
            || Path::new(module).extension().is_none_or(|end| end != "h")
            || !tree.root_node().has_error()
        {
            return Some((tree, language));
        }
        let other = self.tree(text, Language::Cpp)?;
        let is_better = errors(other.root_node()).len() < errors(tree.root_node()).len();
        Some(if is_better { (other, Language::Cpp) } else { (tree, language) })
    }

    fn tree(&mut self, text: &str, language: Language) -> Option<Tree> {
        self.parser.set_language(&language.grammar()).ok()?;
        self.parser.parse(text, None)
    }
}

fn problem(module: &str, node: Option<Node<'_>>, message: String) -> Problem {
    let place = node.map(|node| node.start_position());
    Problem {
        file: module.to_owned(),
        line: place.map(|place| place.row as u64 + 1),
        col: place.map(|place| place.column as u64 + 1),
        kind: ProblemKind::Syntax,
        message,
    }
}

fn what(node: Node<'_>, text: &str, language: Language, more: usize) -> String {
    let name = match language {
        Language::C => "C",
        Language::Cpp => "C++",
        Language::Python => "Python",
        Language::Rust => "Rust",
    };
    let first = source(node, text).lines().next().unwrap_or_default().trim();
    let shown: String = first.chars().take(40).collect();
    let more = if more == 0 { String::new() } else { format!(" (and {more} more places)") };
    if node.is_missing() {
        return format!("`{}` is missing here: loops near it may be missing too{more}", node.kind());
    }
    format!("`{shown}` is not understood as {name}: loops near it may be missing{more}")
}

/// The outermost nodes that the parser could not fit in, in order.
fn errors(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        let is_mistake = node.is_error() || node.is_missing();
        if is_mistake {
            found.push(node);
        }
        if !is_mistake && node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}
