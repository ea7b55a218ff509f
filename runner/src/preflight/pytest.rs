//! Whether the tests that a command of pytest names are there: [`check`].
//!
//! A test file is read, never imported. A name counts as missing only when it stands nowhere in the file and
//! could not come from somewhere else: a base class, a star import, a name made at run time.

use super::call::is_python_file;
use super::python::modules;
use super::python::source::{Token, tokens};
use super::site::{Later, Site, near};
use super::words::Word;
use crate::diagnostic::{Diagnostic, Severity, nearest};

/// Options of pytest that take no word behind them. Behind any other the next word may be its value.
const FLAGS: [&str; 22] = [
    "-v",
    "-vv",
    "-vvv",
    "-q",
    "-qq",
    "-s",
    "-x",
    "-l",
    "-ra",
    "-rA",
    "-rs",
    "-rf",
    "--verbose",
    "--quiet",
    "--exitfirst",
    "--collect-only",
    "--co",
    "--lf",
    "--ff",
    "--no-header",
    "--no-summary",
    "--strict-markers",
];

/// Names with which a file makes other names while it runs.
const MAKERS: [&str; 5] = ["globals", "setattr", "exec", "type", "locals"];

/// The findings about the arguments of pytest.
pub(super) fn check(site: &Site<'_>, words: &[Word]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut before: Option<&str> = None;
    for word in words {
        let text = word.text.as_str();
        let value = before.is_some_and(|option| !option.contains('=') && !FLAGS.contains(&option));
        before = text.starts_with('-').then_some(text);
        if text.starts_with('-') || value || matches!(text, "--rootdir" | "--pyargs") {
            continue;
        }
        found.extend(word.known().and_then(|text| test(site, word, text)));
    }
    found
}

fn test(site: &Site<'_>, word: &Word, text: &str) -> Option<Diagnostic> {
    let (file, id) = text.split_once("::").map_or((text, None), |(file, id)| (file, Some(id)));
    if !is_python_file(file) && id.is_none() {
        return None;
    }
    let path = site.path_of(file);
    let warning = |from: usize, len: usize, message: String| {
        Diagnostic::new(word.part(site.source, from..from + len), message)
            .weighing(Severity::Warning, "test-missing")
    };
    if !path.exists() {
        let found = warning(0, file.len(), format!("there is no test file `{file}`"));
        return (site.later(&path) != Later::Expected).then(|| found.help(near(file, &path)));
    }
    // A parameter's value may hold anything, `::` too.
    let id = id?.split('[').next().unwrap_or_default();
    let all = tokens(&modules::text(&path)?);
    if all.iter().any(|token| token.name().is_some_and(|name| MAKERS.contains(&name))) || star(&all) {
        return None;
    }
    let mut body: &[Token] = &all;
    let mut from = file.len() + 2;
    for name in id.split("::") {
        let (names, below) = members(body, name);
        if let Some(below) = below {
            body = below;
            from += name.len() + 2;
            continue;
        }
        // Named, but not here: imported, inherited, assigned. Then nobody knows without running it.
        if names.inherits || all.iter().any(|token| token.is(name)) {
            return None;
        }
        let message = format!("`{}` has no `{name}`", site.shown(&path));
        let near = nearest(name, names.known.iter().map(String::as_str));
        let help = near.map_or_else(
            || "correct the name, or add the test".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return Some(warning(from, name.len(), message).label("no such test").help(help));
    }
    None
}

fn star(tokens: &[Token]) -> bool {
    tokens.windows(2).any(|pair| pair[0].is("import") && pair[1].symbol('*'))
}

/// What is defined directly in a body.
struct Members {
    known: Vec<String>,
    inherits: bool,
}

/// The members of a body, and the body of the one that is looked for.
fn members<'t>(body: &'t [Token], wanted: &str) -> (Members, Option<&'t [Token]>) {
    let mut members = Members { known: Vec::new(), inherits: false };
    let Some(start) = body.iter().position(|token| token.first) else { return (members, None) };
    // The statement before the body, when it is a class, says whether it inherits.
    members.inherits = body[..start].iter().filter_map(Token::name).any(|name| name != "object");
    let indentation = body[start].column;
    let starts: Vec<usize> = (start..body.len()).filter(|at| body[*at].first).collect();
    for (index, at) in starts.iter().copied().enumerate() {
        let mut name_at = at;
        if body[at].is("async") {
            name_at += 1;
        }
        let definition = body[name_at].is("def") || body[name_at].is("class");
        let Some(name) = body.get(name_at + 1).and_then(Token::name).filter(|_| definition) else { continue };
        // Deeper ones in an `if` or `try` count too; those in another class or function do not.
        if body[at].column != indentation && nested(body, &starts[..index], body[at].column, indentation) {
            continue;
        }
        members.known.push(name.to_owned());
        if name == wanted {
            let column = body[at].column;
            let end = starts[index + 1..].iter().find(|next| body[**next].column <= column);
            return (members, Some(&body[name_at + 2..end.copied().unwrap_or(body.len())]));
        }
    }
    (members, None)
}

/// Whether a deeper statement lies within a definition.
fn nested(body: &[Token], earlier: &[usize], column: usize, indentation: usize) -> bool {
    let mut column = column;
    for at in earlier.iter().rev() {
        let token = &body[*at];
        if token.column < column {
            column = token.column;
            if ["def", "class", "async"].iter().any(|word| token.is(word)) {
                return true;
            }
        }
        if column <= indentation {
            return false;
        }
    }
    false
}
