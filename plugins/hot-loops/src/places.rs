//! Which loops a frame stands in: [`Places`], one [`Place`] for each frame of a profile.
//!
//! By the executed line where the profile has it; else by the function around it. Called by the correlation,
//! before any weight is counted: nothing here knows how hot something is. A path that could mean two modules
//! means none, and is told.

use std::collections::{BTreeSet, HashMap};

use loop_inventory_model::{Inventory, Kind, Loop, NoModule};
use profile_model::{Frame, Function, Profile};

/// Comprehensions are functions of their own in many profiles of Python.
const COMPREHENSIONS: [&str; 4] = ["<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"];

/// Where a frame stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In these loops, by its line: indices into the inventory, from the outermost to the innermost.
    Line(Vec<usize>),
    /// In a function with loops, and nobody knows in which: index into [`Places::groups`].
    Function(usize),
    /// In no loop, in a module of the inventory: its name.
    Module(String),
    /// In a source file of the project that the inventory does not know.
    Project,
    /// Elsewhere.
    Elsewhere,
}

/// A function that the profile knows without lines, and its loops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionLoops {
    /// As the profile names it.
    pub(crate) function: String,
    /// The module.
    pub(crate) module: String,
    /// Indices into the inventory, in the order of the source.
    pub(crate) loops: Vec<usize>,
    /// The loop that contains all others, where there is exactly one such.
    pub(crate) single: Option<usize>,
}

/// The places of all frames.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// For each frame of the profile.
    pub(crate) frames: Vec<Place>,
    /// The functions of [`Place::Function`].
    pub(crate) groups: Vec<FunctionLoops>,
    /// The module that each frame's file means, where it means one.
    pub(crate) modules: Vec<Option<String>>,
    /// What is worth a warning.
    pub(crate) warnings: BTreeSet<String>,
}

impl Places {
    pub(crate) fn of(profile: &Profile, inventory: &Inventory) -> Self {
        let mut by_module: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, one) in inventory.all_loops.iter().enumerate() {
            by_module.entry(&one.module).or_default().push(at);
        }
        let mut places = Self::default();
        let mut files: HashMap<&str, Option<String>> = HashMap::new();
        for file in profile.frames.iter().filter_map(|frame| frame.file.as_deref()) {
            files.entry(file).or_insert_with(|| places.module(inventory, file));
        }
        let roots = roots(&files);
        for frame in &profile.frames {
            let function = &profile.functions[frame.function as usize];
            let module = match frame.file.as_deref() {
                Some(file) => {
                    files[file].clone().filter(|module| !is_short_for_python(file, module, function.kind))
                }
                None => by_name(inventory, function),
            };
            if frame.file.is_none() && module.is_some() {
                places.warnings.insert(
                    "the profile has no source lines for some functions, which are known by their names alone: \
                     compile with debug information (`-g`) to see in which loop their time is"
                        .to_owned(),
                );
            }
            let place = match &module {
                Some(module) => {
                    places.in_module(profile, inventory, frame, module, &by_module[module.as_str()])
                }
                None => elsewhere(profile, frame, &roots),
            };
            places.frames.push(place);
            places.modules.push(module);
        }
        places
    }

    fn module(&mut self, inventory: &Inventory, file: &str) -> Option<String> {
        if is_foreign(file) {
            return None;
        }
        match inventory.module(file) {
            Ok(module) => Some(module.to_owned()),
            Err(error @ NoModule::Ambiguous { .. }) => {
                self.warnings.insert(format!("the profile's file {error}; its time is in no loop"));
                None
            }
            Err(NoModule::Unknown { .. }) => None,
        }
    }

    fn in_module(
        &mut self,
        profile: &Profile,
        inventory: &Inventory,
        frame: &Frame,
        module: &str,
        of_module: &[usize],
    ) -> Place {
        let all = &inventory.all_loops;
        if let Some(line) = frame.line {
            let loops = enclosing(all, of_module, u64::from(line));
            return if loops.is_empty() { Place::Module(module.to_owned()) } else { Place::Line(loops) };
        }
        let function = &profile.functions[frame.function as usize];
        let first = function.first_line.map(u64::from);
        if COMPREHENSIONS.contains(&function.name.as_str()) {
            let is_it = |at: &&usize| all[**at].kind == Kind::Comprehension && Some(all[**at].line) == first;
            // Such a frame is the comprehension, so this is as good as a line; two on one line are not.
            return match of_module.iter().filter(is_it).collect::<Vec<_>>()[..] {
                [at] => Place::Line(vec![*at]),
                _ => Place::Module(module.to_owned()),
            };
        }
        let loops = of_function(inventory, module, of_module, &function.name, first);
        if loops.is_empty() {
            if of_module.iter().all(|at| all[*at].function.is_none()) {
                self.warnings.insert(format!(
                    "`{module}`: the profile has no lines there, and the inventory does not say the functions of \
                     its loops: that time is in no loop; scan with loop-inventory"
                ));
            }
            return Place::Module(module.to_owned());
        }
        let known = self.groups.iter().position(|group| group.loops == loops);
        Place::Function(known.unwrap_or_else(|| {
            let outermost: Vec<usize> = loops
                .iter()
                .copied()
                .filter(|at| !loops.iter().any(|other| is_inside(all, *at, *other)))
                .collect();
            let single = if let [one] = outermost[..] { Some(one) } else { None };
            let function = function.name.clone();
            self.groups.push(FunctionLoops { function, module: module.to_owned(), loops, single });
            self.groups.len() - 1
        }))
    }
}

/// The loops around a line, outermost first, all of the function of the innermost. The same as the model's
/// `Inventory::enclosing`, which looks the module up for each line: a profile has too many of them.
fn enclosing(all: &[Loop], of_module: &[usize], line: u64) -> Vec<usize> {
    let order = |at: &usize| (all[*at].line, all[*at].col_offset, u64::MAX - all[*at].last_line());
    let mut around: Vec<usize> = of_module.iter().copied().filter(|at| all[*at].contains(line)).collect();
    around.sort_by_key(order);
    let Some(innermost) = around.last().map(|at| &all[*at]) else { return around };
    around.retain(|at| {
        (&all[*at].function, all[*at].function_line) == (&innermost.function, innermost.function_line)
    });
    around
}

/// The loops of a function. Rust's profiles have longer names than the source: the last part is tried too.
fn of_function(
    inventory: &Inventory,
    module: &str,
    of_module: &[usize],
    name: &str,
    first: Option<u64>,
) -> Vec<usize> {
    let all = &inventory.all_loops;
    if name == "<module>" {
        let is_top = |at: &usize| all[*at].function.is_none() && all[*at].language.is_some();
        return of_module.iter().copied().filter(is_top).collect();
    }
    let last = name.rsplit(['.', ':']).next().unwrap_or(name);
    let found = [name, last].into_iter().find_map(|name| {
        let loops = inventory.in_function(module, name, first).unwrap_or_default();
        (!loops.is_empty()).then_some(loops)
    });
    // By identity: inventories of other tools may hold two equal entries.
    let is_one = |at: &usize| found.iter().flatten().any(|one| std::ptr::eq(*one, &raw const all[*at]));
    of_module.iter().copied().filter(is_one).collect()
}

/// Whether a loop lies inside another one.
fn is_inside(all: &[Loop], inner: usize, outer: usize) -> bool {
    let (inner, outer) = (&all[inner], &all[outer]);
    if inner.parent.is_some() && inner.parent.as_deref() == Some(outer.id.as_str()) {
        return true;
    }
    let begin = |one: &Loop| (one.line, one.col_offset);
    let end = |one: &Loop| (one.last_line(), one.end_col.unwrap_or(u64::MAX));
    begin(outer) < begin(inner) && end(inner) <= end(outer) && outer.end_line.is_some()
}

/// Whether a file is one of a library, by what its path says.
pub(crate) fn is_foreign(file: &str) -> bool {
    const PARTS: [&str; 10] = [
        "/registry/src/",
        "/rustlib/src/",
        "/git/checkouts/",
        "site-packages/",
        "dist-packages/",
        "/lib/python",
        "/usr/include/",
        "/sysdeps/",
        "/torchinductor_",
        "<frozen ",
    ];
    file.is_empty()
        || file.starts_with("/rustc/")
        || file.starts_with('<')
        || PARTS.iter().any(|part| file.contains(part))
        || file.split('/').next().is_some_and(is_crate_directory)
}

/// Profilers show `threading.py` for the one of Python's library; a project's module of that name they show with the
/// directory of its package.
fn is_short_for_python(file: &str, module: &str, kind: profile_model::Kind) -> bool {
    kind == profile_model::Kind::Runtime
        && std::path::Path::new(file).extension().is_some_and(|end| end == "py")
        && file.len() < module.len()
}

/// `rayon-1.12.0`: how the registry names a crate's directory.
fn is_crate_directory(name: &str) -> bool {
    let digit = |part: Option<&str>| part.is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    name.rsplit_once('-').is_some_and(|(_, version)| {
        let mut numbers = version.split('.');
        digit(numbers.next()) && digit(numbers.next()) && digit(numbers.next())
    })
}

/// Where the project lies, as its absolute paths in the profile say: what stands before a module's path.
fn roots<'p>(files: &HashMap<&'p str, Option<String>>) -> BTreeSet<&'p str> {
    let before = |(file, module): (&&'p str, &Option<String>)| {
        let root = file.strip_suffix(module.as_deref()?)?;
        root.starts_with('/').then_some(root)
    };
    files.iter().filter_map(before).collect()
}

/// The module of a function of which only the name is known, where exactly one module has loops in a function of
/// that name. A Rust path is no plain name: its last part alone says too little.
fn by_name(inventory: &Inventory, function: &Function) -> Option<String> {
    if function.kind != profile_model::Kind::Kernel || function.name.contains("::") {
        return None;
    }
    let named = |one: &&Loop| one.function.as_deref() == Some(function.name.as_str());
    let modules: BTreeSet<&str> =
        inventory.all_loops.iter().filter(named).map(|one| one.module.as_str()).collect();
    match modules.into_iter().collect::<Vec<_>>()[..] {
        [module] => Some(module.to_owned()),
        _ => None,
    }
}

fn elsewhere(profile: &Profile, frame: &Frame, roots: &BTreeSet<&str>) -> Place {
    let kind = profile.functions[frame.function as usize].kind;
    // Paths below the project's root are shown relative to it; an absolute one is of somebody else, unless the
    // project was built in another place.
    let inside = |file: &str| !file.starts_with('/') || roots.iter().any(|root| file.starts_with(root));
    match frame.file.as_deref() {
        Some(file) if kind == profile_model::Kind::Kernel && !is_foreign(file) && inside(file) => {
            Place::Project
        }
        _ => Place::Elsewhere,
    }
}
