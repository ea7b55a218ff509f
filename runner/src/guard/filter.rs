//! The seccomp filter: a small BPF program that sends the system calls of [`crate::guard::call`] to the
//! runner and lets all others pass. A call of a foreign architecture passes unseen.

use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF, sock_filter};

use crate::guard::call;

const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
/// Where `seccomp_data` holds the number of the call, and the architecture.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// Numbers from here on belong to x32, whose calls pass unseen too.
const X32: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the numbers of system calls are known for x86_64 and aarch64 only");

/// The program: load, compare with each number, return.
pub fn program() -> Vec<sock_filter> {
    let numbers: Vec<u32> = call::numbers().collect();
    let count = numbers.len();
    let mut program = vec![
        statement(LOAD_WORD, ARCHITECTURE),
        // Past the comparisons, to `allow`.
        jump(JUMP_IF_EQUAL, NATIVE, 0, count + 2),
        statement(LOAD_WORD, NUMBER),
        jump(JUMP_IF_AT_LEAST, X32, count, 0),
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

    /// What the kernel would do with the program.
    fn answer(architecture: u32, number: u32) -> u32 {
        let program = program();
        let (mut at, mut word) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            match step.code {
                LOAD_WORD => word = if step.k == NUMBER { number } else { architecture },
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
            let sent = answer(NATIVE, number) == SECCOMP_RET_USER_NOTIF;
            assert_eq!(sent, known.contains(&number), "call {number}");
            assert_eq!(answer(0x4000_0003, number), SECCOMP_RET_ALLOW, "another architecture");
            assert_eq!(answer(NATIVE, number | X32), SECCOMP_RET_ALLOW, "x32");
        }
    }
}
