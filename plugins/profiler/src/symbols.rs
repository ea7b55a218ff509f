//! Names for addresses: [`Symbols`].
//!
//! Used once, after sampling, by `Profile::resolve`. For each object file it takes the line information
//! (addr2line, inlined calls included), then the symbol table, then `object+0xoffset` with the offset of the
//! function where the unwind table knows it. Every address is looked up once; at the end [`Symbols::shorten`]
//! makes the names short. It must never fail a profile: what has no name keeps its offset.

use std::collections::HashMap;
use std::rc::Rc;

use addr2line::Loader;

use crate::function_table::FunctionTable;
use crate::maps::{MappedFile, Mapping, Maps};
use crate::merge::Merge;
use profile_model::{Frame, Function, origin};

/// An object file with its line information; `None` where the file could not be read.
struct ObjectFile {
    module: String,
    loaded: Option<(Loader, u64)>,
    starts: FunctionTable,
}

impl ObjectFile {
    fn load(mapping: &Mapping) -> Self {
        let bias = mapping.bias();
        let loaded = bias.and_then(|bias| Some((Loader::new(&mapping.path).ok()?, bias)));
        let starts =
            loaded.as_ref().map_or_else(FunctionTable::default, |_| FunctionTable::read(&mapping.path));
        Self { module: module_name(&mapping.path), loaded, starts }
    }
}

/// Everything named so far.
pub(crate) struct Symbols {
    maps: Maps,
    root: String,
    objects: HashMap<(String, u64), Rc<ObjectFile>>,
    by_address: HashMap<u64, Rc<[u32]>>,
    function_ids: HashMap<(String, String, String), u32>,
    frame_ids: HashMap<Frame, u32>,
    /// The source file of each function as stated where it was first seen.
    files: Vec<String>,
    /// By id.
    pub(crate) functions: Vec<Function>,
    /// By id.
    pub(crate) frames: Vec<Frame>,
}

impl Symbols {
    /// Names addresses in `maps`; paths below `root` are shown relative to it. Without mappings every address is
    /// shown as a number.
    pub(crate) fn new(maps: Maps, root: String) -> Self {
        Self {
            maps,
            root,
            objects: HashMap::new(),
            by_address: HashMap::new(),
            function_ids: HashMap::new(),
            frame_ids: HashMap::new(),
            files: Vec::new(),
            functions: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// The frames of a stack of addresses, innermost first on both sides; inlined calls become frames.
    pub(crate) fn stack(&mut self, addresses: &[u64]) -> Vec<u32> {
        let mut frames = Vec::with_capacity(addresses.len() * 2);
        for (depth, address) in addresses.iter().enumerate() {
            let address = place_of(depth, *address);
            let found = if let Some(found) = self.by_address.get(&address) {
                Rc::clone(found)
            } else {
                let found: Rc<[u32]> = self.look_up(address).into();
                self.by_address.insert(address, Rc::clone(&found));
                found
            };
            frames.extend_from_slice(&found);
        }
        frames
    }

    /// Ends the naming: the names become short, and what is one by it is merged.
    pub(crate) fn shorten(self) -> Names {
        let Merge { functions, becomes } = Merge::of(&self.functions, &self.files);
        let mut frames: Vec<Frame> = Vec::new();
        let mut ids: HashMap<Frame, u32> = HashMap::new();
        let renumbered: Vec<u32> = self
            .frames
            .into_iter()
            .map(|frame| {
                let frame = Frame { function: becomes[frame.function as usize], ..frame };
                *ids.entry(frame).or_insert_with_key(|frame| {
                    frames.push(frame.clone());
                    frames.len() as u32 - 1
                })
            })
            .collect();
        let by_address = self
            .by_address
            .into_iter()
            .map(|(address, stack)| (address, stack.iter().map(|id| renumbered[*id as usize]).collect()));
        Names { by_address: by_address.collect(), functions, frames }
    }

    fn look_up(&mut self, address: u64) -> Vec<u32> {
        let Some(mapping) = self.maps.find(address).cloned() else {
            return vec![self.frame(format!("0x{address:x}"), "unknown", None, None, None)];
        };
        // Of one path there may have been two files; each has its own place, as far as it is known.
        let key = match mapping.file {
            MappedFile::Unread => (mapping.path.clone(), 0),
            _ => (mapping.path.clone(), mapping.range.start),
        };
        let object = if let Some(object) = self.objects.get(&key) {
            Rc::clone(object)
        } else {
            let object = Rc::new(ObjectFile::load(&mapping));
            self.objects.insert(key, Rc::clone(&object));
            object
        };
        let module = object.module.as_str();
        let Some((loader, bias)) = &object.loaded else {
            let offset = address - mapping.range.start + mapping.offset;
            return vec![self.frame(format!("{module}+0x{offset:x}"), module, None, None, None)];
        };
        self.look_up_in(loader, address.wrapping_sub(*bias), &object)
    }

    fn look_up_in(&mut self, loader: &Loader, stated: u64, object: &ObjectFile) -> Vec<u32> {
        let symbol = loader.find_symbol_info(stated);
        let mut places = places(loader, stated);
        let first_line = symbol.as_ref().and_then(|symbol| places_first_line(loader, symbol.address()));
        // The outermost place is the function that was compiled; the symbol table knows its whole path, which
        // the debug information lacks with `debug = "line-tables-only"`.
        if let (Some(outermost), Some(symbol)) = (places.last_mut(), symbol)
            && outermost.name.as_deref().is_none_or(|name| origin::crate_of(name).is_empty())
        {
            outermost.name = Some(addr2line::demangle_auto(symbol.name().into(), None).into_owned());
        }
        qualify_closures(&mut places);
        let mut ids = Vec::with_capacity(places.len());
        let outermost = places.len() - 1;
        for (index, place) in places.into_iter().enumerate() {
            let nameless = || {
                let offset = object.starts.start_of(stated).unwrap_or(stated);
                format!("{}+0x{offset:x}", object.module)
            };
            let name = place.name.unwrap_or_else(nameless);
            let first_line = first_line.filter(|_| index == outermost);
            ids.push(self.frame(name, &object.module, place.file.as_deref(), place.line, first_line));
        }
        ids
    }

    fn frame(
        &mut self,
        name: String,
        module: &str,
        file: Option<&str>,
        line: Option<u32>,
        first_line: Option<u32>,
    ) -> u32 {
        // A name without a path says little: `new` of two files is two functions.
        let scope = if origin::crate_of(&name).is_empty() { file.unwrap_or_default() } else { "" };
        let key = (name, module.to_owned(), scope.to_owned());
        let function = if let Some(id) = self.function_ids.get(&key) {
            *id
        } else {
            let id = self.functions.len() as u32;
            self.functions.push(Function {
                name: key.0.clone(),
                module: module.to_owned(),
                kind: origin::kind(&key.0, file, module),
                first_line: None,
                calls: None,
            });
            self.files.push(file.unwrap_or_default().to_owned());
            self.function_ids.insert(key, id);
            id
        };
        let known = &mut self.functions[function as usize].first_line;
        *known = known.or(first_line);
        let file = file.map(|file| origin::shown_path(file, &self.root).into());
        let frame = Frame { function, file, line };
        *self.frame_ids.entry(frame).or_insert_with_key(|frame| {
            self.frames.push(frame.clone());
            self.frames.len() as u32 - 1
        })
    }
}

/// All that was named, with short names: addresses have their final frames.
pub(crate) struct Names {
    by_address: HashMap<u64, Rc<[u32]>>,
    /// By id.
    pub(crate) functions: Vec<Function>,
    /// By id.
    pub(crate) frames: Vec<Frame>,
}

impl Names {
    /// As [`Symbols::stack`], of a stack that was asked for there.
    pub(crate) fn stack(&self, addresses: &[u64]) -> Vec<u32> {
        let places = addresses.iter().enumerate().map(|(depth, address)| place_of(depth, *address));
        places.filter_map(|place| self.by_address.get(&place)).flat_map(|ids| ids.iter().copied()).collect()
    }
}

/// A return address is the instruction after the call: the call itself is the place.
fn place_of(depth: usize, address: u64) -> u64 {
    if depth == 0 { address } else { address.saturating_sub(1) }
}

/// What the debug information says of one address, for one function of the inlined chain.
#[derive(Default)]
struct Place {
    name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

/// The chain of inlined calls at an address, innermost first; at least one place, which may be empty.
fn places(loader: &Loader, stated: u64) -> Vec<Place> {
    let mut places = Vec::new();
    if let Ok(mut frames) = loader.find_frames(stated) {
        while let Ok(Some(frame)) = frames.next() {
            let location = frame.location.as_ref();
            places.push(Place {
                name: frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned())),
                file: location.and_then(|location| location.file).map(str::to_owned),
                line: location.and_then(|location| location.line).filter(|line| *line > 0),
            });
        }
    }
    if places.is_empty() {
        places.push(Place::default());
    }
    places
}

/// The line of the compiled function itself at its first address, whatever is inlined there.
fn places_first_line(loader: &Loader, start: u64) -> Option<u32> {
    places(loader, start).last().and_then(|place| place.line)
}

/// Puts the function that holds it before a closure that has no path of its own (`{closure#0}`): the nearest
/// caller in the chain from the same file. Otherwise all first closures of an object would be one function.
fn qualify_closures(places: &mut [Place]) {
    for index in (0..places.len()).rev() {
        let (inner, outer) = places.split_at_mut(index + 1);
        let Place { name: Some(name), file, .. } = &mut inner[index] else { continue };
        if !name.starts_with('{') {
            continue;
        }
        let bare = name.split_once('<').map_or(name.as_str(), |(bare, _)| bare);
        let holder = outer.iter().filter(|place| place.file == *file).find_map(|place| place.name.as_deref());
        if let Some(holder) = holder {
            *name = format!("{holder}::{bare}");
        }
    }
}

fn module_name(path: &str) -> String {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    match path.rsplit('/').next() {
        Some("") | None => "anonymous".to_owned(),
        Some(name) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn landmark() -> u32 {
        std::hint::black_box(line!())
    }

    #[test]
    fn a_function_has_its_name_file_and_first_line() {
        let mut symbols = Symbols::new(Maps::read().unwrap(), String::new());
        let expected = landmark();
        let ids = symbols.stack(&[landmark as *const () as u64]);
        let frame = symbols.frames[*ids.last().unwrap() as usize].clone();
        let function = &symbols.functions[frame.function as usize];
        assert!(function.name.ends_with("::landmark"), "{}", function.name);
        assert!(
            frame.file.as_ref().unwrap().ends_with("plugins/profiler/src/symbols.rs"),
            "{:?}",
            frame.file
        );
        assert_eq!(function.first_line, Some(expected - 1));
    }

    fn place(name: &str, file: &str) -> Place {
        Place { name: Some(name.to_owned()), file: Some(file.to_owned()), line: Some(1) }
    }

    #[test]
    fn a_closure_without_a_path_is_named_after_the_function_that_holds_it() {
        let mut chain = [
            place("{closure#1}", "k.rs"),
            place("fold<core::ops::Range<u32>>", "core/iter.rs"),
            place("{closure#0}<k::B>", "k.rs"),
            place("fold", "core/iter.rs"),
            place("k::leaf", "k.rs"),
        ];
        qualify_closures(&mut chain);
        assert_eq!(chain[0].name.as_deref(), Some("k::leaf::{closure#0}::{closure#1}"));
        assert_eq!(chain[1].name.as_deref(), Some("fold<core::ops::Range<u32>>"));
        assert_eq!(chain[2].name.as_deref(), Some("k::leaf::{closure#0}"));
    }

    #[test]
    fn functions_of_one_short_name_in_two_files_are_two() {
        let mut symbols = Symbols::new(Maps::read().unwrap(), String::new());
        let mut function = |name: &str, file: &str| {
            let id = symbols.frame(name.to_owned(), "libk.so", Some(file), Some(1), None);
            symbols.frames[id as usize].function
        };
        assert_ne!(function("new", "a.rs"), function("new", "b.rs"));
        assert_eq!(function("k::new", "a.rs"), function("k::new", "macro.rs"));
    }

    #[test]
    fn instantiations_of_one_function_share_frames_once_names_are_short() {
        let mut symbols = Symbols::new(Maps::read().unwrap(), String::new());
        for (address, name, line) in [(1, "k::leaf", 3), (9, "k::f<a::B>", 40), (19, "k::f<c::D>", 40)] {
            let id = symbols.frame(name.to_owned(), "libk.so", Some("k.rs"), Some(line), Some(line - 1));
            symbols.by_address.insert(address, [id].into());
        }
        // The caller's place is the one before its return address.
        assert_ne!(symbols.stack(&[1, 10]), symbols.stack(&[1, 20]));
        let names = symbols.shorten();
        assert_eq!(names.stack(&[1, 10]), names.stack(&[1, 20]));
        let shown = names.stack(&[1, 10]).into_iter().map(|id| {
            let frame = &names.frames[id as usize];
            (names.functions[frame.function as usize].name.as_str(), frame.line)
        });
        assert_eq!(shown.collect::<Vec<_>>(), [("k::leaf", Some(3)), ("k::f", Some(40))]);
    }

    #[test]
    fn an_address_without_a_mapping_is_shown_as_a_number() {
        let mut symbols = Symbols::new(Maps::read().unwrap(), String::new());
        let ids = symbols.stack(&[0x10, 0x21]);
        let names: Vec<_> = ids
            .iter()
            .map(|id| &symbols.functions[symbols.frames[*id as usize].function as usize].name)
            .collect();
        assert_eq!(names, ["0x10", "0x20"]);
    }

    #[test]
    fn a_function_of_the_c_library_is_named_from_the_symbol_table() {
        let mut symbols = Symbols::new(Maps::read().unwrap(), String::new());
        let ids = symbols.stack(&[libc::getpid as *const () as u64]);
        let function = &symbols.functions[symbols.frames[ids[0] as usize].function as usize];
        assert!(function.name.contains("getpid"), "{function:?}");
        assert_eq!(function.kind, profile_model::Kind::Runtime);
    }
}
