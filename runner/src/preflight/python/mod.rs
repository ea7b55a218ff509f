//! The long options that a Python program knows, read from its source: [`options`]. Python is never started.
//!
//! Called when a step gives such a program a long option. Says nothing (`None`) unless all of the parser can be
//! seen in the script and the project's modules that it imports: what is built in a loop, handed to a function
//! that is not there, or taken by `parse_known_args` cannot be told from the text.

mod argparse;
mod click;
pub(super) mod modules;
pub(super) mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use modules::{Module, gather};
use source::Token;

/// What a program's parser knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Every long option, with its `--`.
    pub known: Vec<String>,
    /// Options that take no value, as far as it is sure.
    pub flags: Vec<String>,
    /// Whether the beginning of an option stands for it.
    pub abbreviations: bool,
    /// Whether the word behind an option is its value whatever it looks like.
    pub greedy: bool,
    /// Whether there are subcommands, each with its own options.
    pub subcommands: bool,
    /// The file with the parser.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
}

/// Libraries that read the command line in ways that are not looked into here.
const OTHERS: [&str; 20] = [
    "absl",
    "cleo",
    "clize",
    "configargparse",
    "cyclopts",
    "docopt",
    "draccus",
    "fire",
    "getopt",
    "hydra",
    "jsonargparse",
    "optparse",
    "plac",
    "pyperf",
    "pytest",
    "rich_click",
    "simple_parsing",
    "tap",
    "typer",
    "tyro",
];

/// The options of a script. `roots` are the directories in which its imports are looked for, and `project` the
/// one that a module must be below to be read.
pub(super) fn options(script: &Path, roots: &[PathBuf], project: &Path) -> Option<Options> {
    let all = gather(script, roots, project)?;
    let (program, imported) = all.split_first()?;
    let mut modules: Vec<&Module> = vec![program];
    if has_parser(program) {
        modules.extend(imported);
    } else {
        // Then an imported module must be the program: something of it is called that reads as its entry.
        let entries = imported.iter().filter(|module| has_parser(module) && called(program, module));
        modules.extend(entries);
        if modules.len() != 2 {
            return None;
        }
    }
    let parsers = modules.iter().filter(|module| module.path == program.path || has_parser(module));
    if parsers.flat_map(|module| &module.imports).any(|name| OTHERS.contains(&root(name))) {
        return None;
    }
    let uses_click = modules.iter().any(|module| module.imports.iter().any(|name| root(name) == "click"));
    if uses_click { click::options(&modules) } else { argparse::options(&modules) }
}

fn root(module: &str) -> &str {
    module.split('.').next().unwrap_or_default()
}

fn has_parser(module: &Module) -> bool {
    let pairs = module.tokens.windows(2);
    let mut calls = pairs.filter(|pair| pair[1].symbol('('));
    calls.any(|pair| pair[0].is("ArgumentParser"))
        || module.imports.iter().any(|name| root(name) == "click")
            && module.tokens.iter().any(|token| token.is("command") || token.is("group"))
}

/// Whether a program calls a name that it imports from a module, and that reads as an entry point.
fn called(program: &Module, module: &Module) -> bool {
    let entry = |name: &str| {
        ["main", "cli", "app", "run", "args", "parser"].iter().any(|word| name.to_lowercase().contains(word))
    };
    let names: BTreeSet<&str> = module.tokens.iter().filter_map(Token::name).collect();
    program.tokens.windows(2).any(|pair| {
        pair[1].symbol('(') && pair[0].name().is_some_and(|name| entry(name) && names.contains(name))
    })
}

/// The tokens of a call's brackets, `open` being the index of the `(`: what is between, split at the commas of
/// this level. `None` when it is never closed.
fn arguments(tokens: &[Token], open: usize) -> Option<Vec<&[Token]>> {
    let (mut depth, mut start, mut found) = (0_usize, open + 1, Vec::new());
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            source::Kind::Symbol('(' | '[' | '{') => depth += 1,
            source::Kind::Symbol(')' | ']' | '}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    if start < at {
                        found.push(&tokens[start..at]);
                    }
                    return Some(found);
                }
            }
            source::Kind::Symbol(',') if depth == 1 => {
                if start < at {
                    found.push(&tokens[start..at]);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// The name and value of a keyword argument.
fn keyword(argument: &[Token]) -> Option<(&str, &[Token])> {
    let [name, equals, value @ ..] = argument else { return None };
    (equals.symbol('=') && !value.is_empty()).then(|| Some((name.name()?, value))).flatten()
}
