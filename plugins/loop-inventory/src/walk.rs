//! [`walk`]: goes through a syntax tree once and lists the loops, each with its function and its parent.
//!
//! Called for each file. Never recursive: generated sources nest thousands of levels deep, and a plugin that
//! overflows its stack takes its whole step with it.

use std::ops::Range;

use loop_inventory_model::{Loop, Problem, ProblemKind};
use tree_sitter::Node;

use crate::language::Language;
use crate::syntax::{Scope, Syntax, Test};

/// An open class, module or function.
struct Open {
    end: usize,
    scope: Scope,
    lines: (u64, u64),
}

/// An open loop: its index, what it repeats, and how many scopes were open around it.
struct Around {
    at: usize,
    repeated: Range<usize>,
    scopes: usize,
}

/// Which bytes run in tests only.
#[derive(Default)]
struct Tests {
    until: usize,
    /// The end of a mark whose item has not come yet.
    mark: Option<usize>,
}

impl Tests {
    /// Takes each node, in the order of their beginnings.
    fn take(&mut self, node: Node<'_>, says: Test) {
        // What is inside of the mark is not what it is for.
        let is_marked = self.mark.is_some_and(|end| end <= node.start_byte());
        match says {
            Test::Next => self.mark = Some(node.end_byte()),
            Test::Between if is_marked => self.mark = Some(node.end_byte()),
            Test::Around => {
                let around = node.parent().unwrap_or(node);
                self.until = self.until.max(around.end_byte());
            }
            Test::Silent | Test::Itself if is_marked || says == Test::Itself => {
                self.mark = None;
                self.until = self.until.max(node.end_byte());
            }
            Test::Silent | Test::Itself | Test::Between => {}
        }
    }
}

/// The loops of a tree with their depth; parents are indices into the same list, because ids come later.
pub(crate) struct Walked {
    pub(crate) loops: Vec<Loop>,
    pub(crate) parents: Vec<Option<usize>>,
    pub(crate) unseen: Vec<Problem>,
}

pub(crate) fn walk(
    syntax: &dyn Syntax,
    root: Node<'_>,
    text: &str,
    module: &str,
    language: Language,
) -> Walked {
    let mut walked = Walked { loops: Vec::new(), parents: Vec::new(), unseen: Vec::new() };
    let mut scopes: Vec<Open> = Vec::new();
    let mut around: Vec<Around> = Vec::new();
    let mut tests = Tests::default();
    let name = module.rsplit_once('/').map_or(module, |(_, name)| name);
    if syntax.is_test_file(name) {
        tests.until = usize::MAX;
    }
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        let start = node.start_byte();
        while scopes.last().is_some_and(|open| open.end <= start) {
            scopes.pop();
        }
        while around.last().is_some_and(|open| open.repeated.end <= start || open.scopes > scopes.len()) {
            around.pop();
        }
        if node.is_named() {
            tests.take(node, syntax.test(node, text));
            if let Some((place, message)) = syntax.unseen(node, text) {
                let at = place.start_position();
                walked.unseen.push(Problem {
                    file: module.to_owned(),
                    line: Some(at.row as u64 + 1),
                    col: Some(at.column as u64 + 1),
                    kind: ProblemKind::Macro,
                    message,
                });
            }
            if let Some(head) = syntax.head(node, text) {
                let function = scopes.iter().rposition(|open| open.scope.is_function);
                // Only loops of the same function are around: `scopes` grew since, if a function began inside one.
                let inside = |open: &&Around| {
                    open.repeated.contains(&start) && function.is_none_or(|function| open.scopes > function)
                };
                let parent = around.iter().rev().find(inside).map(|open| open.at);
                let depth = parent.map_or(0, |at| walked.loops[at].depth.unwrap_or_default() + 1);
                let begin = node.start_position();
                let lines = function.map(|at| scopes[at].lines);
                around.push(Around { at: walked.loops.len(), repeated: head.repeated, scopes: scopes.len() });
                walked.parents.push(parent);
                walked.loops.push(Loop {
                    module: module.to_owned(),
                    line: begin.row as u64 + 1,
                    col_offset: begin.column as u64,
                    loop_type: head.loop_type.to_owned(),
                    loop_header: head.header,
                    iteration_hint: head.hint.to_owned(),
                    id: String::new(),
                    kind: head.kind,
                    language: Some(language.name().to_owned()),
                    end_line: Some(head.end.row as u64 + 1),
                    end_col: Some(head.end.column as u64),
                    function: function.map(|at| qualified(syntax, &scopes[..=at])),
                    function_line: lines.map(|(first, _)| first),
                    function_end_line: lines.map(|(_, last)| last),
                    depth: Some(depth),
                    parent: None,
                    test: start < tests.until,
                    class: None,
                    class_source: None,
                    class_priority: None,
                    class_notes: None,
                });
            }
            if let Some(scope) = syntax.scope(node, text) {
                let lines = (node.start_position().row as u64 + 1, node.end_position().row as u64 + 1);
                scopes.push(Open { end: node.end_byte(), scope, lines });
            }
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walked;
            }
        }
    }
}

fn qualified(syntax: &dyn Syntax, scopes: &[Open]) -> String {
    let Some((first, others)) = scopes.split_first() else { return String::new() };
    let mut name = first.scope.name.clone();
    let mut outer = &first.scope;
    for open in others {
        let inner = syntax.qualify(outer, &open.scope.name);
        name = format!("{name}{inner}");
        outer = &open.scope;
    }
    name
}
