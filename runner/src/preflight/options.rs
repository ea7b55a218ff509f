//! Whether a program knows the long options that it is given: [`check`] holds words against a list.
//!
//! Called with the options of a Python program's source, or of a tool's `--help`. Only long options are looked
//! at: what `-abc` means differs too much from program to program.

use super::python::Options;
use super::words::{UNKNOWN, Word};
use crate::diagnostic::{Diagnostic, Severity, Source, nearest};

/// How many options are listed when none is near.
const LISTED: usize = 12;

/// What is said of the program.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// Its name for people.
    pub program: &'a str,
    /// Where its options are known from: `its parser is at x.py:12`.
    pub from: String,
}

/// The findings about the arguments of a program.
pub(super) fn check(source: &Source, words: &[Word], options: &Options, told: &Told<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut before: Option<&str> = None;
    for word in words {
        let text = word.text.as_str();
        if text == "--" {
            break;
        }
        let name = text.split('=').next().unwrap_or_default();
        // What stands behind an option may be its value, also when it begins with two hyphens.
        let value = options.greedy
            && before.is_some_and(|option| {
                !option.contains('=') && !options.flags.iter().any(|flag| flag == option)
            });
        before = text.starts_with('-').then_some(text);
        let option = name.len() > 2 && name.starts_with("--") && !name.contains([UNKNOWN, ' ']);
        if !option || value || options.known.iter().any(|known| known == name) {
            if value {
                before = None;
            }
            continue;
        }
        let longer: Vec<&str> =
            options.known.iter().map(String::as_str).filter(|known| known.starts_with(name)).collect();
        let span = word.part(source, 0..name.len());
        match longer.as_slice() {
            [whole] if options.abbreviations => found.push(
                Diagnostic::new(span, format!("`{name}` is short for `{whole}`"))
                    .help(format!("write `{whole}`: one more option and this is no longer the only one"))
                    .weighing(Severity::Note, "option-abbreviated"),
            ),
            // Which subcommand has which of them is not looked into.
            [_, _, ..] if options.abbreviations && options.subcommands => {}
            _ => found.push(unknown(name, options, told, span, &longer)),
        }
    }
    found
}

fn unknown(
    name: &str,
    options: &Options,
    told: &Told<'_>,
    span: crate::diagnostic::Span,
    longer: &[&str],
) -> Diagnostic {
    let (program, from) = (told.program, &told.from);
    if options.abbreviations && longer.len() > 1 {
        let all = crate::diagnostic::one_of(longer.iter().copied());
        return Diagnostic::new(span, format!("`{name}` can be short for several options of `{program}`"))
            .label("which one?")
            .help(format!("write {all}; {from}"))
            .weighing(Severity::Warning, "option-ambiguous");
    }
    // Without the hyphens, which all of them share.
    let bare = options.known.iter().map(|known| &known[2..]);
    let listed = || {
        let all: Vec<String> = options.known.iter().take(LISTED).map(|known| format!("`{known}`")).collect();
        let more = options.known.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("it has {}{more}; {from}", all.join(", "))
    };
    let help =
        nearest(&name[2..], bare).map_or_else(listed, |near| format!("did you mean `--{near}`? {from}"));
    Diagnostic::new(span, format!("`{program}` has no option `{name}`"))
        .label("unknown option")
        .help(help)
        .weighing(Severity::Warning, "option-unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    fn told(line: &str, change: impl FnOnce(&mut Options)) -> Vec<String> {
        let known = ["--help", "--output-dir", "--size", "--sizes"].map(str::to_owned).to_vec();
        let mut options = Options {
            known,
            flags: vec!["--help".to_owned()],
            abbreviations: true,
            greedy: false,
            subcommands: false,
            file: "x.py".into(),
            line: 1,
        };
        change(&mut options);
        let words: Vec<Word> = line
            .split_whitespace()
            .map(|text| Word { text: text.to_owned(), span: Span::default() })
            .collect();
        let source = Source { path: "w".into(), text: String::new() };
        let told = Told { program: "x.py", from: String::new() };
        check(&source, &words, &options, &told).into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn an_option_with_a_value_and_what_follows_two_hyphens_are_no_mistakes() {
        assert_eq!(told("a --size=4 --sizes 1,2 -x --help -- --other", |_| ()), [""; 0]);
        assert_eq!(told("--outdir=x", |_| ()), ["`x.py` has no option `--outdir`"]);
    }

    #[test]
    fn the_beginning_of_an_option_is_one_where_the_parser_says_so() {
        assert_eq!(told("--output x", |_| ()), ["`--output` is short for `--output-dir`"]);
        assert_eq!(told("--siz x", |_| ()), ["`--siz` can be short for several options of `x.py`"]);
        assert_eq!(told("--siz x", |options| options.subcommands = true), [""; 0]);
        assert_eq!(told("--output x", |options| options.abbreviations = false).len(), 1);
    }

    #[test]
    fn a_value_that_looks_like_an_option_is_left_alone_where_it_can_be_one() {
        assert_eq!(
            told("--size --x --help --y", |options| options.greedy = true),
            ["`x.py` has no option `--y`"]
        );
    }
}
