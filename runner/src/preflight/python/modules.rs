//! A script and the modules of its project that it imports, one level deep: [`gather`].
//!
//! Called for the options of a Python script. Modules that are not files of the project (the standard library,
//! installed packages) are not looked for, and what is not found is no mistake.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::source::{Token, tokens};

/// How many modules are read.
const MOST: usize = 64;
/// A longer file was not written by people.
const MOST_BYTES: u64 = 1 << 20;

/// A Python file.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub tokens: Vec<Token>,
    /// The modules that it imports, as it names them.
    pub imports: Vec<String>,
}

impl Module {
    /// Reads a file; `None` when it is none, too long, or no UTF-8.
    pub fn read(path: &Path) -> Option<Self> {
        let tokens = tokens(&text(path)?);
        let imports = imports(&tokens);
        Some(Self { path: path.to_owned(), tokens, imports })
    }
}

/// A file that people wrote; `None` when it is none, too long, or no UTF-8.
pub(crate) fn text(path: &Path) -> Option<String> {
    let file = std::fs::File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    file.take(MOST_BYTES + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= MOST_BYTES).then_some(text)
}

/// A script, then what it imports from its project.
pub(super) fn gather(script: &Path, roots: &[PathBuf], project: &Path) -> Option<Vec<Module>> {
    let program = Module::read(script)?;
    let beside = script.parent()?.to_owned();
    let mut paths: Vec<PathBuf> = Vec::new();
    for name in &program.imports {
        let dots = name.len() - name.trim_start_matches('.').len();
        let found = if dots > 0 {
            let above = beside.ancestors().nth(dots - 1)?;
            file(above, &name[dots..])
        } else {
            std::iter::once(&beside).chain(roots).find_map(|root| file(root, name))
        };
        let found = found.filter(|path| path.starts_with(project) && *path != script);
        if let Some(found) = found
            && !paths.contains(&found)
        {
            paths.push(found);
            if paths.len() > MOST {
                return None;
            }
        }
    }
    let mut modules = vec![program];
    // A module that cannot be read may hold the parser.
    for path in paths {
        modules.push(Module::read(&path)?);
    }
    Some(modules)
}

/// The file of a module below a directory.
pub(crate) fn file(root: &Path, module: &str) -> Option<PathBuf> {
    let path =
        module.split('.').filter(|part| !part.is_empty()).fold(root.to_owned(), |path, part| path.join(part));
    let candidates = [path.with_extension("py"), path.join("__init__.py")];
    candidates.into_iter().find(|candidate| candidate.is_file())
}

/// `import a.b, c` and `from .d import e` (both `.d` and `.d.e`: `e` may be a module).
fn imports(tokens: &[Token]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let starts = tokens.iter().enumerate().filter(|(_, token)| token.first);
    for (start, keyword) in starts {
        let statement = &tokens[start + 1..];
        let end = statement.iter().position(|token| token.first).unwrap_or(statement.len());
        let statement = &statement[..end];
        if keyword.is("import") {
            for part in statement.split(|token| token.symbol(',')) {
                found.push(dotted(part).0);
            }
        } else if keyword.is("from") {
            let (module, used) = dotted(statement);
            let names = statement[used..].iter().skip(1);
            let names = names.filter_map(Token::name).filter(|name| *name != "as");
            let dot = if module.ends_with('.') { "" } else { "." };
            found.extend(names.map(|name| format!("{module}{dot}{name}")));
            found.push(module);
        }
    }
    found.retain(|name| !name.is_empty());
    found.sort();
    found.dedup();
    found
}

/// A dotted name at the beginning, and of how many tokens it is made.
fn dotted(tokens: &[Token]) -> (String, usize) {
    let mut name = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.name() {
            Some(part) if part != "import" && part != "as" && (name.is_empty() || name.ends_with('.')) => {
                name.push_str(part);
            }
            None if token.symbol('.') => name.push('.'),
            _ => return (name, at),
        }
    }
    (name, tokens.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_in_every_form() {
        let text = "import os, a.b as c\nfrom .d import (e as f,\n  g)\nfrom .. import h\ndef x():\n    import y\n# import z\n";
        let names = imports(&tokens(text));
        assert_eq!(names, ["..", "..h", ".d", ".d.e", ".d.f", ".d.g", "a.b", "os", "y"]);
    }
}
