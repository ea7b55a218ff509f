//! Who called whom, from times alone: [`Nest`], for one thread.
//!
//! An event is called by the one that is open when it begins. The time between two changes belongs to the innermost
//! open event, so each nanosecond is counted once. Events that end after the one they began in are split there: up
//! to that end they are called by it, after it by what is then still open; so the inclusive time of both is their
//! own duration. Events must come by their beginning, the longest first. Used by [`super::ChromeTrace`]. Its work
//! must stay linear in the events, however they overlap: stacks that would cost more are cut, and that is told.

use crate::read::builder::{Builder, DEEPEST, ROOT};

/// Frames of stacks that may be looked up again because an event below them ended: at once, and for each event.
const CREDIT: u64 = 1 << 16;
const CREDIT_OF_AN_EVENT: u64 = 32;

struct Open {
    end: i64,
    frame: u32,
    /// Meaningless from [`Nest::valid`] on.
    node: u32,
}

pub(crate) struct Nest<'a> {
    builder: &'a mut Builder,
    thread: usize,
    /// Frame of each name.
    frames: &'a [u32],
    /// Measured iterations, one after the other.
    steps: &'a [(i64, i64)],
    /// The first that is not yet over.
    step: usize,
    open: Vec<Open>,
    /// So many of `open`, from the outermost on, have the node of their stack.
    valid: usize,
    now: i64,
    overlaps: u64,
    /// Ends may not be in the order of `open`.
    disordered: bool,
    /// What is left for stacks that are looked up again.
    credit: u64,
}

impl<'a> Nest<'a> {
    pub(crate) fn new(
        builder: &'a mut Builder,
        thread: usize,
        frames: &'a [u32],
        steps: &'a [(i64, i64)],
    ) -> Self {
        Self {
            builder,
            thread,
            frames,
            steps,
            step: 0,
            open: Vec::new(),
            valid: 0,
            now: i64::MIN,
            overlaps: 0,
            disordered: false,
            credit: CREDIT,
        }
    }

    #[inline]
    pub(crate) fn event(&mut self, start: i64, end: i64, name: u32) {
        self.credit += CREDIT_OF_AN_EVENT;
        self.close_until(start);
        self.count_until(start);
        let frame = self.frames[name as usize];
        self.builder.count_call(frame);
        if end == start {
            return;
        }
        let overlapping = self.open.last().is_some_and(|open| end > open.end);
        if self.open.len() >= DEEPEST as usize {
            self.builder.too_deep += 1;
            if !overlapping {
                return; // its time belongs to the innermost that is open, which ends no earlier
            }
            // This one outlives the innermost: the one that ends first makes room, so that no time is lost.
            self.close_first(i64::MAX);
        }
        self.overlaps += u64::from(overlapping);
        self.disordered |= overlapping;
        let mut node = ROOT;
        if self.valid == self.open.len() {
            let parent = self.open.last().map_or(ROOT, |open| open.node);
            node = self.builder.child(parent, frame);
            self.valid += 1;
        }
        self.open.push(Open { end, frame, node });
    }

    /// Closes what is open; gives how many events ended after the one they began in.
    pub(crate) fn finish(mut self) -> u64 {
        self.close_until(i64::MAX);
        self.overlaps
    }

    #[inline]
    fn close_until(&mut self, time: i64) {
        while let Some(last) = self.open.last() {
            if self.disordered {
                let Some(end) = self.first_end().filter(|end| *end <= time) else { return };
                self.count_until(end);
                self.close_first(end);
                continue;
            }
            let end = last.end;
            if end > time {
                return;
            }
            self.count_until(end);
            self.open.pop();
            self.valid = self.valid.min(self.open.len());
        }
    }

    /// When the first of the open ones ends.
    fn first_end(&self) -> Option<i64> {
        self.open.iter().map(|open| open.end).min()
    }

    /// Takes away the one that ends first, wherever it stands, if it ends by `time`; of several, the innermost.
    fn close_first(&mut self, time: i64) {
        let ends = self.open.iter().enumerate().map(|(place, open)| (open.end, std::cmp::Reverse(place)));
        let Some((_, std::cmp::Reverse(place))) = ends.min().filter(|(end, _)| *end <= time) else { return };
        self.open.remove(place);
        // The stacks above it are others now. Whoever counts time for them looks them up.
        self.valid = self.valid.min(place);
        self.disordered = !self.open.is_sorted_by(|outer, inner| outer.end >= inner.end);
    }

    /// The stack of the innermost. Where nothing is left to pay for a new one, the frames between those that are
    /// known and the innermost are left out.
    #[inline]
    fn innermost(&mut self) -> Option<u32> {
        let last = self.open.last()?;
        if self.valid == self.open.len() {
            return Some(last.node);
        }
        let mut node = self.valid.checked_sub(1).map_or(ROOT, |below| self.open[below].node);
        let cost = (self.open.len() - self.valid) as u64;
        if cost > self.credit {
            self.builder.shortened += 1;
            return Some(self.builder.child(node, last.frame));
        }
        self.credit -= cost;
        for open in &mut self.open[self.valid..] {
            node = self.builder.child(node, open.frame);
            open.node = node;
        }
        self.valid = self.open.len();
        Some(node)
    }

    /// The time up to `time` belongs to the innermost.
    #[inline]
    fn count_until(&mut self, time: i64) {
        let from = std::mem::replace(&mut self.now, time);
        if from == time {
            return;
        }
        let Some(node) = self.innermost() else { return };
        let weight = time.wrapping_sub(from) as u64;
        if self.builder.add(self.thread, node, weight) < weight {
            return; // the sum of all is full: a broken file
        }
        while let Some((begin, end)) = self.steps.get(self.step) {
            if *end <= from {
                self.step += 1;
                continue;
            }
            let part = (*end).min(time).saturating_sub((*begin).max(from));
            if part > 0 {
                self.builder.add_to_slice(self.step, node, part as u64);
            }
            if *end > time {
                return;
            }
            self.step += 1;
        }
    }
}
