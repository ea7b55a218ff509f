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
    let (at, name, known) = unknown(&all, id)?;
    let message = format!("`{}` has no `{name}`", site.shown(&path));
    let help = nearest(name, known.iter().map(String::as_str)).map_or_else(
        || "correct the name, or add the test".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Some(warning(file.len() + 2 + at, name.len(), message).label("no such test").help(help))
}

/// The first name of a test's id that is not in the text: where it begins in the id, the name, and the names
/// that are at its place. `None` when all are there, or when one may come from elsewhere.
fn unknown<'i>(all: &[Token], id: &'i str) -> Option<(usize, &'i str, Vec<String>)> {
    let mut body = all;
    let mut at = 0;
    for name in id.split("::") {
        let (names, below) = members(body, name);
        if let Some(below) = below {
            body = below;
            at += name.len() + 2;
            continue;
        }
        // Named, but not here: imported, inherited, assigned. Then nobody knows without running it.
        let elsewhere = names.inherits || all.iter().any(|token| token.is(name));
        return (!elsewhere).then_some((at, name, names.known));
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

/// The members of a body, and the body of the one that is looked for. A text that is no Python has members, too:
/// nothing here may rely on a keyword having its name behind it.
fn members<'t>(body: &'t [Token], wanted: &str) -> (Members, Option<&'t [Token]>) {
    let mut members = Members { known: Vec::new(), inherits: false };
    let start = body.iter().position(|token| token.first);
    // The statement before the body, when it is a class, says whether it inherits.
    let head = &body[..start.unwrap_or(body.len())];
    members.inherits = head.iter().filter_map(Token::name).any(|name| name != "object");
    let Some(start) = start else { return (members, None) };
    let indentation = body[start].column;
    let starts: Vec<usize> = (start..body.len()).filter(|at| body[*at].first).collect();
    // The statements that a statement stands in: their columns, and whether one of them is a definition.
    let mut around: Vec<(usize, bool)> = Vec::new();
    for (index, at) in starts.iter().copied().enumerate() {
        let column = body[at].column;
        while around.last().is_some_and(|(outer, _)| *outer >= column) {
            around.pop();
        }
        let nested = around.last().is_some_and(|(_, definition)| *definition);
        let own = ["def", "class", "async"].iter().any(|word| body[at].is(word));
        around.push((column, nested || own));
        let Some((name, behind)) = definition(body, at) else { continue };
        // Deeper ones in an `if` or `try` count too; those in another class or function do not.
        if column != indentation && nested {
            continue;
        }
        members.known.push(name.to_owned());
        if name == wanted {
            let end = starts[index + 1..].iter().find(|next| body[**next].column <= column);
            return (members, body.get(behind..end.copied().unwrap_or(body.len())));
        }
    }
    (members, None)
}

/// The name that a statement defines, and the index of the token behind it.
fn definition(body: &[Token], start: usize) -> Option<(&str, usize)> {
    let at = start + usize::from(body[start].is("async"));
    let keyword = body.get(at).filter(|token| at == start || !token.first)?;
    let name = body.get(at + 1).filter(|token| !token.first)?.name()?;
    (keyword.is("def") || keyword.is("class")).then_some((name, at + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::python::source::soups;

    fn missing(text: &str, id: &str) -> Option<String> {
        unknown(&tokens(text), id).map(|(at, name, _)| format!("{at} {name}"))
    }

    #[test]
    fn a_name_is_missing_only_where_it_cannot_come_from_elsewhere() {
        let text =
            "class A:\n    if x:\n        async def b(self):\n            def c(): pass\nclass D(E): pass\n";
        assert_eq!(missing(text, "A::b"), None);
        assert_eq!(missing(text, "A::bb"), Some("3 bb".to_owned()));
        assert_eq!(missing(text, "F"), Some("0 F".to_owned()));
        assert_eq!(missing(text, "D::f"), None, "E may have it");
    }

    #[test]
    fn any_text_has_an_end() {
        for text in
            ["def t(): 1\nasync", "def\nfoo\n", "async\ndef foo(): 1", "async def", "class", "class\n(", ""]
        {
            for id in ["foo", "", "foo::x", "::foo", "def", "async::def"] {
                let _ = missing(text, id);
            }
        }
        for text in soups() {
            for id in ["foo", "foo::parser", "parser::foo::f"] {
                let _ = missing(&text, id);
            }
        }
    }
}
