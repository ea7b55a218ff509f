//! [`Order`] and [`Report`]: what the runner and its fork server say to each other, and how it is packed.

use std::ffi::{CString, OsString};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recv, recvmsg, send, sendmsg,
};
use rustix::process::Pid;

use super::Program;
use crate::process::Wire;

/// The most descriptors that go with an order.
const MOST: usize = 8;

/// What becomes of an order. The end of the socket means that the program has begun.
#[derive(Debug)]
pub(super) enum Report {
    /// The number of the new process.
    Number(Pid),
    /// It could not become the program.
    Failed(io::Error),
}

impl Report {
    /// Says it. For the child too: one system call.
    pub fn send(&self, to: BorrowedFd<'_>) {
        let (kind, number) = match self {
            Self::Number(pid) => (1_i32, pid.as_raw_nonzero().get()),
            Self::Failed(error) => (2, error.raw_os_error().unwrap_or(libc::EIO)),
        };
        let mut words = [0; 8];
        words[..4].copy_from_slice(&kind.to_ne_bytes());
        words[4..].copy_from_slice(&number.to_ne_bytes());
        // Nobody is there to hear of an error: the runner sees the closed socket.
        let _ = send(to, &words, SendFlags::NOSIGNAL);
    }

    /// The next one; `None` when there will be none.
    pub fn receive(from: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let mut words = [0_u8; 8];
        let (_, received) = loop {
            match recv(from, &mut words, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        if received < words.len() {
            return Ok(None);
        }
        let word = |at: usize| i32::from_ne_bytes([words[at], words[at + 1], words[at + 2], words[at + 3]]);
        Ok(match Pid::from_raw(word(4)).filter(|_| word(0) == 1) {
            Some(pid) => Some(Self::Number(pid)),
            None => Some(Self::Failed(io::Error::from_raw_os_error(word(4)))),
        })
    }
}

/// What goes over the socket: a head, descriptors, and texts that end in a zero byte.
#[derive(Debug)]
pub(super) struct Order<D> {
    pub head: Head,
    /// The report, the three streams, and what [`Head`] says of the rest.
    pub descriptors: Vec<D>,
    /// The file, the working directory, the arguments, the variables.
    pub texts: Vec<u8>,
}

/// The fixed part of an order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// Bytes of texts.
    pub length: u32,
    /// How many arguments.
    pub arguments: u32,
    /// Which descriptors there are after the first four, in the order of these constants.
    pub with: u32,
    /// The number that a profiler's end must have, or that of a process.
    pub number: RawFd,
    /// [`ChildGuard::pass`](crate::guard::ChildGuard::pass).
    pub pass: u64,
}

pub(super) const RULESET: u32 = 1;
pub(super) const LISTENER: u32 = 2;
pub(super) const PROFILER: u32 = 4;
pub(super) const PROGRAM: u32 = 8;
pub(super) const TELL: u32 = 16;
/// No order: the program of this [`Head::number`] runs, and was begun by another server.
pub(super) const RUNS: u32 = 32;
/// No order: it has ended.
pub(super) const ENDED: u32 = 64;

impl Head {
    const SIZE: usize = 24;

    fn bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let (low, high) = (self.pass as u32, (self.pass >> 32) as u32);
        let words = [self.length, self.arguments, self.with, self.number.cast_unsigned(), low, high];
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    fn read(bytes: [u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self {
            length: word(0),
            arguments: word(4),
            with: word(8),
            number: word(12).cast_signed(),
            pass: u64::from(word(16)) | u64::from(word(20)) << 32,
        }
    }
}

impl<'a> Order<BorrowedFd<'a>> {
    /// The order of a program; what becomes of it is said to `report`.
    pub fn new(program: &'a Program<'_>, report: BorrowedFd<'a>) -> io::Result<Self> {
        let mut texts = Vec::new();
        let mut add = |text: OsString| {
            texts.extend_from_slice(CString::new(text.into_vec())?.as_bytes_with_nul());
            io::Result::Ok(())
        };
        add(program.file.into())?;
        // The server stays where it was made.
        add(std::path::absolute(program.cwd)?.into())?;
        program.argv.iter().try_for_each(|word| add(word.clone()))?;
        for (name, value) in program.environment {
            let mut line = name.clone();
            line.push("=");
            line.push(value);
            add(line)?;
        }
        let (ruleset, listener) = program.guard.descriptors();
        let (profiler, end) = match &program.wire {
            Wire::None => (None, None),
            Wire::Profiler(end) => (Some(end.as_fd()), None),
            Wire::Program(end) => (None, Some(end.as_fd())),
        };
        let tell = program.tell.as_ref().map(AsFd::as_fd);
        let optional =
            [(RULESET, ruleset), (LISTENER, listener), (PROFILER, profiler), (PROGRAM, end), (TELL, tell)];
        let too_long = |_| io::Error::from(Errno::TOOBIG);
        let head = Head {
            length: texts.len().try_into().map_err(too_long)?,
            arguments: program.argv.len().try_into().map_err(too_long)?,
            with: optional.iter().filter(|(_, end)| end.is_some()).map(|(bit, _)| bit).sum(),
            number: profiler.map_or(0, |profiler| profiler.as_raw_fd()),
            pass: program.guard.pass(),
        };
        let streams = program.streams.iter().map(AsFd::as_fd);
        let optional = optional.into_iter().filter_map(|(_, descriptor)| descriptor);
        let descriptors = std::iter::once(report).chain(streams).chain(optional).collect();
        Ok(Self { head, descriptors, texts })
    }

    /// No order: what is to be known of a program.
    pub fn of(pid: Pid, what: u32) -> Self {
        let head = Head { with: what, number: pid.as_raw_nonzero().get(), ..Head::default() };
        Self { head, descriptors: Vec::new(), texts: Vec::new() }
    }

    /// Sends it; waits while the server has no room for it.
    pub fn send(&self, socket: &UnixStream) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !self.descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&self.descriptors));
        }
        let head = self.head.bytes();
        let all = [IoSlice::new(&head), IoSlice::new(&self.texts)];
        let sent = loop {
            match sendmsg(socket, &all, &mut control, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        // The head is far smaller than any socket's room.
        (&mut &*socket).write_all(&self.texts[sent.saturating_sub(Head::SIZE)..])
    }
}

impl Order<OwnedFd> {
    /// The next order; `None` when the runner is gone.
    pub fn receive(socket: &UnixStream) -> io::Result<Option<Self>> {
        let mut head = [0; Head::SIZE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let mut part = [IoSliceMut::new(&mut head)];
            match recvmsg(socket, &mut part, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                other => break other?.bytes,
            }
        };
        if received == 0 {
            return Ok(None);
        }
        (&mut &*socket).read_exact(&mut head[received..])?;
        let rights = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => Some(rights),
            _ => None,
        });
        let descriptors = rights.flatten().collect();
        let head = Head::read(head);
        let mut texts = vec![0; head.length as usize];
        (&mut &*socket).read_exact(&mut texts)?;
        Ok(Some(Self { head, descriptors, texts }))
    }
}
