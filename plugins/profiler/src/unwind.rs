//! From registers and stack bytes to return addresses: [`Walker`], and [`Unwinder`] for this process.
//!
//! This workspace and Rust's standard library keep frame pointers, but libm, memcpy and the allocator do not,
//! and a kernel may well spend half of its time in `sin`. There, a plain frame-pointer chain silently leaves
//! out the *caller*, which is the very loop that is looked for. So the innermost frames are walked with the
//! call frame information (`.eh_frame`, through framehop) in the copied stack bytes; as soon as the walk
//! meets the kernel's frame-pointer chain it goes on with that. Called by the sampler's thread only.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framehop::{
    CacheNative, ExplicitModuleSectionInfo, FrameAddress, MayAllocateDuringUnwind, Module, UnwindRegsNative,
    Unwinder as _, UnwinderNative,
};
use object::{Object, ObjectSection, ReadCache};

use crate::maps::{Mapping, Maps};
use crate::sample::{RawSample, Registers};

/// Frames kept of one stack.
const MAX_FRAMES: usize = 512;
/// How soon the mappings are read again for an address that is in none of them.
const REFRESH: Duration = Duration::from_millis(200);

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At the outermost frame, as far as one can tell.
    Root,
    /// Before it: the window or the limit of frames was reached, or a frame could not be left.
    CutOff,
}

/// The bytes of a section, shared by the processes that have mapped the same file.
pub(crate) type Bytes = Arc<[u8]>;
/// The unwind tables of one address space.
pub(crate) type Modules = UnwinderNative<Bytes, MayAllocateDuringUnwind>;

/// Walks stacks with the tables of any address space.
#[derive(Default)]
pub(crate) struct Walker {
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Walker {
    /// Stores the addresses of a sample's stack in `out`, innermost first: the instruction pointer, then
    /// return addresses. `is_code` says whether something executable is mapped at an address.
    pub(crate) fn walk(
        &mut self,
        modules: &Modules,
        is_code: &mut dyn FnMut(u64) -> bool,
        sample: &RawSample<'_>,
        out: &mut Vec<u64>,
    ) -> Ending {
        let start = sample.registers;
        out.clear();
        out.push(start.ip);
        if !is_code(start.ip) {
            return Ending::CutOff;
        }
        let mut read = |address: u64| {
            let offset = address.checked_sub(start.sp).ok_or(())? as usize;
            let bytes = sample.window.get(offset..).and_then(|rest| rest.first_chunk()).ok_or(())?;
            Ok(u64::from_ne_bytes(*bytes))
        };
        let mut registers = native(start);
        let mut address = FrameAddress::from_instruction_pointer(start.ip);
        while out.len() < MAX_FRAMES {
            // While the frame pointer is the sample's own, the kernel's chain starts from this frame.
            let on_chain = registers_fp(&registers) == start.fp && !sample.chain.is_empty();
            match modules.unwind_frame(address, &mut registers, &mut self.cache, &mut read) {
                Ok(Some(caller)) if on_chain && sample.chain.first() == Some(&caller) => {
                    return follow(sample.chain, is_code, out);
                }
                Ok(Some(caller)) if is_code(caller) => {
                    out.push(caller);
                    let Some(next) = FrameAddress::from_return_address(caller) else { return Ending::CutOff };
                    address = next;
                }
                Ok(None) => return Ending::Root,
                Ok(Some(_)) | Err(_) if on_chain => return follow(sample.chain, is_code, out),
                Ok(Some(_)) | Err(_) => return Ending::CutOff,
            }
        }
        Ending::CutOff
    }
}

/// Goes on with the kernel's chain, up to an address that is no code.
fn follow(chain: &[u64], is_code: &mut dyn FnMut(u64) -> bool, out: &mut Vec<u64>) -> Ending {
    for address in chain {
        if *address == 0 {
            break;
        }
        if out.len() == MAX_FRAMES || !is_code(*address) {
            return Ending::CutOff;
        }
        out.push(*address);
    }
    // `kernel.perf_event_max_stack` is 127 unless somebody changed it.
    if chain.len() >= 126 { Ending::CutOff } else { Ending::Root }
}

/// What is mapped in this process, and its unwind tables.
pub(crate) struct Unwinder {
    mapped: Mapped,
    walker: Walker,
}

struct Mapped {
    maps: Maps,
    read_at: Instant,
    known: HashSet<u64>,
    modules: Modules,
}

impl Unwinder {
    /// Loads the unwind tables of everything that is mapped.
    pub(crate) fn new() -> Self {
        let mut mapped = Mapped {
            maps: Maps::default(),
            read_at: Instant::now(),
            known: HashSet::new(),
            modules: UnwinderNative::new(),
        };
        mapped.refresh();
        Self { mapped, walker: Walker::default() }
    }

    /// As [`Walker::walk`], in this process.
    pub(crate) fn walk(&mut self, sample: &RawSample<'_>, out: &mut Vec<u64>) -> Ending {
        self.mapped.know(sample.registers.ip);
        let Mapped { maps, modules, .. } = &self.mapped;
        let ending = self.walker.walk(modules, &mut |address| maps.find(address).is_some(), sample, out);
        if ending == Ending::CutOff {
            // Perhaps at a library that was loaded meanwhile: the next sample will find it.
            self.mapped.know_chain(sample.chain);
        }
        ending
    }
}

impl Mapped {
    fn refresh(&mut self) {
        self.read_at = Instant::now();
        // Without mappings every stack is its innermost frame, and counted as cut off.
        self.maps = Maps::read().unwrap_or_default();
        for mapping in self.maps.iter() {
            if self.known.insert(mapping.range.start)
                && let Some(module) = module(mapping)
            {
                self.modules.add_module(module);
            }
        }
    }

    fn know(&mut self, address: u64) {
        if self.maps.find(address).is_none() && self.read_at.elapsed() > REFRESH {
            self.refresh();
        }
    }

    fn know_chain(&mut self, chain: &[u64]) {
        if let Some(unknown) =
            chain.iter().find(|address| **address != 0 && self.maps.find(**address).is_none())
        {
            self.know(*unknown);
        }
    }
}

/// The sections of an object file that unwinding needs.
#[derive(Clone)]
pub(crate) struct Tables {
    text: Option<std::ops::Range<u64>>,
    got: Option<std::ops::Range<u64>>,
    frames: Option<(std::ops::Range<u64>, Bytes)>,
    index: Option<(std::ops::Range<u64>, Bytes)>,
}

impl Tables {
    /// Reads them.
    pub(crate) fn of<'data>(file: &impl Object<'data>) -> Self {
        let range = |name: &str| {
            let section = file.section_by_name(name)?;
            Some(section.address()..section.address() + section.size())
        };
        let whole = |name: &str| {
            let data = file.section_by_name(name)?.uncompressed_data().ok()?;
            Some((range(name)?, Bytes::from(&*data)))
        };
        Self {
            text: range(".text"),
            got: range(".got"),
            frames: whole(".eh_frame"),
            index: whole(".eh_frame_hdr"),
        }
    }

    /// The unwind tables of the file where it is mapped. `bias` is what was added to the addresses stated in it.
    pub(crate) fn module(&self, path: &str, range: std::ops::Range<u64>, bias: u64) -> Module<Bytes> {
        let (frames, index) = (self.frames.clone().unzip(), self.index.clone().unzip());
        let sections = ExplicitModuleSectionInfo {
            text_svma: self.text.clone(),
            got_svma: self.got.clone(),
            eh_frame_svma: frames.0,
            eh_frame: frames.1,
            eh_frame_hdr_svma: index.0,
            eh_frame_hdr: index.1,
            ..ExplicitModuleSectionInfo::default()
        };
        Module::new(path.to_owned(), range, bias, sections)
    }
}

fn module(mapping: &Mapping) -> Option<Module<Bytes>> {
    if !mapping.path.starts_with('/') {
        return None;
    }
    let cache = ReadCache::new(std::fs::File::open(&mapping.path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let bias = mapping.bias_in(&file)?;
    Some(Tables::of(&file).module(&mapping.path, mapping.range.clone(), bias))
}

#[cfg(target_arch = "x86_64")]
fn native(registers: Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(registers.ip, registers.sp, registers.fp)
}

#[cfg(target_arch = "x86_64")]
fn registers_fp(registers: &UnwindRegsNative) -> u64 {
    registers.bp()
}

#[cfg(target_arch = "aarch64")]
fn native(registers: Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(registers.lr, registers.sp, registers.fp)
}

#[cfg(target_arch = "aarch64")]
fn registers_fp(registers: &UnwindRegsNative) -> u64 {
    registers.fp()
}
