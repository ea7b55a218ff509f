//! Options of `click`: every `@click.option` of a program in which no other decorator could add one.
//!
//! Called by [`super::options`]. All commands of the sources are taken together, as for `argparse`; unlike there,
//! the beginning of an option does not stand for it, and a value may look like an option.

use super::modules::Module;
use super::source::Token;
use super::{Options, arguments, keyword};

/// Names with which a program takes options that it does not name.
const OPEN: [&str; 8] = [
    "ignore_unknown_options",
    "allow_extra_args",
    "UNPROCESSED",
    "cls",
    "add_command",
    "CommandCollection",
    "MultiCommand",
    "LazyGroup",
];
/// Decorators that add no option.
const PLAIN: [&str; 16] = [
    "command",
    "group",
    "argument",
    "pass_context",
    "pass_obj",
    "dataclass",
    "property",
    "staticmethod",
    "classmethod",
    "wraps",
    "lru_cache",
    "cache",
    "contextmanager",
    "no_grad",
    "inference_mode",
    "setter",
];

/// The options of a program, when all of them can be told.
pub(super) fn options(modules: &[&Module]) -> Option<Options> {
    let mut known = vec!["--help".to_owned()];
    let mut flags = known.clone();
    let mut commands = 0;
    let mut place = None;
    for module in modules {
        let tokens = &module.tokens;
        if tokens.iter().any(|token| token.name().is_some_and(|name| OPEN.contains(&name))) {
            return None;
        }
        for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.first && token.symbol('@')) {
            let end = tokens[at + 1..].iter().position(|token| token.first || token.symbol('('));
            let end = at + 1 + end.unwrap_or(tokens.len() - at - 1);
            let name = tokens[end - 1].name()?;
            let call = tokens.get(end).is_some_and(|token| token.symbol('(') && !token.first);
            let given = if call { arguments(tokens, end)? } else { Vec::new() };
            match name {
                "option" => {
                    let (names, flag) = option_names(&given)?;
                    flags.extend(names.iter().filter(|_| flag).cloned());
                    known.extend(names);
                }
                "version_option" => known.push("--version".to_owned()),
                "password_option" => known.push("--password".to_owned()),
                "confirmation_option" => known.push("--yes".to_owned()),
                "command" | "group" => {
                    commands += 1;
                    place.get_or_insert((module.path.clone(), tokens[at].line));
                }
                _ if PLAIN.contains(&name) => {}
                _ => return None,
            }
        }
    }
    let (file, line) = place?;
    known.sort();
    known.dedup();
    let subcommands = commands > 1;
    Some(Options { known, flags, abbreviations: false, greedy: true, subcommands, file, line })
}

/// The long options of one `option`, and whether they take no value.
fn option_names(arguments: &[&[Token]]) -> Option<(Vec<String>, bool)> {
    let mut names = Vec::new();
    let mut flag = false;
    for argument in arguments {
        if let Some((name, value)) = keyword(argument) {
            flag |= (name == "is_flag" || name == "count") && value[0].is("True");
            continue;
        }
        let [one] = argument else { return None };
        let text = one.text()?;
        flag |= text.contains('/');
        names.extend(text.split('/').map(|part| part.trim().to_owned()));
    }
    names.retain(|name| name.starts_with("--"));
    Some((names, flag))
}
