//! Events of a program that is about to begin: [`open`] has its process open them on itself.
//!
//! The messages are those of `attach` in the ABI. A process that opens its own events needs no privilege, and no
//! right over another: the profiler and the program are confined in different domains. Called by the watch, once.
//! It must never leave the program waiting: whatever goes wrong, the socket is closed at the end.
#![expect(unsafe_code, reason = "a descriptor that comes over a socket")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::perf::{Attributes, Event};
use crate::threads;

const OPEN: u32 = 1;
const GO: u32 = 2;

/// Bytes of a processor's ring: a quarter of a second at the default rate, and bursts of processes that begin.
/// Unprivileged users get 512 KiB (`perf_event_mlock_kb`), or less where that is used up.
const RINGS: [usize; 3] = [2 << 20, 512 << 10, 64 << 10];

/// Why there are no events.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// The kernel refuses.
    Refused(io::Error),
    /// The process is gone: the program could not be started, or nobody wants it any more.
    Gone,
}

/// Opens one event for each processor on the process at the other end, and lets it go on.
#[expect(clippy::needless_pass_by_value, reason = "the end of its life is what lets the program begin")]
pub(super) fn open(socket: OwnedFd, hz: u32) -> Result<Vec<Event>, NotOpened> {
    let attributes = Attributes::of_program(hz);
    let mut events = Vec::new();
    for processor in threads::processors() {
        let mut message = OPEN.to_ne_bytes().to_vec();
        message.extend(processor.to_ne_bytes());
        message.extend(attributes.bytes());
        send(&socket, &message)?;
        match receive(&socket)? {
            Ok(event) => {
                let mut event = Event::adopt(event);
                event.map(&RINGS).map_err(NotOpened::Refused)?;
                events.push(event);
            }
            // A processor that was switched off meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
            Err(error) => return Err(NotOpened::Refused(error)),
        }
    }
    send(&socket, &GO.to_ne_bytes())?;
    Ok(events)
}

fn send(socket: &OwnedFd, message: &[u8]) -> Result<(), NotOpened> {
    // SAFETY: the kernel reads the message's bytes.
    let sent =
        unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(NotOpened::Gone) } else { Ok(()) }
}

/// Room for the control message that carries one descriptor, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// An answer: a descriptor, or the errno of the call.
fn receive(socket: &OwnedFd) -> Result<io::Result<OwnedFd>, NotOpened> {
    let mut word = [0_u8; 4];
    let mut part = libc::iovec { iov_base: word.as_mut_ptr().cast(), iov_len: word.len() };
    let mut control = Control([0; 64]);
    // SAFETY: an all-zero header is valid; its pointers are set to buffers that live through the call. The kernel
    // writes at most their sizes, and a control message of this kind holds a descriptor that is ours from now on.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control.0.len() as _;
        loop {
            match libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) {
                0 => return Err(NotOpened::Gone),
                received if received > 0 => break,
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                _ => return Err(NotOpened::Gone),
            }
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Ok(Err(io::Error::from_raw_os_error(i32::from_ne_bytes(word))));
        }
        Ok(Ok(OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ends of a socket as the runner makes it.
    fn pair() -> (OwnedFd, OwnedFd) {
        let mut pair = [0; 2];
        // SAFETY: the array has room for the two descriptors, which are fresh and ours.
        unsafe {
            assert_eq!(libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0, pair.as_mut_ptr()), 0);
            (OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(pair[1]))
        }
    }

    #[test]
    fn a_process_that_dies_before_it_answers_is_gone() {
        let (ours, theirs) = pair();
        drop(theirs);
        assert!(matches!(open(ours, 99), Err(NotOpened::Gone)));
        let (ours, theirs) = pair();
        let waiting = std::thread::spawn(move || open(ours, 99).err());
        std::thread::sleep(std::time::Duration::from_millis(20));
        drop(theirs);
        assert!(matches!(waiting.join().unwrap(), Some(NotOpened::Gone)));
    }

    #[test]
    fn a_refusal_is_told_in_the_systems_words_and_the_process_goes_on() {
        let (ours, theirs) = pair();
        let answering = std::thread::spawn(move || {
            let mut message = [0_u8; 256];
            // SAFETY: the kernel writes at most the size of the array, and reads the word.
            unsafe {
                let received = libc::recv(theirs.as_raw_fd(), message.as_mut_ptr().cast(), message.len(), 0);
                assert_eq!(received, 8 + 112);
                assert_eq!(message[..4], OPEN.to_ne_bytes());
                let word = libc::EACCES.to_ne_bytes();
                libc::send(theirs.as_raw_fd(), word.as_ptr().cast(), word.len(), 0);
                // The socket is closed, which lets the process go on.
                assert_eq!(libc::recv(theirs.as_raw_fd(), message.as_mut_ptr().cast(), message.len(), 0), 0);
            }
        });
        let Err(NotOpened::Refused(error)) = open(ours, 99) else { panic!("it was refused") };
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
        answering.join().unwrap();
    }
}
