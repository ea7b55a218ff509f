//! Finds loops by place: which module a path means, which loops contain a line, which a function has.
//!
//! For whoever has a profile: it knows absolute paths, or paths from some import root, where the inventory knows
//! paths from the project root. A path that could mean two modules means none, and [`NoModule`] says so.

use std::collections::BTreeSet;
use std::fmt;

use crate::{Inventory, Loop};

/// Why a path means no module of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoModule {
    /// No module ends so.
    Unknown {
        /// The path that was asked for.
        path: String,
    },
    /// Several modules end so.
    Ambiguous {
        /// The path that was asked for.
        path: String,
        /// The modules, sorted.
        modules: Vec<String>,
    },
}

impl fmt::Display for NoModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { path } => write!(f, "`{path}` is no module with loops in the inventory"),
            Self::Ambiguous { path, modules } => {
                let modules: Vec<String> = modules.iter().map(|module| format!("`{module}`")).collect();
                write!(f, "`{path}` could be {}: write more of the path", modules.join(" or "))
            }
        }
    }
}

impl std::error::Error for NoModule {}

impl Inventory {
    /// The modules that have loops, sorted.
    pub fn modules(&self) -> BTreeSet<&str> {
        self.all_loops.iter().map(|one| one.module.as_str()).collect()
    }

    /// The module that a path means: the same path; or the longest module that the path ends with at a `/` (an
    /// absolute path); or the only module that ends with the path at a `/`.
    pub fn module(&self, path: &str) -> Result<&str, NoModule> {
        let asked = path.trim_start_matches("./");
        let modules = self.modules();
        if let Some(module) = modules.iter().filter(|module| ends_with(asked, module)).max_by_key(|m| m.len())
        {
            return Ok(module);
        }
        let found: Vec<&str> = modules.into_iter().filter(|module| ends_with(module, asked)).collect();
        match found[..] {
            [module] => Ok(module),
            [] => Err(NoModule::Unknown { path: path.to_owned() }),
            _ => {
                let modules = found.into_iter().map(str::to_owned).collect();
                Err(NoModule::Ambiguous { path: path.to_owned(), modules })
            }
        }
    }

    /// The innermost loop that contains a line (from 1) of the module that the path means. Where a line holds
    /// several loops, the smallest, and of equal ones the last.
    pub fn find(&self, path: &str, line: u64) -> Result<Option<&Loop>, NoModule> {
        let module = self.module(path)?;
        let inside = self.all_loops.iter().filter(|one| one.module == module && one.contains(line));
        Ok(inside.max_by_key(|one| (one.line, one.col_offset, u64::MAX - one.last_line())))
    }

    /// The loops around a line, from the outermost to the innermost, all of the function of the innermost: a loop
    /// around a nested function's definition does not repeat that function's body.
    pub fn enclosing(&self, path: &str, line: u64) -> Result<Vec<&Loop>, NoModule> {
        let Some(innermost) = self.find(path, line)? else { return Ok(Vec::new()) };
        let mut around: Vec<&Loop> = self
            .all_loops
            .iter()
            .filter(|one| one.module == innermost.module && one.contains(line))
            .filter(|one| {
                (&one.function, one.function_line) == (&innermost.function, innermost.function_line)
            })
            .collect();
        around.sort_by_key(|one| (one.line, one.col_offset, u64::MAX - one.last_line()));
        Ok(around)
    }

    /// The loops of a function, in the order of the source. `function` is its qualified name or the last part of
    /// it; `first_line` (from 1) tells functions of one name apart: the one that begins there or, because profiles
    /// count decorators in, the next one behind it.
    pub fn in_function(
        &self,
        path: &str,
        function: &str,
        first_line: Option<u64>,
    ) -> Result<Vec<&Loop>, NoModule> {
        let module = self.module(path)?;
        let is_named = |one: &&Loop| {
            one.module == module && one.function.as_deref().is_some_and(|name| is_name(name, function))
        };
        let named: Vec<&Loop> = self.all_loops.iter().filter(is_named).collect();
        let Some(first) = first_line else { return Ok(named) };
        let begin = named.iter().filter_map(|one| one.function_line).filter(|line| *line >= first).min();
        Ok(named.into_iter().filter(|one| begin.is_some() && one.function_line == begin).collect())
    }
}

/// Whether `path` is `end`, or ends with it behind a `/`.
pub(crate) fn ends_with(path: &str, end: &str) -> bool {
    !end.is_empty() && path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Whether a qualified name is `asked`, or ends with it behind `.` or `::`.
fn is_name(name: &str, asked: &str) -> bool {
    let ends = |before: &str| before.is_empty() || before.ends_with('.') || before.ends_with("::");
    !asked.is_empty() && name.strip_suffix(asked).is_some_and(ends)
}
