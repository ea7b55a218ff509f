//! Names for addresses: [`Symbols`].
//!
//! Used once, after sampling, by `Profile::resolve`. For each object file it takes the line information
//! (addr2line, inlined calls included), then the symbol table, then `object+0xoffset` with the offset of the
//! function where the unwind table knows it. Every address is looked up once. It must never fail a profile: what has no name keeps its offset.

use std::collections::HashMap;
use std::rc::Rc;

use addr2line::Loader;

use crate::function_table::FunctionTable;
use crate::maps::Maps;
use crate::origin::{self, Kind};

/// A function, as one row of the ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Demangled name without the hash.
    pub name: String,
    /// File name of the object it was compiled into.
    pub module: String,
    /// Whose code it is.
    pub kind: Kind,
    /// Line of its first instruction; unknown where it was only seen inlined.
    pub first_line: Option<u32>,
}

/// A place in a function: what a stack is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Index of the function.
    pub function: u32,
    /// Source file as shown, when known.
    pub file: Option<Rc<str>>,
    /// Line in it, counted from 1.
    pub line: Option<u32>,
}

/// An object file with its line information; `None` where the file could not be read.
struct ObjectFile {
    module: String,
    loaded: Option<(Loader, u64)>,
    starts: FunctionTable,
}

/// Everything named so far.
pub(crate) struct Symbols {
    maps: Maps,
    root: String,
    objects: HashMap<String, Rc<ObjectFile>>,
    by_address: HashMap<u64, Rc<[u32]>>,
    function_ids: HashMap<(String, String), u32>,
    frame_ids: HashMap<Frame, u32>,
    /// By id.
    pub(crate) functions: Vec<Function>,
    /// By id.
    pub(crate) frames: Vec<Frame>,
}

impl Symbols {
    /// Names addresses of this process; paths below `root` are shown relative to it.
    pub(crate) fn new(root: String) -> Self {
        Self {
            // Without mappings every address is shown as a number.
            maps: Maps::read().unwrap_or_default(),
            root,
            objects: HashMap::new(),
            by_address: HashMap::new(),
            function_ids: HashMap::new(),
            frame_ids: HashMap::new(),
            functions: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// The frames of a stack of addresses, innermost first on both sides; inlined calls become frames.
    pub(crate) fn stack(&mut self, addresses: &[u64]) -> Vec<u32> {
        let mut frames = Vec::with_capacity(addresses.len() * 2);
        for (depth, address) in addresses.iter().enumerate() {
            // A return address is the instruction after the call: the call itself is the place.
            let address = if depth == 0 { *address } else { address.saturating_sub(1) };
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

    fn look_up(&mut self, address: u64) -> Vec<u32> {
        let Some(mapping) = self.maps.find(address).cloned() else {
            return vec![self.frame(format!("0x{address:x}"), "unknown", None, None, None)];
        };
        let object = if let Some(object) = self.objects.get(&mapping.path) {
            Rc::clone(object)
        } else {
            let object = Rc::new(ObjectFile {
                module: module_name(&mapping.path),
                loaded: Loader::new(&mapping.path).ok().zip(mapping.bias()),
                starts: FunctionTable::read(&mapping.path),
            });
            self.objects.insert(mapping.path.clone(), Rc::clone(&object));
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
        let module = object.module.as_str();
        let symbol = loader.find_symbol_info(stated);
        let mut found = Vec::new();
        if let Ok(mut frames) = loader.find_frames(stated) {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned()));
                let location = frame.location.as_ref();
                let file = location.and_then(|location| location.file).map(str::to_owned);
                found.push((name, file, location.and_then(|location| location.line)));
            }
        }
        let symbol_name = || {
            let name = symbol.as_ref()?.name();
            Some(addr2line::demangle_auto(name.into(), None).into_owned())
        };
        if found.is_empty() {
            found.push((None, None, None));
        }
        let outermost = found.len() - 1;
        let first_line =
            symbol.as_ref().and_then(|symbol| loader.find_location(symbol.address()).ok()??.line);
        let mut ids = Vec::with_capacity(found.len());
        for (index, (name, file, line)) in found.into_iter().enumerate() {
            let own_symbol = || (index == outermost).then(symbol_name).flatten();
            let name = name.or_else(own_symbol).unwrap_or_else(|| {
                let offset = object.starts.start_of(stated).unwrap_or(stated);
                format!("{module}+0x{offset:x}")
            });
            let first_line = first_line.filter(|_| index == outermost);
            ids.push(self.frame(name, module, file.as_deref(), line.filter(|line| *line > 0), first_line));
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
        let key = (name, module.to_owned());
        let function = if let Some(id) = self.function_ids.get(&key) {
            *id
        } else {
            let id = self.functions.len() as u32;
            self.functions.push(Function {
                name: key.0.clone(),
                module: module.to_owned(),
                kind: origin::kind(&key.0, file, module),
                first_line: None,
            });
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
        let mut symbols = Symbols::new(String::new());
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

    #[test]
    fn an_address_without_a_mapping_is_shown_as_a_number() {
        let mut symbols = Symbols::new(String::new());
        let ids = symbols.stack(&[0x10, 0x21]);
        let names: Vec<_> = ids
            .iter()
            .map(|id| &symbols.functions[symbols.frames[*id as usize].function as usize].name)
            .collect();
        assert_eq!(names, ["0x10", "0x20"]);
    }

    #[test]
    fn a_function_of_the_c_library_is_named_from_the_symbol_table() {
        let mut symbols = Symbols::new(String::new());
        let ids = symbols.stack(&[libc::getpid as *const () as u64]);
        let function = &symbols.functions[symbols.frames[ids[0] as usize].function as usize];
        assert!(function.name.contains("getpid"), "{function:?}");
        assert_eq!(function.kind, Kind::Runtime);
    }
}
