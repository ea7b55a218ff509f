//! The system calls of the guard that no maintained crate wraps: seccomp notifications, Landlock's last step,
//! a descriptor sent over a socket, another process's memory.
//!
//! All unsafe code of the guard is here. What the child calls between fork and exec neither allocates nor
//! locks; such functions say so.

#![expect(unsafe_code, reason = "no maintained crate wraps these system calls")]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use libc::{c_int, c_void, seccomp_notif, seccomp_notif_resp, sock_filter, sock_fprog};

/// The errno of the last call as a result.
fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The version of Landlock that the kernel offers; an error when it is absent or switched off.
pub fn landlock_abi() -> io::Result<i32> {
    const VERSION: u32 = 1;
    // SAFETY: with this flag the kernel takes no attribute and returns a number.
    let abi =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<c_void>(), 0, VERSION) };
    checked(abi).map(|abi| abi as i32)
}

/// No program may gain privileges from here on; both guards need it. For the child: one system call.
pub fn no_new_privileges() -> io::Result<()> {
    // SAFETY: plain numbers.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    checked(result.into()).map(drop)
}

/// Puts a Landlock ruleset on the calling thread. For the child: one system call.
pub fn restrict_self(ruleset: RawFd) -> io::Result<()> {
    // SAFETY: plain numbers.
    checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) }).map(drop)
}

/// Puts a filter on the calling thread and returns the descriptor of its listener. For the child: at most two
/// system calls.
pub fn install_filter(filter: &[sock_filter]) -> io::Result<RawFd> {
    // A program fits: the kernel's own limit is 4096 instructions.
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    let install = |flags: libc::c_ulong| {
        // SAFETY: the program lives through the call, and the kernel only reads it.
        checked(unsafe {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        })
    };
    let listen = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // With the second flag a signal does not break off a call that the runner is answering (Linux 5.19).
    install(listen | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        .or_else(|_| install(listen))
        .map(|descriptor| descriptor as RawFd)
}

/// A connected pair of sockets that keep messages apart and close on exec.
pub fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut pair = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the array has room for the two descriptors.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()) }.into())?;
    // SAFETY: both are fresh and belong to nobody else.
    Ok(unsafe { (OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(pair[1])) })
}

/// How long the child is at a profiler's service, all in all: one that hangs, or asks slowly, must not hold up
/// the program for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// More events than any machine has processors: a profiler that goes on asking is not served for ever.
const MOST_EVENTS: usize = 1 << 16;

/// Opens performance events *on the calling process* for the profiler at the other end, until it says go, is
/// gone, or has had its time (10 s). The messages are described at `attach` of the ABI's `PluginTable`. That the
/// process does it itself needs no privilege, and works although profiler and program are in different Landlock
/// domains. For the child: system calls on its own stack.
pub fn open_events_for(socket: RawFd) {
    serve_events(socket, Instant::now() + PATIENCE);
}

fn serve_events(socket: RawFd, deadline: Instant) {
    const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;
    for _ in 0..MOST_EVENTS {
        if !ready(socket, libc::POLLIN, deadline) {
            return;
        }
        // Two words, then the attributes, which begin on a boundary of 8 bytes.
        let mut message = [0_u64; 63];
        // SAFETY: the kernel writes at most the size of the array.
        let received = unsafe {
            libc::recv(socket, message.as_mut_ptr().cast(), size_of_val(&message), libc::MSG_DONTWAIT)
        };
        let words = message[0].to_ne_bytes();
        let word = |at: usize| u32::from_ne_bytes([words[at], words[at + 1], words[at + 2], words[at + 3]]);
        if received <= 8 || word(0) != runner_plugin_abi::ATTACH_OPEN {
            return;
        }
        // SAFETY: the attributes are a copy on our own stack, and the kernel checks all that they say; what
        // they claim beyond the message reads as zero, or as an error of the call.
        let event = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                message[1..].as_ptr(),
                0,
                word(4).cast_signed(),
                -1,
                CLOSE_ON_EXEC,
            )
        };
        let event = checked(event).map(|descriptor| descriptor as RawFd);
        // A profiler that does not take its answers has had its time too.
        let taken = ready(socket, libc::POLLOUT, deadline);
        if taken {
            send_listener(socket, &event);
        }
        if let Ok(descriptor) = event {
            // SAFETY: it was opened above; the profiler has its own copy now.
            unsafe { libc::close(descriptor) };
        }
        if !taken {
            return;
        }
    }
}

/// Waits until something can be read or written without waiting; false when the time is over before. For the
/// child: system calls on its own stack.
fn ready(socket: RawFd, what: libc::c_short, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let mut polled = libc::pollfd { fd: socket, events: what, revents: 0 };
        let milliseconds = c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX - 1) + 1;
        // SAFETY: the kernel reads and writes one structure.
        match unsafe { libc::poll(&raw mut polled, 1, milliseconds) } {
            0 => {}
            1.. => return true,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return false,
        }
    }
}

/// Room for the control message that carries one descriptor, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Sends the listener (or another descriptor), or why there is none, to the other side. For the child: system calls on its own stack.
pub fn send_listener(socket: RawFd, listener: &io::Result<RawFd>) {
    let error = listener.as_ref().err().and_then(io::Error::raw_os_error).unwrap_or(0);
    let mut bytes = error.to_ne_bytes();
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 64]);
    // SAFETY: an all-zero header is valid; its pointers are set to buffers that live through the call, and the
    // one control message fits into its buffer.
    unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if let Ok(descriptor) = *listener {
            message.msg_control = control.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(size_of::<RawFd>() as u32) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
            libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(descriptor);
        }
        // Nobody is there to hear of an error: the runner sees the closed socket.
        libc::sendmsg(socket, &raw const message, libc::MSG_NOSIGNAL);
    }
}

/// Waits for the listener of a child; an error when the child has none, or never came so far.
pub fn receive_listener(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let mut bytes = 0_i32.to_ne_bytes();
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 64]);
    // SAFETY: as in `send_listener`; the kernel writes at most `msg_controllen` bytes, and a control message of
    // this kind holds a descriptor that is ours from now on.
    unsafe {
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = control.0.len() as _;
        let received = loop {
            match checked(
                libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) as libc::c_long
            ) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if received == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::Error::from_raw_os_error(i32::from_ne_bytes(bytes)));
        }
        let descriptor = libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned();
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// A system call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Notification {
    /// Names it in the answer.
    pub id: u64,
    /// The thread that called.
    pub thread: i32,
    /// The number of the call.
    pub number: i32,
    /// Its arguments.
    pub arguments: [u64; 6],
}

/// The kernel's structures may grow; it writes no more than its own size.
type Room = [u64; 64];

/// Asks the kernel to wake the other side on the same processor: an answer is all that it waits for.
pub fn wake_in_step(listener: &OwnedFd) {
    const SYNCHRONOUS: u64 = 1;
    // SAFETY: the kernel takes a number here. Older kernels refuse, and nothing is lost.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNCHRONOUS) };
}

/// Takes the next call; an error when the caller is gone meanwhile.
pub fn next(listener: &OwnedFd) -> io::Result<Notification> {
    let mut room: Room = [0; 64];
    let received = room.as_mut_ptr().cast::<seccomp_notif>();
    // SAFETY: the room is zeroed, aligned and larger than any version of the structure.
    unsafe {
        checked(libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, received).into())?;
        let call = &*received;
        Ok(Notification {
            id: call.id,
            thread: call.pid.cast_signed(),
            number: call.data.nr,
            arguments: call.data.args,
        })
    }
}

/// Lets a call go on as it is, or makes it fail with an error number.
pub fn answer(listener: &OwnedFd, id: u64, error: Option<c_int>) {
    let mut room: Room = [0; 64];
    let answer = room.as_mut_ptr().cast::<seccomp_notif_resp>();
    // SAFETY: as in `next`. A caller that is gone needs no answer.
    unsafe {
        (*answer).id = id;
        match error {
            Some(number) => (*answer).error = -number,
            None => (*answer).flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as _,
        }
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, answer);
    }
}

/// Whether the call still waits. What was read from its thread before belongs to that thread only then: the
/// number of a thread that died may have been given to another.
pub fn still_waits(listener: &OwnedFd, id: u64) -> bool {
    // SAFETY: the kernel reads one number.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
}

/// Copies bytes from another process; how many could be copied.
pub fn read_memory(thread: i32, address: u64, buffer: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: buffer.len() };
    // SAFETY: the kernel writes only into `buffer`, and checks the foreign address itself.
    let copied = unsafe { libc::process_vm_readv(thread, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(copied).unwrap_or(0)
}

/// Makes the runner the parent of all of its orphaned descendants, so that none is lost from sight.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: plain numbers.
    checked(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }.into()).map(drop)
}

/// Whether there is a call to take, or the end: `Some(true)` a call, `Some(false)` nobody is left.
pub fn poll(listener: &OwnedFd, milliseconds: i64) -> Option<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let borrowed = listener.as_fd();
    let mut polled = [PollFd::new(&borrowed, PollFlags::IN)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: milliseconds * 1_000_000 };
    match poll(&mut polled, Some(&timeout)) {
        Ok(1..) => {
            let seen = polled[0].revents();
            if seen.contains(PollFlags::IN) { Some(true) } else { Some(false) }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for one event after the other, slowly; how many answers came before the other side was gone.
    fn ask_slowly(socket: &OwnedFd) -> u32 {
        let mut request = [0_u8; 24];
        request[..4].copy_from_slice(&runner_plugin_abi::ATTACH_OPEN.to_ne_bytes());
        let mut answers = 0;
        loop {
            // SAFETY: the kernel reads the bytes of the array.
            let sent = unsafe {
                libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), libc::MSG_NOSIGNAL)
            };
            if sent < 0 || receive_listener(socket).is_err_and(|error| error.raw_os_error().is_none()) {
                return answers;
            }
            answers += 1;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn a_profiler_that_asks_slowly_for_ever_has_one_time_for_all_its_questions() {
        let (profilers, childs) = socket_pair().expect("a pair");
        let asks = std::thread::spawn(move || ask_slowly(&profilers));
        let begin = Instant::now();
        serve_events(childs.as_raw_fd(), begin + Duration::from_millis(400));
        let taken = begin.elapsed();
        drop(childs);
        let answers = asks.join().expect("it ends");
        assert!((Duration::from_millis(400)..Duration::from_secs(3)).contains(&taken), "{taken:?}");
        assert!(answers > 1, "{answers}: it was served until then");
    }

    #[test]
    fn a_profiler_that_takes_no_answer_does_not_hold_up_the_program() {
        let (profilers, childs) = socket_pair().expect("a pair");
        let flood = std::thread::spawn(move || {
            let mut request = [0_u8; 24];
            request[..4].copy_from_slice(&runner_plugin_abi::ATTACH_OPEN.to_ne_bytes());
            // SAFETY: the kernel reads the bytes of the array.
            while unsafe {
                libc::send(profilers.as_raw_fd(), request.as_ptr().cast(), request.len(), libc::MSG_NOSIGNAL)
            } > 0
            {}
        });
        let begin = Instant::now();
        serve_events(childs.as_raw_fd(), begin + Duration::from_millis(400));
        let taken = begin.elapsed();
        drop(childs);
        flood.join().expect("it ends");
        assert!((Duration::from_millis(400)..Duration::from_secs(3)).contains(&taken), "{taken:?}");
    }
}
