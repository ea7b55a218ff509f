//! Reads the records of a ring: [`parse`].
//!
//! The layout of a sample follows from the `sample_type` of `event.rs`: `IP`, `TID`, `TIME`, `CALLCHAIN`,
//! `REGS_USER`, `STACK_USER`, in that order (`man 2 perf_event_open`). Called by `PerfSource` on copied bytes. It must never
//! trust a length: a record that does not fit is counted as lost.

use crate::sample::{RawSample, Registers};

const RECORD_LOST: u32 = 2;
const RECORD_SAMPLE: u32 = 9;
const RECORD_LOST_SAMPLES: u32 = 13;
/// Values from here on are context marks in a call chain, not addresses (`PERF_CONTEXT_MAX`).
const CONTEXT_MARK: u64 = -4095_i64 as u64;

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

/// Hands every sample in `bytes` to `sink` and returns how many the kernel reports as lost.
pub(super) fn parse(bytes: &[u8], sink: &mut dyn FnMut(&RawSample<'_>)) -> u64 {
    let mut lost = 0;
    let mut chain = Vec::new();
    let mut rest = Cursor(bytes);
    while let Some((kind, body)) = record(&mut rest) {
        match kind {
            RECORD_SAMPLE => match sample(body, &mut chain) {
                Some((tid, registers, window)) => sink(&RawSample { tid, registers, window, chain: &chain }),
                None => lost += 1,
            },
            RECORD_LOST => lost += Cursor(body.get(8..).unwrap_or_default()).u64().unwrap_or(1),
            RECORD_LOST_SAMPLES => lost += Cursor(body).u64().unwrap_or(1),
            _ => {} // throttling and the like: what it costs shows in the number of samples
        }
    }
    lost
}

fn record<'a>(rest: &mut Cursor<'a>) -> Option<(u32, &'a [u8])> {
    let kind = rest.u32()?;
    let _misc = rest.u16()?;
    let size = usize::from(rest.u16()?);
    Some((kind, rest.bytes(size.checked_sub(8)?)?))
}

fn sample<'a>(body: &'a [u8], chain: &mut Vec<u64>) -> Option<(i32, Registers, &'a [u8])> {
    let mut body = Cursor(body);
    let ip = body.u64()?;
    let _pid = body.u32()?;
    let tid = body.u32()?.cast_signed();
    let _time = body.u64()?;
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
    if body.u64()? == 0 {
        return Some((tid, registers, &[])); // no user registers: a chain is all there is
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
        return Some((tid, registers, &[]));
    }
    let window = body.bytes(size)?;
    let filled = body.u64()? as usize;
    Some((tid, registers, &window[..filled.min(size)]))
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::*;

    fn record_of(kind: u32, words: &[u64]) -> Vec<u8> {
        let size = (8 + words.len() * 8) as u16;
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend(2_u16.to_ne_bytes());
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
        let lost = parse(&sample_record(), &mut |sample| {
            seen += 1;
            assert_eq!(sample.tid, 9);
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
