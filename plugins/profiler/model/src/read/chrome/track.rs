//! The events of each thread, 16 bytes an event: [`Tracks`].
//!
//! Events lie in chunks in the order of the file. A chunk is sorted on its own, and chunks are merged as they are
//! read out, so that nothing is ever copied as a whole: that keeps the memory at the size of the events. Filled by
//! [`super::ChromeTrace`]; knows nothing of names but their numbers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// Events in one chunk: 1 MiB.
const CHUNK: usize = 1 << 16;
/// A duration that does not fit: `name` is then an index into [`Tracks::long`].
const LONG: u32 = u32::MAX;
/// Stands for an event that turned out wrong.
const DROPPED: u32 = u32::MAX;

/// A process or thread as the file names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    #[default]
    None,
    Number(i64),
    Text(u32),
}

/// What makes a thread of its own. A device's stream 0 is not thread 0 of a process without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TrackKey {
    pub(crate) pid: Id,
    pub(crate) tid: Id,
    pub(crate) device: bool,
}

/// An event; times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) start: i64,
    pub(crate) duration: i64,
    pub(crate) name: u32,
}

#[derive(Clone, Copy)]
struct Stored {
    start: i64,
    duration: u32,
    name: u32,
}

struct Track {
    key: TrackKey,
    chunks: Vec<Vec<Stored>>,
    /// Begun and not ended: chunk and place in it.
    open: Vec<(usize, usize)>,
    last: i64,
}

/// An end without a beginning.
pub(crate) struct NothingOpen;

#[derive(Default)]
pub(crate) struct Tracks {
    all: Vec<Track>,
    ids: HashMap<TrackKey, u32>,
    latest: Option<(TrackKey, u32)>,
    /// Name and duration of events of more than four seconds.
    long: Vec<(u32, i64)>,
    texts: Vec<String>,
    text_ids: HashMap<Vec<u8>, u32>,
}

impl Tracks {
    pub(crate) fn text_id(&mut self, text: &[u8]) -> Id {
        if let Some(known) = self.text_ids.get(text) {
            return Id::Text(*known);
        }
        let id = self.texts.len() as u32;
        self.texts.push(String::from_utf8_lossy(text).into_owned());
        self.text_ids.insert(text.to_vec(), id);
        Id::Text(id)
    }

    pub(crate) fn shown(&self, id: Id) -> String {
        match id {
            Id::None => "without id".to_owned(),
            Id::Number(number) => number.to_string(),
            Id::Text(text) => self.texts[text as usize].clone(),
        }
    }

    #[inline]
    pub(crate) fn of(&mut self, key: TrackKey) -> u32 {
        if let Some((latest, id)) = self.latest
            && latest == key
        {
            return id;
        }
        let new = self.all.len() as u32;
        let id = *self.ids.entry(key).or_insert(new);
        if id == new {
            self.all.push(Track { key, chunks: Vec::new(), open: Vec::new(), last: i64::MIN });
        }
        self.latest = Some((key, id));
        id
    }

    pub(crate) fn keys(&self) -> Vec<TrackKey> {
        self.all.iter().map(|track| track.key).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.iter().all(|track| track.chunks.is_empty())
    }

    /// A complete event.
    #[inline]
    pub(crate) fn add(&mut self, track: u32, start: i64, duration: i64, name: u32) {
        let stored = self.stored(start, duration, name);
        let track = &mut self.all[track as usize];
        track.last = track.last.max(start.saturating_add(duration));
        track.push(stored);
    }

    fn stored(&mut self, start: i64, duration: i64, name: u32) -> Stored {
        match u32::try_from(duration) {
            Ok(duration) if duration != LONG => Stored { start, duration, name },
            _ => {
                self.long.push((name, duration));
                Stored { start, duration: LONG, name: self.long.len() as u32 - 1 }
            }
        }
    }

    /// It takes its place now, so that a pair of the same times stays in the order of its beginnings.
    pub(crate) fn begin(&mut self, track: u32, start: i64, name: u32) {
        let track = &mut self.all[track as usize];
        track.last = track.last.max(start);
        track.push(Stored { start, duration: 0, name });
        let chunk = track.chunks.len() - 1;
        track.open.push((chunk, track.chunks[chunk].len() - 1));
    }

    /// Ends what was begun last; false where that was later.
    pub(crate) fn end(&mut self, track: u32, end: i64) -> Result<bool, NothingOpen> {
        let begun = self.all[track as usize].open.pop().ok_or(NothingOpen)?;
        Ok(self.end_at(track as usize, begun, end))
    }

    fn end_at(&mut self, track: usize, (chunk, place): (usize, usize), end: i64) -> bool {
        let Stored { start, name, .. } = self.all[track].chunks[chunk][place];
        let duration = end.saturating_sub(start);
        let stored = if duration >= 0 {
            self.stored(start, duration, name)
        } else {
            Stored { start, duration: 0, name: DROPPED }
        };
        let track = &mut self.all[track];
        track.last = track.last.max(end);
        track.chunks[chunk][place] = stored;
        duration >= 0
    }

    /// Ends what is still open at the last time of its thread; gives how many that were.
    pub(crate) fn close(&mut self) -> u64 {
        let mut closed = 0;
        for track in 0..self.all.len() {
            let last = self.all[track].last;
            while let Some(begun) = self.all[track].open.pop() {
                self.end_at(track, begun, last);
                closed += 1;
            }
        }
        closed
    }

    fn event(&self, stored: Stored) -> Event {
        let Stored { start, duration, name } = stored;
        if duration == LONG {
            let (name, duration) = self.long[name as usize];
            return Event { start, duration, name };
        }
        Event { start, duration: i64::from(duration), name }
    }

    /// The events of a thread by their beginning; of those with one beginning, the longest first, then as in the
    /// file.
    pub(crate) fn sorted(&mut self, track: usize) -> impl Iterator<Item = Event> + '_ {
        let mut chunks = std::mem::take(&mut self.all[track].chunks);
        let order = |stored: &Stored| {
            let event = self.event(*stored);
            (event.start, Reverse(event.duration))
        };
        for chunk in &mut chunks {
            if !chunk.is_sorted_by_key(order) {
                chunk.sort_by_key(order);
            }
        }
        let merge = Merge::of(chunks, |stored| self.event(stored));
        merge.filter(|event| event.name != DROPPED)
    }
}

impl Track {
    #[inline]
    fn push(&mut self, stored: Stored) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(stored),
            _ => self.chunks.push(vec![stored]),
        }
    }
}

type Order = (i64, Reverse<i64>, usize);

/// Sorted chunks as one.
struct Merge<F> {
    chunks: Vec<std::vec::IntoIter<Stored>>,
    event: F,
    /// The next event of each chunk.
    next: Vec<Option<Event>>,
    waiting: BinaryHeap<Reverse<Order>>,
    /// Not in `waiting`: events of one chunk mostly follow each other.
    current: Option<usize>,
}

impl<F: Fn(Stored) -> Event> Merge<F> {
    fn of(chunks: Vec<Vec<Stored>>, event: F) -> Self {
        let mut chunks: Vec<_> = chunks.into_iter().map(Vec::into_iter).collect();
        let next: Vec<_> = chunks.iter_mut().map(|chunk| chunk.next().map(&event)).collect();
        let waiting =
            next.iter().enumerate().filter_map(|(chunk, next)| Some(Reverse(order(next.as_ref()?, chunk))));
        let waiting = waiting.collect();
        Self { chunks, event, next, waiting, current: None }
    }
}

fn order(event: &Event, chunk: usize) -> Order {
    (event.start, Reverse(event.duration), chunk)
}

impl<F: Fn(Stored) -> Event> Iterator for Merge<F> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let chunk = match (self.current, self.waiting.peek()) {
            (Some(current), None) => current,
            (None, None) => return None,
            (current, Some(Reverse(first))) => {
                let own = current.and_then(|chunk| self.next[chunk].map(|event| order(&event, chunk)));
                match own {
                    Some(own) if own <= *first => own.2,
                    own => {
                        let first = first.2;
                        self.waiting.pop();
                        self.waiting.extend(own.map(Reverse));
                        first
                    }
                }
            }
        };
        self.current = Some(chunk);
        let event = self.next[chunk].take();
        self.next[chunk] = self.chunks[chunk].next().map(&self.event);
        if self.next[chunk].is_none() {
            self.chunks[chunk] = Vec::new().into_iter(); // its memory is free for what is made of it
            self.current = None;
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn events_come_in_order_whatever_the_order_of_the_file(
            events in prop::collection::vec((0_i64..50, prop_oneof![0_i64..9, Just(5_000_000_000)]), 0..200)
        ) {
            let mut tracks = Tracks::default();
            let track = tracks.of(TrackKey { pid: Id::None, tid: Id::Number(1), device: false });
            for (number, (start, duration)) in events.iter().enumerate() {
                tracks.add(track, *start, *duration, number as u32);
                // Many chunks, as of a large file.
                if number % 7 == 0 { tracks.all[0].chunks.push(Vec::new()); }
            }
            let mut expected: Vec<_> = events.iter().zip(0_u32..).collect();
            expected.sort_by_key(|((start, duration), _)| (*start, Reverse(*duration)));
            let got: Vec<_> = tracks.sorted(0).map(|event| ((event.start, event.duration), event.name)).collect();
            let expected: Vec<_> = expected.into_iter().map(|(event, number)| (*event, number)).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
