//! The seccomp filter: a small BPF program that sends the system calls of [`crate::guard::call`] to the
//! runner and lets all others pass. A call of a foreign architecture passes unseen, and so does the one call with
//! which the child becomes the program: the runner knows what that executes, and to ask would take two processes
//! the time of waking each other.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF, sock_filter};

use crate::guard::call;

const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
/// Where `seccomp_data` holds the number of the call, the architecture, the second argument, and the halves of the
/// sixth.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const SECOND: u32 = 24;
const SIXTH: [u32; 2] = [56, 60];
/// Numbers from here on belong to x32, whose calls pass unseen too.
const X32: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the numbers of system calls are known for x86_64 and aarch64 only");

/// The program: load, find the number among those of the table, return. An `execve` whose sixth argument, which the
/// kernel does not look at, is `pass` is not sent; of `ioctl` only the requests of the table are.
pub fn program(pass: u64) -> Vec<sock_filter> {
    static SPANS: LazyLock<Vec<(u32, bool)>> = LazyLock::new(|| spans(call::numbers()));
    // The comparisons are one fewer than the spans; the two ends come after them.
    let allow = BEGIN + SPANS.len() - 1;
    let send = allow + 1;
    let mut program = Program(Vec::with_capacity(send + 1));
    program.load(ARCHITECTURE);
    program.jump(JUMP_IF_EQUAL, NATIVE, NEXT, allow);
    program.load(NUMBER);
    program.jump(JUMP_IF_AT_LEAST, X32, allow, NEXT);
    program.jump(JUMP_IF_EQUAL, libc::SYS_execve as u32, NEXT, EXECVE_END);
    for (half, place) in [pass as u32, (pass >> 32) as u32].into_iter().zip(SIXTH) {
        program.load(place);
        program.jump(JUMP_IF_EQUAL, half, NEXT, send);
    }
    program.end(SECCOMP_RET_ALLOW);
    program.jump(JUMP_IF_EQUAL, libc::SYS_ioctl as u32, NEXT, BEGIN);
    program.load(SECOND);
    for request in call::IOCTLS {
        program.jump(JUMP_IF_EQUAL, request, send, NEXT);
    }
    program.end(SECCOMP_RET_ALLOW);
    program.search(&SPANS, [allow, send]);
    program.end(SECCOMP_RET_ALLOW);
    program.end(SECCOMP_RET_USER_NOTIF);
    program.0
}

/// Where `execve` is over, and where the comparisons begin.
const EXECVE_END: usize = 10;
const BEGIN: usize = EXECVE_END + 3 + call::IOCTLS.len();
/// The row that follows.
const NEXT: usize = usize::MAX;

/// A program that is being written, row by row.
struct Program(Vec<sock_filter>);

impl Program {
    fn load(&mut self, place: u32) {
        self.0.push(sock_filter { code: LOAD_WORD, jt: 0, jf: 0, k: place });
    }

    fn end(&mut self, answer: u32) {
        self.0.push(sock_filter { code: RETURN, jt: 0, jf: 0, k: answer });
    }

    /// Goes on in one of two rows. The program is far shorter than the 255 that a jump can span; a test holds that.
    fn jump(&mut self, code: u16, k: u32, yes: usize, no: usize) {
        let next = self.0.len() + 1;
        let distance = |row: usize| if row == NEXT { 0 } else { (row - next) as u8 };
        self.0.push(sock_filter { code, jt: distance(yes), jf: distance(no), k });
    }

    /// Finds the span that a number is in by halves. When a filter is put on, the kernel runs it for each number
    /// that there is, to learn which it lets pass: with one comparison after the other that took longer than all
    /// else that it does then.
    fn search(&mut self, spans: &[(u32, bool)], ends: [usize; 2]) {
        let (left, right) = spans.split_at(spans.len() / 2);
        let (Some((start, _)), false) = (right.first(), left.is_empty()) else { return };
        // A half of one span is decided. Of the others the left one follows at once, with one row fewer than it has
        // spans, and then the right one.
        let row = |half: &[(u32, bool)], row: usize| match half {
            [(_, watched)] => ends[usize::from(*watched)],
            _ => row,
        };
        let after = self.0.len() + left.len();
        self.jump(JUMP_IF_AT_LEAST, *start, row(right, after), row(left, NEXT));
        self.search(left, ends);
        self.search(right, ends);
    }
}

/// The first number of each run of numbers that are all watched, or all not; the first run begins with 0.
fn spans(watched: impl Iterator<Item = u32>) -> Vec<(u32, bool)> {
    let watched: BTreeSet<u32> = watched.collect();
    let ends = watched.iter().flat_map(|number| [*number, number + 1]).chain([0]);
    let starts: BTreeSet<u32> = ends.collect();
    let mut spans: Vec<(u32, bool)> = starts.iter().map(|start| (*start, watched.contains(start))).collect();
    spans.dedup_by_key(|(_, watched)| *watched);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASS: u64 = 0x0123_4567_89ab_cdef;

    /// What the kernel would do with the program, for a call with these second and sixth arguments.
    fn answer(architecture: u32, number: u32, second: u32, sixth: u64) -> u32 {
        let program = program(PASS);
        let (mut at, mut word) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            match step.code {
                LOAD_WORD => {
                    word = match step.k {
                        NUMBER => number,
                        ARCHITECTURE => architecture,
                        SECOND => second,
                        low if low == SIXTH[0] => sixth as u32,
                        high if high == SIXTH[1] => (sixth >> 32) as u32,
                        other => panic!("nothing is loaded from {other}"),
                    };
                }
                JUMP_IF_EQUAL => at += usize::from(if word == step.k { step.jt } else { step.jf }),
                JUMP_IF_AT_LEAST => at += usize::from(if word >= step.k { step.jt } else { step.jf }),
                _ => return step.k,
            }
        }
    }

    #[test]
    fn exactly_the_calls_of_the_table_are_sent() {
        let known: Vec<u32> = call::numbers().collect();
        assert!(program(PASS).len() < 200, "a jump spans 255 at most");
        for number in 0..600 {
            let start = number == libc::SYS_execve as u32;
            let control = number == libc::SYS_ioctl as u32;
            for sixth in [0, PASS, PASS ^ 1, PASS ^ (1 << 40)] {
                for second in call::IOCTLS.into_iter().chain([0, 0x5401]) {
                    let sent = answer(NATIVE, number, second, sixth) == SECCOMP_RET_USER_NOTIF;
                    let passes = (start && sixth == PASS) || (control && !call::IOCTLS.contains(&second));
                    let expected = known.contains(&number) && !passes;
                    assert_eq!(sent, expected, "call {number} with {second:x} and {sixth:x}");
                }
                let other = |architecture, number| answer(architecture, number, call::IOCTLS[0], sixth);
                assert_eq!(other(0x4000_0003, number), SECCOMP_RET_ALLOW, "another architecture");
                assert_eq!(other(NATIVE, number | X32), SECCOMP_RET_ALLOW, "x32");
            }
        }
    }
}
