//! Reads the records of a ring: [`parse`], one [`Record`] after the other.
//!
//! The layout of a sample follows from the `sample_type` of `attributes.rs`: `IP`, `TID`, `TIME`, `CALLCHAIN`,
//! `REGS_USER`, `STACK_USER`, in that order (`man 2 perf_event_open`); of a program's events every other record
//! ends in `TID`, `TIME`. Called by `PerfSource` and by the watch over a program, on copied bytes. It must never
//! trust a length: a record that does not fit is counted as lost.

use crate::sample::{RawSample, Registers};

const RECORD_LOST: u32 = 2;
const RECORD_COMM: u32 = 3;
const RECORD_EXIT: u32 = 4;
const RECORD_FORK: u32 = 7;
const RECORD_SAMPLE: u32 = 9;
const RECORD_MMAP2: u32 = 10;
const RECORD_LOST_SAMPLES: u32 = 13;
const RECORD_SWITCH: u32 = 14;
const MISC_COMM_EXEC: u16 = 1 << 13;
const MISC_SWITCH_OUT: u16 = 1 << 13;
const MISC_SWITCH_OUT_PREEMPT: u16 = 1 << 14;
/// Values from here on are context marks in a call chain, not addresses (`PERF_CONTEXT_MAX`).
const CONTEXT_MARK: u64 = -4095_i64 as u64;

/// What the kernel says. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Record<'a> {
    /// A sample of a thread of the process `pid`.
    Sample { pid: i32, sample: &'a RawSample<'a> },
    /// Code was mapped.
    Map { pid: i32, time: u64, start: u64, len: u64, offset: u64, file: FileId, path: &'a [u8] },
    /// A thread took a name; with `exec`, because its process became another program.
    Name { pid: i32, tid: i32, time: u64, exec: bool, name: &'a [u8] },
    /// A thread began; with another `pid` than its parent's, a process.
    Fork { pid: i32, parent: i32, tid: i32, by: i32, time: u64 },
    /// A thread ended.
    Exit { tid: i32, time: u64 },
    /// A thread was put on a processor, or taken off it.
    Switch { tid: i32, time: u64, to: Switch },
}

/// Which way a thread was switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// Onto a processor.
    On,
    /// Off it, because it waits for something.
    Waits,
    /// Off it, although it could go on.
    Preempted,
}

/// What identifies a mapped file: device, inode and the inode's generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
    pub(crate) generation: u64,
}

/// The time and the size of the record at the front of `bytes`, of a program's events; `None` when there is no
/// whole record. A record without a time (lost samples of the whole ring) counts as old.
pub(crate) fn time_and_size(bytes: &[u8]) -> Option<(u64, usize)> {
    let (kind, _, body) = record(&mut Cursor(bytes))?;
    let time = match kind {
        RECORD_SAMPLE => body.get(16..24),
        _ => body.last_chunk::<8>().map(|last| &last[..]),
    };
    let time = time.and_then(|time| time.try_into().ok()).map_or(0, u64::from_ne_bytes);
    Some((time, body.len() + 8))
}

/// Takes values off the front of a record.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes(8)?.try_into().ok().map(u64::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes(4)?.try_into().ok().map(u32::from_ne_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2)?.try_into().ok().map(u16::from_ne_bytes)
    }
}

/// Hands every record in `bytes` to `sink` and returns how many the kernel reports as lost.
pub(crate) fn parse(bytes: &[u8], sink: &mut dyn FnMut(Record<'_>)) -> u64 {
    let mut lost = 0;
    let mut chain = Vec::new();
    let mut rest = Cursor(bytes);
    while let Some((kind, misc, body)) = record(&mut rest) {
        match kind {
            RECORD_SAMPLE => match sample(body, &mut chain) {
                Some((pid, sample)) => {
                    let sample = RawSample { chain: &chain, ..sample };
                    sink(Record::Sample { pid, sample: &sample });
                }
                None => lost += 1,
            },
            RECORD_COMM | RECORD_EXIT | RECORD_FORK | RECORD_MMAP2 | RECORD_SWITCH => {
                match event(kind, misc, body) {
                    Some(event) => sink(event),
                    None => lost += 1,
                }
            }
            RECORD_LOST => lost += Cursor(body.get(8..).unwrap_or_default()).u64().unwrap_or(1),
            RECORD_LOST_SAMPLES => lost += Cursor(body).u64().unwrap_or(1),
            _ => {} // throttling and the like: what it costs shows in the number of samples
        }
    }
    lost
}

fn record<'a>(rest: &mut Cursor<'a>) -> Option<(u32, u16, &'a [u8])> {
    let kind = rest.u32()?;
    let misc = rest.u16()?;
    let size = usize::from(rest.u16()?);
    Some((kind, misc, rest.bytes(size.checked_sub(8)?)?))
}

/// Any record but a sample.
fn event(kind: u32, misc: u16, body: &[u8]) -> Option<Record<'_>> {
    let (body, trailer) = body.split_last_chunk::<16>()?;
    let (mut body, mut trailer) = (Cursor(body), Cursor(trailer));
    let _pid = trailer.u32()?;
    let tid = trailer.u32()?.cast_signed();
    let time = trailer.u64()?;
    let mut id = || body.u32().map(u32::cast_signed);
    Some(match kind {
        RECORD_COMM => {
            let (pid, tid) = (id()?, id()?);
            Record::Name { pid, tid, time, exec: misc & MISC_COMM_EXEC != 0, name: until_nul(body.0) }
        }
        RECORD_FORK => {
            let (pid, parent, tid, by) = (id()?, id()?, id()?, id()?);
            Record::Fork { pid, parent, tid, by, time }
        }
        RECORD_EXIT => {
            let (_pid, _parent, tid) = (id()?, id()?, id()?);
            Record::Exit { tid, time }
        }
        RECORD_SWITCH => {
            let to = match misc & (MISC_SWITCH_OUT | MISC_SWITCH_OUT_PREEMPT) {
                0 => Switch::On,
                MISC_SWITCH_OUT => Switch::Waits,
                _ => Switch::Preempted,
            };
            Record::Switch { tid, time, to }
        }
        _ => {
            let (pid, _tid) = (id()?, id()?);
            let (start, len, offset) = (body.u64()?, body.u64()?, body.u64()?);
            let device = (body.u32()?, body.u32()?);
            let file = FileId { device, inode: body.u64()?, generation: body.u64()? };
            let _protection_and_flags = body.u64()?;
            Record::Map { pid, time, start, len, offset, file, path: until_nul(body.0) }
        }
    })
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The process and the sample, whose chain is stored in `chain`.
fn sample<'a>(body: &'a [u8], chain: &mut Vec<u64>) -> Option<(i32, RawSample<'a>)> {
    let mut body = Cursor(body);
    let ip = body.u64()?;
    let pid = body.u32()?.cast_signed();
    let tid = body.u32()?.cast_signed();
    let time = body.u64()?;
    let entries = body.u64()?;
    chain.clear();
    for _ in 0..entries {
        let address = body.u64()?;
        if address < CONTEXT_MARK {
            chain.push(address);
        }
    }
    // The chain begins with the instruction pointer itself.
    if chain.first() == Some(&ip) {
        chain.remove(0);
    }
    let mut registers = Registers { ip, ..Registers::default() };
    let sampled = |registers, window| Some((pid, RawSample { tid, time, registers, window, chain: &[] }));
    if body.u64()? == 0 {
        return sampled(registers, &[]); // no user registers: a chain is all there is
    }
    #[cfg(target_arch = "x86_64")]
    {
        registers.fp = body.u64()?;
        registers.sp = body.u64()?;
    }
    #[cfg(target_arch = "aarch64")]
    {
        registers.fp = body.u64()?;
        registers.lr = body.u64()?;
        registers.sp = body.u64()?;
    }
    registers.ip = body.u64()?;
    let size = body.u64()? as usize;
    if size == 0 {
        return sampled(registers, &[]);
    }
    let window = body.bytes(size)?;
    let filled = body.u64()? as usize;
    sampled(registers, &window[..filled.min(size)])
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::*;

    fn record_of(kind: u32, words: &[u64]) -> Vec<u8> {
        record_with(kind, 2, words)
    }

    fn record_with(kind: u32, misc: u16, words: &[u64]) -> Vec<u8> {
        let size = (8 + words.len() * 8) as u16;
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend(misc.to_ne_bytes());
        bytes.extend(size.to_ne_bytes());
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        bytes
    }

    fn sample_record() -> Vec<u8> {
        let ids = u64::from(7_u32) | u64::from(9_u32) << 32;
        let user_mark = -512_i64 as u64;
        // ip, pid+tid, time, chain of 4, abi, bp, sp, ip, window of 16 of which 8 are filled
        record_of(9, &[0x10, ids, 55, 4, user_mark, 0x10, 0x20, 0x30, 2, 0xb, 0xc, 0x10, 16, 0xAA, 0xBB, 8])
    }

    #[test]
    fn a_sample_is_read_field_by_field() {
        let mut seen = 0;
        let lost = parse(&sample_record(), &mut |record| {
            let Record::Sample { pid, sample } = record else { panic!("{record:?}") };
            seen += 1;
            assert_eq!((pid, sample.tid, sample.time), (7, 9, 55));
            assert_eq!(sample.registers, Registers { ip: 0x10, sp: 0xc, fp: 0xb, lr: 0 });
            assert_eq!(sample.chain, [0x20, 0x30]);
            assert_eq!(sample.window, 0xAA_u64.to_ne_bytes());
        });
        assert_eq!((seen, lost), (1, 0));
    }

    #[test]
    fn lost_records_are_added_up() {
        let mut bytes = record_of(2, &[1, 40]);
        bytes.extend(record_of(13, &[2]));
        bytes.extend(sample_record());
        let mut seen = 0;
        assert_eq!(parse(&bytes, &mut |_| seen += 1), 42);
        assert_eq!(seen, 1);
    }

    /// Two numbers of 32 bits as one word.
    fn pair(low: u32, high: u32) -> u64 {
        u64::from(low) | u64::from(high) << 32
    }

    #[test]
    fn what_happens_to_processes_is_read_with_its_time() {
        let trailer = [pair(7, 9), 1234];
        let name = u64::from_ne_bytes(*b"cc1\0\0\0\0\0");
        let mut bytes = record_with(3, 1 << 13, &[pair(7, 9), name, trailer[0], trailer[1]]);
        bytes.extend(record_of(7, &[pair(8, 7), pair(8, 9), 55, trailer[0], trailer[1]]));
        bytes.extend(record_of(4, &[pair(8, 7), pair(8, 7), 55, trailer[0], trailer[1]]));
        bytes.extend(record_with(14, 3 << 13, &trailer));
        bytes.extend(record_with(14, 1 << 13, &trailer));
        bytes.extend(record_with(14, 0, &trailer));
        let path = u64::from_ne_bytes(*b"/bin/a\0\0");
        bytes.extend(record_of(
            10,
            &[pair(7, 9), 0x1000, 0x2000, 0x3000, pair(8, 1), 42, 3, 5, path, trailer[0], trailer[1]],
        ));
        let mut seen = Vec::new();
        let mut rest = &bytes[..];
        while let Some((time, size)) = time_and_size(rest) {
            assert_eq!(time, 1234);
            rest = &rest[size..];
        }
        assert_eq!(parse(&bytes, &mut |record| seen.push(format!("{record:?}"))), 0);
        assert_eq!(
            seen,
            [
                "Name { pid: 7, tid: 9, time: 1234, exec: true, name: [99, 99, 49] }",
                "Fork { pid: 8, parent: 7, tid: 8, by: 9, time: 1234 }",
                "Exit { tid: 8, time: 1234 }",
                "Switch { tid: 9, time: 1234, to: Preempted }",
                "Switch { tid: 9, time: 1234, to: Waits }",
                "Switch { tid: 9, time: 1234, to: On }",
                "Map { pid: 7, time: 1234, start: 4096, len: 8192, offset: 12288, file: FileId { device: (8, 1), \
                 inode: 42, generation: 3 }, path: [47, 98, 105, 110, 47, 97] }",
            ]
        );
        assert_eq!(parse(&record_of(14, &[1]), &mut |_| panic!("too short")), 1);
    }

    #[test]
    fn a_sample_that_claims_more_than_it_holds_is_lost() {
        let broken = record_of(9, &[0x10, 7, 55, u64::MAX, 1, 2]);
        assert_eq!(parse(&broken, &mut |_| panic!("not a sample")), 1);
    }

    #[test]
    fn a_record_of_no_length_ends_the_reading() {
        assert_eq!(parse(&[9, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3], &mut |_| panic!("not a sample")), 0);
    }
}
