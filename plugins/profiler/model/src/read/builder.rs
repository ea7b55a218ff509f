//! A profile in the making: [`Builder`], a tree of calls with weights.
//!
//! Every reader fills one: functions and frames are stored once, a stack is a node of the tree, and at the end the
//! nodes with weight become the stacks of a [`Profile`]. Never lets the total overflow, nor a stack grow without
//! end: files come from anywhere.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::origin::Kind;
use crate::profile::{Frame, Function, Profile, Stack, Thread, Unit};

/// Node of the empty stack.
pub(crate) const ROOT: u32 = 0;
/// Frames of one stack that are kept, outermost first; what is called further in counts for the last of them.
pub(crate) const DEEPEST: u32 = 2048;
/// Nodes of the tree that are kept, about 200 MB; what would need more counts for the frame above.
const MAX_NODES: usize = 4 << 20;
/// Changes of stack kept in all, for the order of time; a viewer shows no more.
const MAX_RUNS: usize = 1 << 20;

/// What tells one function from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) name: Rc<str>,
    pub(crate) module: Rc<str>,
    pub(crate) file: Option<Rc<str>>,
    pub(crate) first_line: Option<u32>,
}

#[derive(Clone, Copy)]
struct Node {
    parent: u32,
    frame: u32,
    depth: u32,
    weight: u64,
}

pub(crate) struct Builder {
    functions: Vec<Function>,
    function_ids: HashMap<Origin, u32>,
    frames: Vec<Frame>,
    frame_ids: HashMap<Frame, u32>,
    texts: std::collections::HashSet<Rc<str>>,
    nodes: Vec<Node>,
    children: HashMap<(u32, u32), u32>,
    threads: Vec<Thread>,
    slices: Vec<BTreeMap<u32, u64>>,
    total: u64,
    runs: usize,
    runs_left_out: bool,
    /// Calls that lay too deep for a frame of their own.
    pub(crate) too_deep: u64,
    /// Calls for which the tree had no room.
    no_room: u64,
    most_nodes: usize,
    /// Pieces of time whose stack lacks frames, because events overlap too much.
    pub(crate) shortened: u64,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            functions: Vec::new(),
            function_ids: HashMap::new(),
            frames: Vec::new(),
            frame_ids: HashMap::new(),
            texts: std::collections::HashSet::new(),
            nodes: vec![Node { parent: ROOT, frame: 0, depth: 0, weight: 0 }],
            children: HashMap::new(),
            threads: Vec::new(),
            slices: Vec::new(),
            total: 0,
            runs: 0,
            runs_left_out: false,
            too_deep: 0,
            no_room: 0,
            most_nodes: MAX_NODES,
            shortened: 0,
        }
    }

    /// The same text once.
    pub(crate) fn text(&mut self, text: &str) -> Rc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Rc<str> = text.into();
        self.texts.insert(new.clone());
        new
    }

    /// A function, whose kind is asked for when it is new.
    pub(crate) fn function(&mut self, origin: Origin, kind: impl FnOnce(&Origin) -> Kind) -> u32 {
        if let Some(known) = self.function_ids.get(&origin) {
            return *known;
        }
        self.functions.push(Function {
            name: origin.name.to_string(),
            module: origin.module.to_string(),
            kind: kind(&origin),
            first_line: origin.first_line,
            calls: None,
        });
        let id = self.functions.len() as u32 - 1;
        self.function_ids.insert(origin, id);
        id
    }

    pub(crate) fn frame(&mut self, function: u32, file: Option<Rc<str>>, line: Option<u32>) -> u32 {
        let frame = Frame { function, file, line };
        if let Some(known) = self.frame_ids.get(&frame) {
            return *known;
        }
        self.frames.push(frame.clone());
        let id = self.frames.len() as u32 - 1;
        self.frame_ids.insert(frame, id);
        id
    }

    pub(crate) fn count_call(&mut self, frame: u32) {
        let function = self.frames[frame as usize].function as usize;
        *self.functions[function].calls.get_or_insert(0) += 1;
    }

    /// The stack of `parent` with `frame` called from it.
    #[inline]
    pub(crate) fn child(&mut self, parent: u32, frame: u32) -> u32 {
        if let Some(known) = self.children.get(&(parent, frame)) {
            return *known;
        }
        let depth = self.nodes[parent as usize].depth + 1;
        if depth > DEEPEST {
            self.too_deep += 1;
            return parent;
        }
        // An outermost frame always has room: the empty stack counts nothing, and time would be lost.
        if self.nodes.len() >= self.most_nodes && parent != ROOT {
            self.no_room += 1;
            return parent;
        }
        self.nodes.push(Node { parent, frame, depth, weight: 0 });
        let id = self.nodes.len() as u32 - 1;
        self.children.insert((parent, frame), id);
        id
    }

    /// The stack of these frames, outermost first.
    pub(crate) fn stack(&mut self, frames: impl IntoIterator<Item = u32>) -> u32 {
        frames.into_iter().fold(ROOT, |node, frame| self.child(node, frame))
    }

    /// A new thread, by index.
    pub(crate) fn thread(&mut self, tid: i64, name: impl Into<String>) -> usize {
        self.threads.push(Thread { tid, name: name.into(), weight: 0, runs: Vec::new() });
        self.threads.len() - 1
    }

    /// Counts `weight` for a stack in a thread, after what was counted in it before; gives what was counted,
    /// which is less only where the sum of all would pass 64 bits. The empty stack counts nothing.
    #[inline]
    pub(crate) fn add(&mut self, thread: usize, node: u32, weight: u64) -> u64 {
        let weight = weight.min(u64::MAX - self.total);
        if weight == 0 || node == ROOT {
            return 0;
        }
        self.total += weight;
        self.nodes[node as usize].weight += weight;
        let thread = &mut self.threads[thread];
        thread.weight += weight;
        let mut rest = weight;
        if let Some((last, count)) = thread.runs.last_mut()
            && *last == node
        {
            let more = rest.min(u64::from(u32::MAX - *count));
            *count += more as u32;
            rest -= more;
        }
        while rest > 0 && self.runs < MAX_RUNS {
            let part = rest.min(u64::from(u32::MAX));
            thread.runs.push((node, part as u32));
            self.runs += 1;
            rest -= part;
        }
        self.runs_left_out |= rest > 0;
        weight
    }

    /// Counts `weight` for a stack in the measured iteration `slice`.
    pub(crate) fn add_to_slice(&mut self, slice: usize, node: u32, weight: u64) {
        if self.slices.len() <= slice {
            self.slices.resize_with(slice + 1, BTreeMap::new);
        }
        let sum = self.slices[slice].entry(node).or_default();
        *sum = sum.saturating_add(weight);
    }

    /// What the reader of the result should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.too_deep > 0 {
            warnings.push(format!(
                "{} calls lie deeper than {DEEPEST} frames; they count for the frame above",
                self.too_deep
            ));
        }
        if self.no_room > 0 {
            warnings.push(format!(
                "{} calls are of more stacks than the {} that are kept; they count for the frame above",
                self.no_room, self.most_nodes
            ));
        }
        if self.shortened > 0 {
            warnings.push(format!(
                "too many events overlap: the stacks of {} pieces of time lack frames between the outermost and the \
                 innermost, whose inclusive time is too small; self times are whole",
                self.shortened
            ));
        }
        if self.runs_left_out {
            warnings
                .push(format!("the order in time is kept for the first {MAX_RUNS} changes of stack only"));
        }
        warnings
    }

    /// The profile: `head` has what the file says of the whole.
    pub(crate) fn finish(self, head: Profile) -> Profile {
        let mut renamed = vec![u32::MAX; self.nodes.len()];
        let mut stacks = Vec::new();
        for (id, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.weight > 0) {
            let mut frames = Vec::with_capacity(node.depth as usize);
            let mut at = id as u32;
            while at != ROOT {
                frames.push(self.nodes[at as usize].frame);
                at = self.nodes[at as usize].parent;
            }
            renamed[id] = stacks.len() as u32;
            stacks.push(Stack { frames, weight: node.weight });
        }
        let mut threads: Vec<Thread> = self.threads.into_iter().filter(|thread| thread.weight > 0).collect();
        for run in threads.iter_mut().flat_map(|thread| &mut thread.runs) {
            run.0 = renamed[run.0 as usize];
        }
        threads.sort_by(|a, b| (a.tid, &a.name).cmp(&(b.tid, &b.name)));
        let slices = self
            .slices
            .into_iter()
            .map(|slice| slice.into_iter().map(|(node, weight)| (renamed[node as usize], weight)).collect());
        Profile {
            total: self.total,
            functions: self.functions,
            frames: self.frames,
            stacks,
            threads,
            slices: slices.collect(),
            ..head
        }
    }
}

/// What a file says of the whole; the rest is for [`Builder::finish`].
pub(crate) fn head(source: &str, source_reason: &str, unit: Unit) -> Profile {
    Profile {
        source: source.to_owned(),
        source_reason: source_reason.to_owned(),
        unit,
        hz: None,
        seconds: None,
        iterations: None,
        total: 0,
        lost: None,
        cut_off: None,
        single: None,
        functions: Vec::new(),
        frames: Vec::new(),
        stacks: Vec::new(),
        threads: Vec::new(),
        slices: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_tree_counts_for_the_frame_above_and_says_so() {
        let mut builder = Builder { most_nodes: 3, ..Builder::new() };
        let function = |builder: &mut Builder, name: &str| {
            let origin = Origin { name: name.into(), module: "".into(), file: None, first_line: None };
            let id = builder.function(origin, |_| Kind::Kernel);
            builder.frame(id, None, None)
        };
        let [a, b, c] = ["a", "b", "c"].map(|name| function(&mut builder, name));
        let ab = builder.stack([a, b]);
        assert_eq!(builder.stack([a, b, c]), ab, "no room for a third frame");
        let thread = builder.thread(1, "main");
        let alone = builder.stack([c]);
        assert_eq!(builder.add(thread, alone, 5), 5, "an outermost frame has room, and its time is counted");
        assert_eq!(
            builder.warnings(),
            ["1 calls are of more stacks than the 3 that are kept; they count for the frame above"]
        );
        let profile = builder.finish(head("test", "", Unit::Samples));
        assert_eq!((profile.total, profile.stacks.len()), (5, 1));
    }
}
