//! Options of `argparse`: every `add_argument` of a program whose parser can be seen as a whole.
//!
//! Called by [`super::options`] with the program and the modules that take part. All parsers of the sources are
//! taken together, subcommands included: an option that any of them knows is never reported.

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
    let mut known = vec!["--help".to_owned()];
    let (mut abbreviations, mut subcommands, mut parsed) = (true, false, false);
    let mut place = None;
    for module in modules {
        let tokens = &module.tokens;
        for (at, token) in tokens.iter().enumerate() {
            let Some(name) = token.name() else { continue };
            let call = tokens.get(at + 1).is_some_and(|next| next.symbol('('));
            if OPEN.contains(&name) || name == "argv" && changes_argv(tokens, at) {
                return None;
            }
            match name {
                // A class of its own may do anything.
                "ArgumentParser" if tokens[..at].iter().rfind(|token| token.first)?.is("class") => {
                    return None;
                }
                "ArgumentParser" if call => {
                    let own = module.path == modules[0].path;
                    place = place.filter(|_| !own).or(Some((module.path.clone(), token.line)));
                    for argument in arguments(tokens, at + 1)? {
                        let Some((name, value)) = keyword(argument) else { continue };
                        abbreviations &= !(name == "allow_abbrev" && value[0].is("False"));
                        if name == "parents" && !value.iter().all(|token| seen(modules, token)) {
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
    if !parsed || leaves_sight(modules) {
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

/// Whether every part of a `parents=` list is in sight.
fn seen(modules: &[&Module], token: &Token) -> bool {
    let Some(name) = token.name() else { return true };
    let mut pairs = modules.iter().flat_map(|module| module.tokens.windows(2));
    pairs.any(|pair| {
        pair[0].is("def") && pair[1].is(name) || pair[0].first && pair[0].is(name) && pair[1].symbol('=')
    })
}

/// Whether a parser is handed to a function that is not in sight.
fn leaves_sight(modules: &[&Module]) -> bool {
    let mut parsers: Vec<String> = modules.iter().flat_map(|module| made(&module.tokens)).collect();
    let mut looked = 0;
    while looked < parsers.len() {
        let name = parsers[looked].clone();
        looked += 1;
        for module in modules {
            let tokens = &module.tokens;
            for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.is(&name)) {
                let ends = tokens.get(at + 1).is_some_and(|next| next.symbol(',') || next.symbol(')'));
                let begins = at > 0 && [',', '(', '=', '.'].iter().any(|open| tokens[at - 1].symbol(*open));
                if !begins || !ends || token.first {
                    continue;
                }
                let Some((function, position)) = callee(tokens, at) else { continue };
                if HARMLESS.contains(&function) {
                    continue;
                }
                let Some(parameter) = parameter(modules, function, position) else { return true };
                if !parsers.contains(&parameter) {
                    parsers.push(parameter);
                }
            }
        }
    }
    false
}

/// Names that are parsers or groups: what a maker's result is given to, and what arguments are added to.
fn made(tokens: &[Token]) -> Vec<String> {
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.is("add_argument") && at >= 2 && tokens[at - 1].symbol('.') {
            names.extend(tokens[at - 2].name().map(str::to_owned));
        }
        let start =
            token.first && tokens.get(at + 1).is_some_and(|next| next.symbol('=') || next.symbol(':'));
        let rest = tokens[at + 1..].iter().take_while(|token| !token.first);
        if start && rest.into_iter().any(|token| token.name().is_some_and(|name| MAKERS.contains(&name))) {
            names.extend(token.name().map(str::to_owned));
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The function in whose call an argument stands, and the number of arguments before it. `None` when the
/// brackets around it are no call (a tuple, a definition).
fn callee(tokens: &[Token], argument: usize) -> Option<(&str, usize)> {
    let (mut depth, mut position) = (0_usize, 0);
    for at in (0..argument).rev() {
        match tokens[at].kind {
            Kind::Symbol(')' | ']' | '}') => depth += 1,
            Kind::Symbol('(') if depth == 0 => {
                let function = tokens.get(at.checked_sub(1)?)?.name()?;
                let defined = at >= 2 && tokens[at - 2].is("def");
                return (!defined).then_some((function, position));
            }
            Kind::Symbol('(' | '[' | '{') => depth = depth.checked_sub(1)?,
            Kind::Symbol(',') if depth == 0 => position += 1,
            _ => {}
        }
        if depth == 0 && tokens[at].first {
            return None;
        }
    }
    None
}

/// The name of a function's parameter, when the function is in sight.
fn parameter(modules: &[&Module], function: &str, position: usize) -> Option<String> {
    for module in modules {
        let tokens = &module.tokens;
        for at in 2..tokens.len() {
            if tokens[at - 2].is("def") && tokens[at - 1].is(function) && tokens[at].symbol('(') {
                let parameters = arguments(tokens, at)?;
                let method =
                    parameters.first().is_some_and(|first| first[0].is("self") || first[0].is("cls"));
                let parameter = parameters.get(position + usize::from(method))?;
                return parameter[0].name().map(str::to_owned);
            }
        }
    }
    None
}
