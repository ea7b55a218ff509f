//! Who called whom, from times alone: [`Nest`], for one thread.
//!
//! An event is called by the one that is open when it begins. The time between two changes belongs to the innermost
//! open event, so each nanosecond is counted once. Events that end after the one they began in are split there: up
//! to that end they are called by it, after it by what is then still open; so the inclusive time of both is their
//! own duration. Events must come by their beginning, the longest first. Used by [`super::ChromeTrace`].

use crate::read::builder::{Builder, ROOT};

struct Open {
    end: i64,
    frame: u32,
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
    now: i64,
    overlaps: u64,
    /// Ends may not be in the order of `open`.
    disordered: bool,
}

impl<'a> Nest<'a> {
    pub(crate) fn new(
        builder: &'a mut Builder,
        thread: usize,
        frames: &'a [u32],
        steps: &'a [(i64, i64)],
    ) -> Self {
        let open = Vec::new();
        Self { builder, thread, frames, steps, step: 0, open, now: i64::MIN, overlaps: 0, disordered: false }
    }

    #[inline]
    pub(crate) fn event(&mut self, start: i64, end: i64, name: u32) {
        self.close_until(start);
        self.count_until(start);
        let frame = self.frames[name as usize];
        self.builder.count_call(frame);
        if end == start {
            return;
        }
        let (parent, overlapping) =
            self.open.last().map_or((ROOT, false), |open| (open.node, end > open.end));
        self.overlaps += u64::from(overlapping);
        self.disordered |= overlapping;
        let node = self.builder.child(parent, frame);
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
                if !self.close_first(time) {
                    return;
                }
                continue;
            }
            let end = last.end;
            if end > time {
                return;
            }
            self.count_until(end);
            self.open.pop();
        }
    }

    /// Closes the one that ends first, wherever it stands; false where all end later than `time`.
    fn close_first(&mut self, time: i64) -> bool {
        // Of several, the innermost.
        let ends = self.open.iter().enumerate().map(|(place, open)| (open.end, std::cmp::Reverse(place)));
        let Some((end, std::cmp::Reverse(place))) = ends.min() else { return false };
        if end > time {
            return false;
        }
        self.count_until(end);
        self.open.remove(place);
        for index in place..self.open.len() {
            let parent = index.checked_sub(1).map_or(ROOT, |below| self.open[below].node);
            self.open[index].node = self.builder.child(parent, self.open[index].frame);
        }
        self.disordered = !self.open.is_sorted_by(|outer, inner| outer.end >= inner.end);
        true
    }

    /// The time up to `time` belongs to the innermost.
    #[inline]
    fn count_until(&mut self, time: i64) {
        let from = std::mem::replace(&mut self.now, time);
        let Some(node) = self.open.last().map(|open| open.node) else { return };
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
