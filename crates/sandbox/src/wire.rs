//! What the host and a launcher say to each other: frames of a 4-byte little-endian length and JSON, over one inherited
//! stream socket. Descriptors travel with the first byte of a frame. The host bounds and checks all that it reads.

use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::{Deserialize, Serialize};

use crate::{Level, Limits, MountPlan, Program};

/// The longest request: a command line and its variables. The kernel takes at most 2 MiB of those.
pub(crate) const MAX_REQUEST: usize = 8 << 20;
/// The longest reply: a status and a sentence.
pub(crate) const MAX_REPLY: usize = 256 << 10;
/// Descriptors in one frame.
const MAX_FDS: usize = 4;

/// The first frame a launcher gets: what it is to be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Start {
    /// A run's namespaces and its init.
    Session(Box<SessionStart>),
    /// A look at what this machine can do; one [`crate::probe::ProbeRow`] a reply.
    Probe {
        /// An empty directory on the file system that would hold the layers.
        scratch: PathBuf,
        uid: u32,
        gid: u32,
    },
}

/// What a session is made from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SessionStart {
    pub(crate) plan: MountPlan,
    pub(crate) wanted: Level,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Size of the memory-backed `/tmp`, HOME and `/dev/shm` together.
    pub(crate) scratch_bytes: u64,
    /// File names inside the plan's directories that hold credentials, as absolute paths.
    pub(crate) masks: Vec<PathBuf>,
    /// Whether commands may trace each other.
    pub(crate) ptrace: bool,
}

/// What the host asks of a run's init.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// With the descriptors for stdout and stderr, and one for stdin before them if `stdin`.
    Exec { id: u64, program: Program, cwd: PathBuf, env: Vec<(String, String)>, limits: Limits, stdin: bool },
    /// With a descriptor that holds the arguments and one for the result.
    Call { id: u64, builtin: String, limits: Limits },
    /// Ends a command with all its children.
    Kill { id: u64 },
}

/// What comes back.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The namespaces stand and init serves.
    Ready { level: Level },
    /// Set-up failed.
    Failed(Failure),
    /// A command or a built-in is over and nothing of it is left.
    Done { id: u64, how: Ended, cpu_us: u64 },
    /// One row of a probe.
    Row(crate::probe::ProbeRow),
}

/// How a command ended, as seen by init.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ended {
    Exited(i32),
    Signaled(i32),
    OutOfMemory,
    DiskLimit,
    /// The command never ran: it could not be confined, or no process could be made for it.
    NotStarted(Failure),
}

/// A step that failed on the far side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) doing: String,
    pub(crate) errno: i32,
}

impl Failure {
    pub(crate) fn new(doing: impl Into<String>, errno: Errno) -> Self {
        Self { doing: doing.into(), errno: errno as i32 }
    }

    pub(crate) fn into_io(self) -> (String, std::io::Error) {
        (self.doing, std::io::Error::from_raw_os_error(self.errno))
    }
}

/// Names the step that an errno belongs to.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T> Doing<T> for Result<T, Errno> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|errno| Failure::new(what(), errno))
    }
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|e| Failure::new(what(), Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO))))
    }
}

/// A message as it goes over the socket.
pub(crate) fn encode(message: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let len = u32::try_from(bytes.len() - 4).map_err(std::io::Error::other)?;
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    Ok(bytes)
}

/// Sends as much of a frame as the socket takes; the descriptors go with its first byte.
pub(crate) fn send_some(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[RawFd]) -> Result<usize, Errno> {
    let rights = [ControlMessage::ScmRights(fds)];
    let control = if fds.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None)
}

/// Sends a whole frame on a blocking socket.
pub(crate) fn send(socket: BorrowedFd<'_>, message: &impl Serialize) -> Result<(), Errno> {
    let bytes = encode(message).map_err(|_| Errno::EMSGSIZE)?;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        match send_some(socket, rest, &[]) {
            Ok(n) => rest = &rest[n..],
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Reads one frame from a blocking socket, with its descriptors; `None` at the end of the stream.
pub(crate) fn receive<M: for<'de> Deserialize<'de>>(
    socket: BorrowedFd<'_>,
) -> Result<Option<(M, Vec<OwnedFd>)>, Errno> {
    let (mut prefix, mut fds) = ([0; 4], Vec::new());
    if !fill(socket, &mut prefix, &mut fds)? {
        return Ok(None);
    }
    let len = u32::from_le_bytes(prefix) as usize;
    if len > MAX_REQUEST {
        return Err(Errno::EMSGSIZE);
    }
    let mut body = vec![0; len];
    if !fill(socket, &mut body, &mut fds)? {
        return Ok(None);
    }
    let message = serde_json::from_slice(&body).map_err(|_| Errno::EBADMSG)?;
    Ok(Some((message, fds)))
}

/// Fills the buffer; `false` when the stream ends first.
fn fill(socket: BorrowedFd<'_>, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<bool, Errno> {
    let mut filled = 0;
    while filled < buffer.len() {
        let mut control = nix::cmsg_space!([RawFd; MAX_FDS]);
        let mut slices = [std::io::IoSliceMut::new(&mut buffer[filled..])];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let n = match recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags) {
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
            Ok(message) => {
                for part in message.cmsgs()? {
                    if let ControlMessageOwned::ScmRights(received) = part {
                        // SAFETY: the kernel has just made these descriptors for us; nothing else owns them.
                        fds.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
                    }
                }
                message.bytes
            }
        };
        if n == 0 {
            return Ok(false);
        }
        filled += n;
    }
    Ok(true)
}
