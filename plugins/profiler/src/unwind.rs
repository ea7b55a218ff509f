//! From registers and stack bytes to return addresses: [`Unwinder`].
//!
//! This workspace and Rust's standard library keep frame pointers, but libm, memcpy and the allocator do not,
//! and a kernel may well spend half of its time in `sin`. There, a plain frame-pointer chain silently leaves
//! out the *caller*, which is the very loop that is looked for. So the innermost frames are walked with the
//! call frame information (`.eh_frame`, through framehop) in the copied stack bytes; as soon as the walk
//! meets the kernel's frame-pointer chain it goes on with that. Called by the sampler's thread only.

use std::collections::HashSet;
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

/// Walks stacks of this process.
pub(crate) struct Unwinder {
    maps: Maps,
    read_at: Instant,
    known: HashSet<u64>,
    modules: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Unwinder {
    /// Loads the unwind tables of everything that is mapped.
    pub(crate) fn new() -> Self {
        let mut unwinder = Self {
            maps: Maps::default(),
            read_at: Instant::now(),
            known: HashSet::new(),
            modules: UnwinderNative::new(),
            cache: CacheNative::new(),
        };
        unwinder.refresh();
        unwinder
    }

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

    fn is_code(&mut self, address: u64) -> bool {
        if self.maps.find(address).is_none() && self.read_at.elapsed() > REFRESH {
            self.refresh(); // a library was loaded meanwhile
        }
        self.maps.find(address).is_some()
    }

    /// Stores the addresses of a sample's stack in `out`, innermost first: the instruction pointer, then
    /// return addresses.
    pub(crate) fn walk(&mut self, sample: &RawSample<'_>, out: &mut Vec<u64>) -> Ending {
        let start = sample.registers;
        out.clear();
        out.push(start.ip);
        if !self.is_code(start.ip) {
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
            match self.modules.unwind_frame(address, &mut registers, &mut self.cache, &mut read) {
                Ok(Some(caller)) if on_chain && sample.chain.first() == Some(&caller) => {
                    return self.follow(sample.chain, out);
                }
                Ok(Some(caller)) if self.is_code(caller) => {
                    out.push(caller);
                    let Some(next) = FrameAddress::from_return_address(caller) else { return Ending::CutOff };
                    address = next;
                }
                Ok(None) => return Ending::Root,
                Ok(Some(_)) | Err(_) if on_chain => return self.follow(sample.chain, out),
                Ok(Some(_)) | Err(_) => return Ending::CutOff,
            }
        }
        Ending::CutOff
    }

    /// Goes on with the kernel's chain, up to an address that is no code.
    fn follow(&mut self, chain: &[u64], out: &mut Vec<u64>) -> Ending {
        for address in chain {
            if *address == 0 {
                break;
            }
            if out.len() == MAX_FRAMES || !self.is_code(*address) {
                return Ending::CutOff;
            }
            out.push(*address);
        }
        // `kernel.perf_event_max_stack` is 127 unless somebody changed it.
        if chain.len() >= 126 { Ending::CutOff } else { Ending::Root }
    }
}

/// The unwind tables of a mapped object file.
fn module(mapping: &Mapping) -> Option<Module<Vec<u8>>> {
    if !mapping.path.starts_with('/') {
        return None;
    }
    let cache = ReadCache::new(std::fs::File::open(&mapping.path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let bias = mapping.bias_in(&file)?;
    let range = |name: &str| {
        let section = file.section_by_name(name)?;
        Some(section.address()..section.address() + section.size())
    };
    let data = |name: &str| file.section_by_name(name)?.uncompressed_data().ok().map(Vec::from);
    let sections = ExplicitModuleSectionInfo {
        text_svma: range(".text"),
        got_svma: range(".got"),
        eh_frame_svma: range(".eh_frame"),
        eh_frame: data(".eh_frame"),
        eh_frame_hdr_svma: range(".eh_frame_hdr"),
        eh_frame_hdr: data(".eh_frame_hdr"),
        ..ExplicitModuleSectionInfo::default()
    };
    Some(Module::new(mapping.path.clone(), mapping.range.clone(), bias, sections))
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
