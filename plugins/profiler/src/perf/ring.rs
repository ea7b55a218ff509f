//! The mapping that the kernel writes records to: [`Ring`].
//!
//! One header page (`struct perf_event_mmap_page`) with the two positions, then the data, a power of two of
//! bytes. The kernel alone writes `data_head`, we alone write `data_tail`; both only grow. Read by
//! `PerfSource`; it must never hand out a reference into the data, which the kernel overwrites.
#![expect(unsafe_code, reason = "a mapping shared with the kernel")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Offsets in `struct perf_event_mmap_page`.
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

/// A mapped ring. One reader at a time.
pub(crate) struct Ring {
    base: NonNull<u8>,
    header: usize,
    data: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and `Ring` is its only reader; it is not `Sync`.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring of an event with `data` bytes (a power of two, at least a page).
    pub(super) fn map(fd: &OwnedFd, data: usize) -> io::Result<Self> {
        Self::map_raw(fd.as_raw_fd(), libc::MAP_SHARED, data)
    }

    fn map_raw(fd: i32, flags: i32, data: usize) -> io::Result<Self> {
        // SAFETY: a plain query.
        let header = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe {
            libc::mmap(std::ptr::null_mut(), header + data, libc::PROT_READ | libc::PROT_WRITE, flags, fd, 0)
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mmap returned null"))?;
        Ok(Self { base, header, data })
    }

    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the header page is mapped for the life of `self` and the field is aligned to 8; the kernel
        // accesses it as one word.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// Appends every complete record that the kernel has written to `out` and gives the space back.
    pub(crate) fn read(&self, out: &mut Vec<u8>) {
        // Acquire: the records are visible once their end is (the kernel's barrier before it moves the head).
        let head = self.position(DATA_HEAD).load(Ordering::Acquire);
        let tail = self.position(DATA_TAIL).load(Ordering::Relaxed);
        for (offset, len) in parts(tail, head, self.data) {
            let old = out.len();
            out.reserve(len);
            // SAFETY: `offset + len` is within the data; the kernel does not write between tail and head; the
            // target was reserved and does not overlap a mapping.
            unsafe {
                let from = self.base.as_ptr().add(self.header + offset);
                std::ptr::copy_nonoverlapping(from, out.as_mut_ptr().add(old), len);
                out.set_len(old + len);
            }
        }
        // Release: the copy is done before the kernel sees the space as free.
        self.position(DATA_TAIL).store(head, Ordering::Release);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped by `map_raw` with this length, unmapped once.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.header + self.data) };
    }
}

/// The one or two stretches `(offset, len)` of a ring of `size` bytes between two ever-growing positions.
fn parts(tail: u64, head: u64, size: usize) -> [(usize, usize); 2] {
    // More than one round cannot be unread; a damaged header must not become a wild copy.
    let len = (head.wrapping_sub(tail) as usize).min(size);
    let start = tail as usize & (size - 1);
    let first = len.min(size - start);
    [(start, first), (0, len - first)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring without a kernel behind it.
    fn private_ring() -> Ring {
        Ring::map_raw(-1, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, 4096).unwrap()
    }

    /// Plays the kernel: writes at the head.
    fn write(ring: &Ring, bytes: &[u8]) {
        let head = ring.position(DATA_HEAD).load(Ordering::Relaxed);
        for (index, byte) in bytes.iter().enumerate() {
            let at = (head as usize + index) % ring.data;
            // SAFETY: inside the private mapping of this test.
            unsafe { ring.base.as_ptr().add(ring.header + at).write(*byte) };
        }
        ring.position(DATA_HEAD).store(head + bytes.len() as u64, Ordering::Release);
    }

    #[test]
    fn what_wraps_around_the_end_is_read_in_one_piece() {
        let ring = private_ring();
        let mut seen = Vec::new();
        let mut sent: Vec<u8> = Vec::new();
        // 1000 does not divide 4096: every fifth write crosses the end.
        for round in 0..50_u32 {
            let record: Vec<u8> = (0..1000).map(|index| (index + round) as u8).collect();
            write(&ring, &record);
            sent.extend(&record);
            ring.read(&mut seen);
        }
        assert_eq!(seen, sent);
    }

    #[test]
    fn a_full_ring_is_one_round_and_an_empty_one_is_nothing() {
        assert_eq!(parts(0, 0, 64), [(0, 0), (0, 0)]);
        assert_eq!(parts(8, 72, 64), [(8, 56), (0, 8)]);
        assert_eq!(parts(u64::MAX - 7, 8, 64), [(56, 8), (0, 8)]);
        assert_eq!(parts(0, 1 << 40, 64), [(0, 64), (0, 0)]);
    }
}
