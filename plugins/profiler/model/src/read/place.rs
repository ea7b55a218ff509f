//! Frames as text: [`frame`], which finds function, file and line in what a profiler printed.
//!
//! `run (simulator.py:12)` is py-spy's form; `run_[k]` marks a frame of the operating system. Used by the readers of
//! text and of speedscope files; what it does not know stays a name.

use crate::origin::{self, Kind};
use crate::python;
use crate::read::builder::{Builder, Origin};

/// What is known of a frame.
#[derive(Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    pub(crate) name: &'a str,
    /// Of the object: a path or a name.
    pub(crate) module: &'a str,
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    pub(crate) first_line: Option<u32>,
}

/// The name of a frame in collapsed stacks.
pub(crate) fn frame(text: &str) -> Known<'_> {
    let plain = Known { name: text, ..Known::default() };
    let Some((name, place)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")) else {
        return plain;
    };
    match place.rsplit_once(':') {
        Some((file, line)) if line.parse::<u32>().is_ok() => {
            Known { name, file: Some(file), line: line_number(line), ..plain }
        }
        // A demangled C++ name has parentheses, too.
        _ if python::is_python(place) => Known { name, file: Some(place), ..plain },
        _ => plain,
    }
}

/// Lines count from 1; some writers put 0 where there is none.
pub(crate) fn line_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|line| *line > 0)
}

/// The frame's number in the profile.
pub(crate) fn intern(builder: &mut Builder, known: &Known<'_>) -> u32 {
    let module = known.module.rsplit('/').next().unwrap_or_default();
    let origin = Origin {
        name: builder.text(known.name),
        module: builder.text(module),
        file: known.file.map(|file| builder.text(file)),
        first_line: known.first_line,
    };
    let file = origin.file.clone();
    let function = builder.function(origin, |origin| kind(&origin.name, origin.file.as_deref(), module));
    builder.frame(function, file, known.line)
}

fn kind(name: &str, file: Option<&str>, module: &str) -> Kind {
    if name.ends_with("_[k]") || module.contains("kernel.kallsyms") || name.starts_with("<built-in ") {
        return Kind::Runtime;
    }
    match file {
        Some(file) if python::is_python(file) => python::python_kind(file),
        // The interpreter, which runs what the Python frames name.
        None if module.starts_with("libpython") || module.starts_with("python3") => Kind::Runtime,
        // Go's own library, and its module cache.
        Some(file) if file.contains("/pkg/mod/") || file.contains("/go/src/runtime/") => Kind::Runtime,
        None if name.starts_with("runtime.") => Kind::Runtime,
        file => origin::kind(name, file, module),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_frame_is_taken_apart_only_where_it_is_certain() {
        let of = |text| {
            let known = frame(text);
            (known.name, known.file, known.line)
        };
        assert_eq!(of("run (a/b.py:12)"), ("run", Some("a/b.py"), Some(12)));
        assert_eq!(of("run (a/b.py)"), ("run", Some("a/b.py"), None));
        assert_eq!(of("f(int, char) (lib.cpp:7)"), ("f(int, char)", Some("lib.cpp"), Some(7)));
        assert_eq!(of("operator() (const)"), ("operator() (const)", None, None));
        assert_eq!(of("f (a.py:0)"), ("f", Some("a.py"), None));
    }
}
