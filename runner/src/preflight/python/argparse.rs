//! Options of `argparse`: every `add_argument` of a program whose parser can be seen as a whole.
//!
//! Called by [`super::options`] with the program and the modules that take part. All parsers of the sources are
//! taken together, subcommands included: an option that any of them knows is never reported.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::Module;
use super::source::{Kind, Token};
use super::{Options, arguments, keyword};

/// Names with which a program takes options that its parser does not name, or changes what it names.
const OPEN: [&str; 7] = [
    "parse_known_args",
    "parse_known_intermixed_args",
    "REMAINDER",
    "prefix_chars",
    "_option_string_actions",
    "_actions",
    "HfArgumentParser",
];
/// Calls that make something to which arguments can be added.
const MAKERS: [&str; 4] =
    ["ArgumentParser", "add_parser", "add_argument_group", "add_mutually_exclusive_group"];
/// Functions that only look at a parser.
const HARMLESS: [&str; 6] = ["print", "isinstance", "id", "type", "repr", "str"];

/// The options of a program, when all of them can be told.
pub(super) fn options(modules: &[&Module]) -> Option<Options> {
    let index = Index::of(modules);
    let mut known = vec!["--help".to_owned()];
    let (mut abbreviations, mut subcommands, mut parsed) = (true, false, false);
    let mut place = None;
    for module in modules {
        let tokens = &module.tokens;
        let mut statement = None;
        for (at, token) in tokens.iter().enumerate() {
            let before = statement;
            statement = if token.first { Some(token) } else { statement };
            let Some(name) = token.name() else { continue };
            let call = tokens.get(at + 1).is_some_and(|next| next.symbol('('));
            if OPEN.contains(&name) || name == "argv" && changes_argv(tokens, at) {
                return None;
            }
            match name {
                // A class of its own may do anything.
                "ArgumentParser" if before?.is("class") => {
                    return None;
                }
                "ArgumentParser" if call => {
                    let own = module.path == modules[0].path;
                    place = place.filter(|_| !own).or(Some((module.path.clone(), token.line)));
                    for argument in arguments(tokens, at + 1)? {
                        let Some((name, value)) = keyword(argument) else { continue };
                        abbreviations &= !(name == "allow_abbrev" && value[0].is("False"));
                        if name == "parents" && !value.iter().all(|token| index.seen(token)) {
                            return None;
                        }
                    }
                }
                "add_parser" | "add_subparsers" => subcommands = true,
                "add_argument" if call => known.extend(argument_names(&arguments(tokens, at + 1)?)?),
                "parse_args" | "parse_intermixed_args" if call => {
                    if !reads_command_line(&arguments(tokens, at + 1)?) {
                        return None;
                    }
                    parsed = true;
                }
                _ => {}
            }
        }
    }
    let (file, line) = place?;
    if !parsed || leaves_sight(modules, &index) {
        return None;
    }
    known.sort();
    known.dedup();
    Some(Options { known, flags: Vec::new(), abbreviations, greedy: false, subcommands, file, line })
}

/// The long options of one `add_argument`; `None` when they are not literals.
fn argument_names(arguments: &[&[Token]]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut boolean = false;
    for argument in arguments {
        if let Some((name, value)) = keyword(argument) {
            boolean |= name == "action" && value.iter().any(|token| token.is("BooleanOptionalAction"));
            if name == "nargs" && value.iter().any(|token| token.text() == Some("...")) {
                return None;
            }
            continue;
        }
        match argument {
            [one] => names.push(one.text()?.to_owned()),
            // `**settings` names no option.
            [star, other, ..] if star.symbol('*') && other.symbol('*') => {}
            _ => return None,
        }
    }
    names.retain(|name| name.starts_with("--"));
    if boolean {
        let negative: Vec<String> = names.iter().map(|name| format!("--no-{}", &name[2..])).collect();
        names.extend(negative);
    }
    Some(names)
}

/// Whether `parse_args` takes the command line: its arguments are none, `None`, `argv`, or `sys.argv[1:]`.
fn reads_command_line(arguments: &[&[Token]]) -> bool {
    let Some(first) = arguments.first() else { return true };
    let value = keyword(first).map_or(*first, |(_, value)| value);
    match value {
        [one] => one.name().is_some_and(|name| ["None", "argv", "args", "arguments"].contains(&name)),
        [sys, dot, argv, open, number, colon, close] => {
            sys.is("sys")
                && dot.symbol('.')
                && argv.is("argv")
                && open.symbol('[')
                && number.kind == Kind::Number
                && colon.symbol(':')
                && close.symbol(']')
        }
        _ => false,
    }
}

/// Whether a use of `sys.argv` is more than reading it: set, changed, or searched.
fn changes_argv(tokens: &[Token], at: usize) -> bool {
    if at < 2 || !tokens[at - 1].symbol('.') || !tokens[at - 2].is("sys") {
        return false;
    }
    let searched = at >= 3 && (tokens[at - 3].is("in") || tokens[at - 3].is("del"));
    let mut next = at + 1;
    if tokens.get(next).is_some_and(|token| token.symbol('[')) {
        next += tokens[next..].iter().position(|token| token.symbol(']')).unwrap_or(0) + 1;
    }
    let symbol = |at: usize, symbol: char| tokens.get(at).is_some_and(|token| token.symbol(symbol));
    let set = symbol(next, '=') && !symbol(next + 1, '=') || symbol(next, '+') && symbol(next + 1, '=');
    searched || set || next == at + 1 && symbol(next, '.')
}

/// What the modules define and hand over, found in one pass: scripts may be long, and every run asks.
#[derive(Debug, Default)]
struct Index<'m> {
    /// For each function the tokens of its first definition's module, and where its brackets open.
    functions: BTreeMap<&'m str, (&'m [Token], usize)>,
    /// Names that a `def` or an assignment makes.
    made: BTreeSet<&'m str>,
    /// For each name the calls that it is handed to: the function, and the number of arguments before it.
    handed: BTreeMap<&'m str, BTreeSet<(&'m str, usize)>>,
}

impl<'m> Index<'m> {
    fn of(modules: &[&'m Module]) -> Self {
        let mut index = Self::default();
        for module in modules {
            index.define(&module.tokens);
            index.hand(&module.tokens);
        }
        index
    }

    fn define(&mut self, tokens: &'m [Token]) {
        for (at, pair) in tokens.windows(2).enumerate() {
            if let Some(name) = pair[1].name().filter(|_| pair[0].is("def")) {
                self.made.insert(name);
                if tokens.get(at + 2).is_some_and(|open| open.symbol('(')) {
                    self.functions.entry(name).or_insert((tokens, at + 2));
                }
            }
            if let Some(name) = pair[0].name().filter(|_| pair[0].first && pair[1].symbol('=')) {
                self.made.insert(name);
            }
        }
    }

    fn hand(&mut self, tokens: &'m [Token]) {
        // For each open bracket: the function whose call it is, if it is one, and the commas in it so far.
        let mut open: Vec<(Option<&str>, usize)> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            if token.first {
                open.clear();
            }
            match &token.kind {
                Kind::Symbol('(') => open.push((callee(tokens, at), 0)),
                Kind::Symbol('[' | '{') => open.push((None, 0)),
                Kind::Symbol(')' | ']' | '}') => {
                    open.pop();
                }
                Kind::Symbol(',') => open.last_mut().into_iter().for_each(|(_, commas)| *commas += 1),
                Kind::Name(name) => {
                    let ends = tokens.get(at + 1).is_some_and(|next| next.symbol(',') || next.symbol(')'));
                    let begins =
                        at > 0 && [',', '(', '=', '.'].iter().any(|open| tokens[at - 1].symbol(*open));
                    if let Some((Some(function), commas)) = open.last().filter(|_| begins && ends) {
                        self.handed.entry(name).or_default().insert((*function, *commas));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether every part of a `parents=` list is in sight.
    fn seen(&self, token: &Token) -> bool {
        token.name().is_none_or(|name| self.made.contains(name))
    }

    /// The name of a function's parameter, when the function is in sight.
    fn parameter(&self, function: &str, position: usize) -> Option<&'m str> {
        let (tokens, open) = *self.functions.get(function)?;
        let parameters = arguments(tokens, open)?;
        let method = parameters.first().is_some_and(|first| first[0].is("self") || first[0].is("cls"));
        parameters.get(position + usize::from(method))?[0].name()
    }
}

/// The function that an open bracket calls; `None` when it is no call (a tuple, a definition).
fn callee(tokens: &[Token], open: usize) -> Option<&str> {
    let function = tokens.get(open.checked_sub(1)?).filter(|_| !tokens[open].first)?.name()?;
    let defined = open >= 2 && tokens[open - 2].is("def");
    (!defined).then_some(function)
}

/// Whether a parser is handed to a function that is not in sight.
fn leaves_sight(modules: &[&Module], index: &Index<'_>) -> bool {
    let mut open: Vec<&str> = modules.iter().flat_map(|module| made(&module.tokens)).collect();
    let mut parsers: BTreeSet<&str> = open.iter().copied().collect();
    let mut looked: BTreeSet<(&str, usize)> = BTreeSet::new();
    while let Some(name) = open.pop() {
        for (function, position) in index.handed.get(name).into_iter().flatten().copied() {
            if HARMLESS.contains(&function) || !looked.insert((function, position)) {
                continue;
            }
            let Some(parameter) = index.parameter(function, position) else { return true };
            if parsers.insert(parameter) {
                open.push(parameter);
            }
        }
    }
    false
}

/// Names that are parsers or groups: what a maker's result is given to, and what arguments are added to.
fn made(tokens: &[Token]) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is("add_argument") && at >= 2 && tokens[at - 1].symbol('.') {
            names.extend(tokens[at - 2].name());
        }
        let start =
            token.first && tokens.get(at + 1).is_some_and(|next| next.symbol('=') || next.symbol(':'));
        let rest = tokens[at + 1..].iter().take_while(|token| !token.first);
        if start && rest.into_iter().any(|token| token.name().is_some_and(|name| MAKERS.contains(&name))) {
            names.extend(token.name());
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::python::source::{soups, tokens};

    fn module(text: &str) -> Module {
        Module { path: "x.py".into(), tokens: tokens(text), imports: Vec::new() }
    }

    fn known(text: &str) -> Option<Vec<String>> {
        options(&[&module(text)]).map(|options| options.known)
    }

    const HEAD: &str = "p = argparse.ArgumentParser()\np.add_argument('--size')\np.parse_args()\n";

    #[test]
    fn a_parser_is_followed_into_functions_that_are_in_sight() {
        let more = |text: &str| known(&format!("{HEAD}{text}"));
        let both = Some(vec!["--help".to_owned(), "--size".to_owned()]);
        assert_eq!(more("def f(a, q): g(q)\ndef g(r): print(r)\nf(1, p)\n"), both);
        assert_eq!(more("def f(a, q): g(q)\nf(1, p)\n"), None, "g is not in sight");
        assert_eq!(more("def f(a, q): g(a)\nf(1, p)\n"), both, "g is given something else");
        assert_eq!(more("x = (1, p)\ny = [p, p]\n"), both, "no call");
        assert_eq!(more("h((1, p), p)\n"), None);
    }

    #[test]
    fn a_long_script_is_read_in_its_length() {
        let mut calls = HEAD.to_owned();
        calls.extend((0..70_000).map(|_| "f(p)\n"));
        assert!(known(&format!("{calls}def f(q): pass\n")).is_some());
        let mut wide = format!("{HEAD}f(");
        wide.extend((0..70_000).map(|_| "p,"));
        assert!(known(&format!("{wide} p)\ndef f(*q): pass\n")).is_none());
        let mut chain = HEAD.to_owned();
        chain.extend(
            (0..20_000).map(|number| format!("def f{number}(q{number}): f{}(q{number})\n", number + 1)),
        );
        assert!(known(&format!("{chain}def f20000(q): pass\nf0(p)\n")).is_some());
    }

    #[test]
    fn any_text_has_an_end() {
        for text in soups() {
            let _ = known(&format!("{text}\n{HEAD}{text}"));
        }
    }
}
