//! The seccomp filter: a small BPF program that sends the system calls of [`crate::guard::call`] to the
//! runner and lets all others pass. A call of a foreign architecture passes unseen, and so does the one call with
//! which the child becomes the program: the runner knows what that executes, and to ask would take two processes
//! the time of waking each other.

use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF, sock_filter};

use crate::guard::call;

const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
/// Where `seccomp_data` holds the number of the call, the architecture, and the halves of the sixth argument.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const SIXTH: [u32; 2] = [56, 60];
/// Numbers from here on belong to x32, whose calls pass unseen too.
const X32: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the numbers of system calls are known for x86_64 and aarch64 only");

/// The program: load, compare with each number, return. An `execve` whose sixth argument, which the kernel does not
/// look at, is `pass` is not sent.
pub fn program(pass: u64) -> Vec<sock_filter> {
    let numbers: Vec<u32> = call::numbers().collect();
    let count = numbers.len();
    let (low, high) = (pass as u32, (pass >> 32) as u32);
    let mut program = vec![
        statement(LOAD_WORD, ARCHITECTURE),
        // Past the comparisons, to `allow`, as all others with `count`.
        jump(JUMP_IF_EQUAL, NATIVE, 0, count + 8),
        statement(LOAD_WORD, NUMBER),
        jump(JUMP_IF_AT_LEAST, X32, count + 6, 0),
        jump(JUMP_IF_EQUAL, libc::SYS_execve as u32, 0, 5),
        statement(LOAD_WORD, SIXTH[0]),
        jump(JUMP_IF_EQUAL, low, 0, 2),
        statement(LOAD_WORD, SIXTH[1]),
        jump(JUMP_IF_EQUAL, high, count + 1, 0),
        statement(LOAD_WORD, NUMBER),
    ];
    for (index, number) in numbers.into_iter().enumerate() {
        program.push(jump(JUMP_IF_EQUAL, number, count - index, 0));
    }
    program.push(statement(RETURN, SECCOMP_RET_ALLOW));
    program.push(statement(RETURN, SECCOMP_RET_USER_NOTIF));
    program
}

const fn statement(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

/// The table of calls is far shorter than the 255 that a jump can span; a test holds that.
fn jump(code: u16, k: u32, yes: usize, no: usize) -> sock_filter {
    sock_filter { code, jt: yes as u8, jf: no as u8, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASS: u64 = 0x0123_4567_89ab_cdef;

    /// What the kernel would do with the program.
    fn answer(architecture: u32, number: u32, sixth: u64) -> u32 {
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
                        low if low == SIXTH[0] => sixth as u32,
                        _ => (sixth >> 32) as u32,
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
        assert!(known.len() < 200, "a jump spans 255 at most");
        for number in 0..600 {
            let start = number == libc::SYS_execve as u32;
            for sixth in [0, PASS, PASS ^ 1, PASS ^ (1 << 40)] {
                let sent = answer(NATIVE, number, sixth) == SECCOMP_RET_USER_NOTIF;
                let expected = known.contains(&number) && !(start && sixth == PASS);
                assert_eq!(sent, expected, "call {number} with {sixth:x}");
                assert_eq!(answer(0x4000_0003, number, sixth), SECCOMP_RET_ALLOW, "another architecture");
                assert_eq!(answer(NATIVE, number | X32, sixth), SECCOMP_RET_ALLOW, "x32");
            }
        }
    }
}
