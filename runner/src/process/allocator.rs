//! What allocators print when they get no memory, and finding it in a program's output: [`reconsider`].
//!
//! A program may meet the end of memory and still exit with 0 or 1; only its output tells. The table
//! ([`ALLOCATORS`]) has one row for each allocator: where its message comes from, and its *firm* and *loose* form.
//! After exit status 0 only firm ones count: whole lines as the allocator writes them, so that a list of tests
//! or a source listing makes no oom of a good run. (An old log that is printed line by line does.) Called by
//! the launcher; must never judge a program that the runner itself ended.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memmem, memrchr};
use regex::bytes::Regex;

use super::Ended;
use crate::outcome::Outcome;

/// How much of a log is looked at at a time, in bytes.
const CHUNK: usize = 1 << 20;
/// Longer lines are data; no allocator writes them.
const MAX_LINE: usize = 4096;
/// How much of the line a claim quotes, in characters.
const QUOTED: usize = 200;

/// An allocator.
struct Allocator {
    name: &'static str,
    /// Where the message is made.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader of the table"))]
    source: &'static str,
    /// Bytes that stand in every form; what is searched for.
    needle: &'static str,
    /// The whole line as the allocator writes it; empty when no form is firm enough.
    firm: &'static str,
    /// Whether a firm line must stand below an indented one, as the last line of a traceback does.
    below_frames: bool,
    /// The same in other words; counts only for a program that did not end well.
    loose: &'static str,
}

/// The allocators; of two that know the same line the first is named. Expressions are matched against one line without its end.
static ALLOCATORS: [Allocator; 17] = [
    Allocator {
        name: "NumPy",
        source: "numpy/_core/_exceptions.py, _ArrayMemoryError.__str__",
        needle: "Unable to allocate ",
        firm: r"^([A-Za-z_][\w. ]*: )?Unable to allocate \d[\d.]* ([KMGTPE]i)?(B|bytes) for an array with shape \([\d, ]*\) and data type \S+$",
        below_frames: false,
        loose: r"Unable to allocate \d[\d.]* ([KMGTPE]i)?(B|bytes) for an array with shape \(",
    },
    Allocator {
        name: "Python",
        source: "CPython, Lib/traceback.py and Python/pythonrun.c: the exception's name, and its text if any",
        needle: "MemoryError",
        firm: r"^MemoryError(: .*)?$",
        below_frames: true,
        loose: r#"^(E +|(FAILED|ERROR) \S+ - |[^"'`(){}]*: )?([A-Za-z_]\w*\.)*_?(Array)?MemoryError(: \S.*)?$"#,
    },
    Allocator {
        name: "C++",
        source: "libstdc++ vterminate.cc, libc++abi cxa_default_handlers.cpp; std::bad_alloc::what()",
        needle: "bad_alloc",
        firm: r"^(terminate called after throwing an instance of '(St9|std::)bad_alloc'|  what\(\):  std::bad_alloc|libc\+\+abi(\.dylib)?: terminating (due to|with) uncaught exception of type (std::)?bad_alloc(: std::bad_alloc)?|[A-Za-z][\w.-]*: std::bad_alloc)$",
        below_frames: false,
        loose: r#"^([^"'`(){}]*: )?std::bad_alloc\.?$|std::exception: std::bad_alloc"#,
    },
    Allocator {
        name: "PyTorch (CPU)",
        source: "pytorch c10/core/impl/alloc_cpu.cpp",
        needle: "DefaultCPUAllocator: ",
        firm: r"^([A-Za-z_][\w.]*: )?(\[enforce fail at [^\]]*\] .{0,160}\. )?DefaultCPUAllocator: (can't allocate memory|not enough memory): you tried to allocate \d+ bytes\.",
        below_frames: false,
        loose: r"DefaultCPUAllocator: (can't allocate memory|not enough memory): you tried to allocate \d+ bytes",
    },
    Allocator {
        name: "PyTorch (GPU)",
        source: "pytorch c10/cuda/CUDACachingAllocator.cpp",
        needle: " out of memory",
        firm: r"^([A-Za-z_][\w.]*: )?(CUDA|HIP|XPU) out of memory\. Tried to allocate \d[\d.]* ([KMGT]i)?B",
        below_frames: false,
        loose: r#"^(E +|[^"'`(){}]*: )?(CUDA|HIP|XPU|MPS backend) out of memory\b"#,
    },
    Allocator {
        name: "PyTorch (exception)",
        source: "pytorch torch/cuda: torch.OutOfMemoryError, raised by every device allocator",
        needle: "OutOfMemoryError",
        firm: r"^torch\.(cuda\.)?OutOfMemoryError: \S.*$",
        below_frames: true,
        loose: r"^(E +|(FAILED|ERROR) \S+ - )?(torch\.)?(cuda\.)?OutOfMemoryError(: \S.*)?$",
    },
    Allocator {
        name: "CUDA",
        source: "CUDA runtime, cudaGetErrorString(cudaErrorMemoryAllocation); pytorch c10/cuda/CUDAException.cpp",
        needle: "CUDA",
        firm: r"^([A-Za-z_][\w.]*: )?CUDA error: out of memory$",
        below_frames: false,
        loose: r"(CUDA error: out of memory|CUDA_ERROR_OUT_OF_MEMORY: out of memory)",
    },
    Allocator {
        name: "XLA",
        source: "xla/tsl/framework/bfc_allocator.cc, xla/pjrt",
        needle: "RESOURCE_EXHAUSTED: Out of memory",
        firm: r"^([A-Za-z_][\w.]*: )?RESOURCE_EXHAUSTED: Out of memory (while trying to allocate|allocating) \d+ bytes",
        below_frames: false,
        loose: r"RESOURCE_EXHAUSTED: Out of memory (while trying to allocate|allocating) \d+ bytes",
    },
    Allocator {
        name: "Rust",
        source: "rust library/std/src/alloc.rs, the default hook of handle_alloc_error",
        needle: "memory allocation of ",
        firm: r"^memory allocation of \d+ bytes failed$",
        below_frames: false,
        // Tests print their name without an end of line before it.
        loose: r"memory allocation of \d+ bytes failed$",
    },
    Allocator {
        name: "Go",
        source: "go src/runtime/malloc.go, mem_linux.go, panic.go (fatal error: ...)",
        needle: "out of memory",
        firm: r"^(fatal error: (runtime: )?out of memory|runtime: out of memory: cannot allocate \d+-byte block \(\d+ in use\))$",
        below_frames: false,
        loose: r"^([^\x22'`(){}]*: )?runtime: out of memory\b",
    },
    Allocator {
        name: "Java",
        source: "openjdk src/hotspot/share/memory/universe.cpp, utilities/debug.cpp",
        needle: "OutOfMemoryError",
        firm: r#"^(Exception in thread "[^"]*" |Caused by: |Terminating due to )?java\.lang\.OutOfMemoryError: (Java heap space|GC overhead limit exceeded|Metaspace|Compressed class space|Direct buffer memory|Requested array size exceeds VM limit|Cannot reserve \d+ bytes|unable to create (new )?native thread|Out of swap space)"#,
        below_frames: false,
        loose: r"^([^`'(){}]*[: ])?java\.lang\.OutOfMemoryError(: \S.*)?$",
    },
    Allocator {
        name: "Java VM",
        source: "openjdk src/hotspot/share/utilities/vmError.cpp",
        needle: "insufficient memory for the Java Runtime",
        firm: r"^# There is insufficient memory for the Java Runtime Environment to continue\.$",
        below_frames: false,
        loose: r"There is insufficient memory for the Java Runtime Environment to continue",
    },
    Allocator {
        name: "V8",
        source: "v8 src/api/api.cc V8::FatalProcessOutOfMemory, node src/node_errors.cc",
        needle: "JavaScript heap out of memory",
        firm: r"^FATAL ERROR: [A-Za-z_ -]* - JavaScript heap out of memory$",
        below_frames: false,
        loose: r#"^[^"'`(){}]*Allocation failed - JavaScript heap out of memory$"#,
    },
    Allocator {
        name: "R",
        source: "r-source src/main/memory.c, allocVector3",
        needle: "cannot allocate vector of ",
        firm: r"^Error: cannot allocate vector of size \d[\d.]* [KMGT]b$",
        below_frames: false,
        loose: r"cannot allocate vector of (size \d[\d.]* [KMGT]b|length \d+)",
    },
    Allocator {
        name: "libiberty and LLVM",
        source: "gcc libiberty/xmalloc.c; llvm lib/Support/ErrorHandling.cpp, report_bad_alloc_error",
        needle: "out of memory",
        firm: r"^([\w./+-]+: out of memory allocating \d+ bytes( after a total of \d+ bytes)?|LLVM ERROR: out of memory)$",
        below_frames: false,
        loose: r"(out of memory allocating \d+ bytes|LLVM ERROR: out of memory)",
    },
    Allocator {
        name: "GNU",
        source: "gnulib lib/xalloc-die.c and its forerunner in older GNU programs",
        needle: "memory exhausted",
        firm: r"^[\w./+-]+: virtual memory exhausted(: Cannot allocate memory)?$",
        below_frames: false,
        loose: r#"^([^"'`(){}]*: )?(virtual )?memory exhausted(: Cannot allocate memory)?\.?$"#,
    },
    Allocator {
        name: "the C library",
        source: "glibc strerror(ENOMEM); after exit status 0 it may be a mapping that the program could do without",
        needle: "Cannot allocate memory",
        firm: "",
        below_frames: false,
        loose: r#"^[^"'`(){}]*(: |\] )Cannot allocate memory( \(os error 12\))?\.?$|^Cannot allocate memory$"#,
    },
];

/// The expressions of a row.
struct Forms {
    row: &'static Allocator,
    finder: memmem::Finder<'static>,
    firm: Option<Regex>,
    loose: Option<Regex>,
}

static FORMS: LazyLock<Vec<Forms>> = LazyLock::new(|| {
    let compile = |text: &str| Regex::new(&format!("(?-u){text}")).ok();
    ALLOCATORS
        .iter()
        .map(|row| Forms {
            row,
            finder: memmem::Finder::new(row.needle),
            firm: if row.firm.is_empty() { None } else { compile(row.firm) },
            loose: compile(row.loose),
        })
        .collect()
});

/// A line in which an allocator says that it got no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sighting {
    allocator: &'static str,
    /// Counted from 1.
    line: u64,
    text: String,
}

/// The allocator that an error in other words tells of, such as a plugin's own error.
pub fn told_of(error: &str) -> Option<&'static str> {
    first(error.as_bytes(), Before::default(), false).map(|(_, seen)| seen.allocator)
}

/// Looks into the logs of a program that ended by itself: one that says it got no memory ran out of it. `path`
/// tells where a log is; standard error, the last one, is read first.
pub fn reconsider(ended: &mut Ended, logs: &[String], path: impl Fn(&str) -> PathBuf) {
    let firm_only = match ended.outcome {
        Outcome::Timeout | Outcome::Oom | Outcome::Cancelled => return,
        outcome => outcome == Outcome::Ok,
    };
    for log in logs.iter().rev() {
        // A log that cannot be read again was written all the same; the claim stays what it is.
        let Ok(Some(seen)) = search_file(&path(log), firm_only) else { continue };
        let Sighting { allocator, line, text } = seen;
        ended.outcome = Outcome::Oom;
        ended.claim =
            format!("{}, but {allocator} got no memory: `{text}` ({log}, line {line})", ended.claim);
        return;
    }
}

fn search_file(path: &Path, firm_only: bool) -> io::Result<Option<Sighting>> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(None);
    }
    search(file, firm_only)
}

/// The first line that counts.
fn search(mut log: impl Read, firm_only: bool) -> io::Result<Option<Sighting>> {
    let mut buffer: Vec<u8> = Vec::new();
    let mut lines_before = 0;
    let mut before = Before::default();
    loop {
        let read = (&mut log).take(CHUNK as u64).read_to_end(&mut buffer)?;
        let whole = match memrchr(b'\n', &buffer) {
            Some(end) if read > 0 => end + 1,
            // No end of line in all of it: data.
            _ if read == 0 || buffer.len() > CHUNK => buffer.len(),
            _ => 0,
        };
        let region = &buffer[..whole];
        if let Some((at, found)) = first(region, before, firm_only) {
            let line = lines_before + memchr_iter(b'\n', &region[..at]).count() as u64 + 1;
            return Ok(Some(Sighting { line, ..found }));
        }
        if read == 0 {
            return Ok(None);
        }
        lines_before += memchr_iter(b'\n', region).count() as u64;
        if !region.is_empty() {
            let ended = region.strip_suffix(b"\n");
            let last = ended.unwrap_or_default();
            before = Before {
                indented: indented(&last[memrchr(b'\n', last).map_or(0, |at| at + 1)..]),
                open: ended.is_none(),
            };
        }
        buffer.drain(..whole);
    }
}

/// The line before a region.
#[derive(Clone, Copy, Default)]
struct Before {
    indented: bool,
    /// It has no end: the region begins in its middle.
    open: bool,
}

/// The first line of `region` that counts, and where it begins.
fn first(region: &[u8], before: Before, firm_only: bool) -> Option<(usize, Sighting)> {
    let mut found: Option<(usize, Sighting)> = None;
    for forms in FORMS.iter() {
        for at in forms.finder.find_iter(region) {
            if found.as_ref().is_some_and(|(earlier, _)| *earlier <= at) {
                break;
            }
            let window = at.saturating_sub(MAX_LINE);
            let Some(start) = memrchr(b'\n', &region[window..at])
                .map(|end| window + end + 1)
                .or((window == 0 && !before.open).then_some(0))
            else {
                continue;
            };
            let end = memchr(b'\n', &region[at..]).map_or(region.len(), |end| at + end);
            if end - start > MAX_LINE {
                continue;
            }
            let line = region[start..end].strip_suffix(b"\r").unwrap_or(&region[start..end]);
            let below_frame = || match region[..start].strip_suffix(b"\n") {
                Some(above) => indented(&above[memrchr(b'\n', above).map_or(0, |end| end + 1)..]),
                None => before.indented,
            };
            let is_firm = forms.firm.as_ref().is_some_and(|firm| firm.is_match(line))
                && (!forms.row.below_frames || below_frame());
            let is_loose = || !firm_only && forms.loose.as_ref().is_some_and(|loose| loose.is_match(line));
            if is_firm || is_loose() {
                let text = String::from_utf8_lossy(line).trim().chars().take(QUOTED).collect();
                found = Some((start, Sighting { allocator: forms.row.name, line: 0, text }));
                break;
            }
        }
    }
    found
}

/// A frame of a traceback, or the source line or marks below one.
fn indented(line: &[u8]) -> bool {
    line.starts_with(b"  ")
}

#[cfg(test)]
#[path = "allocator_tests.rs"]
mod tests;
