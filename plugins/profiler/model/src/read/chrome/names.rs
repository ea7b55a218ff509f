//! Names of events, each stored once, and the functions they stand for: [`Names`].
//!
//! `simulator.py(701): run` is the function `run` of that file and line; addresses and step numbers, which would make
//! a function of each call, are taken out. Used by [`super::ChromeTrace`]; never looks at times.

use std::collections::HashMap;
use std::rc::Rc;

use crate::python;
use crate::read::builder::{Builder, Origin};

const STEP: &[u8] = b"ProfilerStep#";
/// What the PyTorch profiler calls work of a device.
const DEVICE: [&[u8]; 4] = [b"kernel", b"gpu_memcpy", b"gpu_memset", b"gpu_user_annotation"];
const PYTHON: &str = "python_function";

pub(crate) fn is_device(category: &[u8]) -> bool {
    DEVICE.contains(&category)
}

/// A measured iteration of the PyTorch profiler.
pub(crate) fn is_step(name: &[u8]) -> bool {
    name.starts_with(STEP)
}

type Ids = HashMap<Box<[u8]>, u32>;

/// Names by category.
#[derive(Default)]
pub(crate) struct Names {
    categories: Vec<(Box<[u8]>, Ids)>,
    /// Category and name of each.
    known: Vec<(u32, Box<str>)>,
    latest: usize,
}

impl Names {
    /// The number of a name, which is made general in place.
    #[inline]
    pub(crate) fn id(&mut self, name: &mut Vec<u8>, category: &[u8]) -> u32 {
        general(name);
        if self.categories.get(self.latest).is_none_or(|(known, _)| **known != *category) {
            let known = self.categories.iter().position(|(known, _)| **known == *category);
            self.latest = known.unwrap_or_else(|| {
                self.categories.push((category.into(), HashMap::new()));
                self.categories.len() - 1
            });
        }
        let ids = &mut self.categories[self.latest].1;
        if let Some(known) = ids.get(name.as_slice()) {
            return *known;
        }
        let id = self.known.len() as u32;
        ids.insert(name.as_slice().into(), id);
        self.known.push((self.latest as u32, String::from_utf8_lossy(name).into()));
        id
    }

    /// Categories that only the PyTorch profiler writes.
    pub(crate) fn are_torch(&self) -> bool {
        self.categories.iter().any(|(category, _)| matches!(&**category, b"cpu_op" | b"python_function"))
    }

    /// A frame for each name.
    pub(crate) fn frames(&self, builder: &mut Builder) -> Vec<u32> {
        let categories: Vec<Rc<str>> = self
            .categories
            .iter()
            .map(|(category, _)| builder.text(&String::from_utf8_lossy(category)))
            .collect();
        let frame = |(category, name): &(u32, Box<str>)| {
            let module = categories[*category as usize].clone();
            let place = definition(name, &module);
            let (name, file) = place.as_ref().map_or((&**name, None), |place| (place.0, Some(place.1)));
            let origin = Origin {
                name: builder.text(name),
                module,
                file: file.map(|file| builder.text(file)),
                first_line: place.as_ref().map(|place| place.2),
            };
            let file = origin.file.clone();
            let function = builder.function(origin, |origin| {
                python::event_kind(&origin.module, &origin.name, origin.file.as_deref())
            });
            builder.frame(function, file, None)
        };
        self.known.iter().map(frame).collect()
    }
}

/// Takes out what differs from call to call: step numbers, and the address in `<built-in ... at 0x7f12>`.
fn general(name: &mut Vec<u8>) {
    if name.starts_with(STEP) {
        name.truncate(STEP.len());
        name.push(b'*');
    } else if name.first() == Some(&b'<')
        && let Some(at) = memchr::memmem::find(name, b" at 0x")
    {
        let digits = name[at + 6..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        name.drain(at..at + 6 + digits);
    }
}

/// Function, file and line of its definition, as the PyTorch profiler writes them (`file.py(12): name`), or
/// `VizTracer` (`name (file.py:12)`).
fn definition<'a>(name: &'a str, category: &str) -> Option<(&'a str, &'a str, u32)> {
    if category == PYTHON {
        let (place, function) = name.split_once("): ")?;
        let (file, line) = place.rsplit_once('(')?;
        return Some((function, file, line.parse().ok()?));
    }
    let (function, place) = name.strip_suffix(')')?.rsplit_once(" (")?;
    let (file, line) = place.rsplit_once(':')?;
    Some((function, file, line.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_python_functions_are_taken_apart() {
        let of = |name| definition(name, PYTHON);
        assert_eq!(of("a/simulator.py(701): run"), Some(("run", "a/simulator.py", 701)));
        assert_eq!(of("<frozen importlib>(12): <lambda>"), Some(("<lambda>", "<frozen importlib>", 12)));
        assert_eq!(of("/tmp/a (1)/b.py(3): f"), Some(("f", "/tmp/a (1)/b.py", 3)));
        assert_eq!(of("nn.Module: Linear_0"), None);
        assert_eq!(definition("run (/p/a.py:7)", "FEE"), Some(("run", "/p/a.py", 7)));
        assert_eq!(definition("void at::native::f(int)", "kernel"), None);
    }

    #[test]
    fn what_differs_from_call_to_call_is_no_part_of_a_name() {
        let of = |name: &str| {
            let mut name = name.as_bytes().to_vec();
            general(&mut name);
            String::from_utf8(name).unwrap()
        };
        assert_eq!(
            of("<built-in method sum of Tensor object at 0x79f1d10184b0>"),
            "<built-in method sum of Tensor object>"
        );
        assert_eq!(of("ProfilerStep#12"), "ProfilerStep#*");
        assert_eq!(of("aten::mul"), "aten::mul");
    }
}
