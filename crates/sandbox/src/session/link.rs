//! The socket to a run's init: requests out, replies in, matched by number.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::wire::{self, Ended, Failure, MAX_REPLY, Reply, Request, Start};
use crate::{Level, SandboxError};

/// Set-up takes milliseconds; past this something hangs.
const SETUP_LIMIT: std::time::Duration = std::time::Duration::from_secs(20);

/// How a request ended: by init's word, with processor time in microseconds.
pub(super) type Done = (Ended, u64);

/// One session's connection.
#[derive(Debug)]
pub(super) struct Link {
    writer: tokio::sync::Mutex<Writer>,
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Done>>>>,
    to_kill: Mutex<Vec<u64>>,
    next: AtomicU64,
    reader: Mutex<Option<JoinHandle<()>>>,
    launcher: u32,
}

/// A launcher's process. It ends by itself once the socket is closed, after it has put its things away; dropped before, it
/// is collected in the background.
pub(crate) struct Launched(Option<std::process::Child>);

impl Launched {
    /// Waits for its end, which comes by itself once the socket is closed.
    pub(crate) async fn wait(mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = tokio::task::spawn_blocking(move || child.wait()).await;
        }
    }

    fn kill(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
        }
    }

    fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, std::process::Child::id)
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        if let (Some(mut child), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            drop(runtime.spawn_blocking(move || child.wait()));
        }
    }
}

#[derive(Debug)]
struct Writer(tokio::net::unix::OwnedWriteHalf);

/// Why a session could not be opened.
pub(super) enum OpenError {
    /// The far side said so.
    Refused(Failure),
    /// The far side broke off or could not be started.
    Host(&'static str, io::Error),
}

/// Starts a launcher and waits until it is ready.
pub(super) async fn open(
    exe: &Path,
    arguments: &[String],
    start: &Start,
) -> Result<(std::sync::Arc<Link>, Level), OpenError> {
    let (stream, mut child) =
        spawn(exe, arguments).map_err(|e| OpenError::Host("start the sandbox's launcher", e))?;
    let (mut read, write) = stream.into_split();
    let mut writer = Writer(write);
    let greeted =
        tokio::time::timeout(SETUP_LIMIT, greet(&mut read, &mut writer, start)).await.unwrap_or_else(|_| {
            child.kill();
            Err(OpenError::Host("set up the sandbox in time", io::ErrorKind::TimedOut.into()))
        });
    let level = match greeted {
        Ok(level) => level,
        Err(error) => {
            drop((read, writer));
            child.wait().await;
            return Err(error);
        }
    };
    let link = std::sync::Arc::new(Link {
        writer: tokio::sync::Mutex::new(writer),
        waiting: Mutex::new(Some(HashMap::new())),
        to_kill: Mutex::default(),
        next: AtomicU64::new(1),
        reader: Mutex::new(None),
        launcher: child.id(),
    });
    let weak = std::sync::Arc::downgrade(&link);
    let reader = tokio::runtime::Handle::current().spawn(read_replies(weak, read, child));
    *link.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(reader);
    Ok((link, level))
}

/// Tells a launcher what to be and waits until it is.
async fn greet(read: &mut OwnedReadHalf, writer: &mut Writer, start: &Start) -> Result<Level, OpenError> {
    let frame =
        wire::encode(start).map_err(|e| OpenError::Host("describe the sandbox (a path is not UTF-8?)", e))?;
    writer.send(&frame, &[]).await.map_err(|e| OpenError::Host("talk to the sandbox's launcher", e))?;
    match read_reply(read).await.map_err(|e| OpenError::Host("hear from the sandbox's launcher", e))? {
        Reply::Ready { level } => Ok(level),
        Reply::Failed(failure) => Err(OpenError::Refused(failure)),
        Reply::Done { .. } | Reply::Row(_) => {
            Err(OpenError::Host("understand the sandbox's launcher", io::ErrorKind::InvalidData.into()))
        }
    }
}

impl OpenError {
    /// As the crate's error: a missing primitive is told with its fix.
    pub(super) fn explain(self, wanted: Level) -> SandboxError {
        match self {
            Self::Refused(failure) => crate::probe::explain(wanted, failure),
            Self::Host(doing, source) => SandboxError::host(doing, source),
        }
    }
}

/// The one place where AAMAS starts a process outside of a sandbox: itself, with nothing of its environment.
#[expect(clippy::disallowed_methods, reason = "this is where sandboxes are made")]
pub(crate) fn spawn(exe: &Path, arguments: &[String]) -> io::Result<(UnixStream, Launched)> {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let child = Command::new(exe)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        // Ctrl-C on a terminal goes to the whole foreground group; a sandbox ends when its owner says so.
        .process_group(0)
        .spawn()?;
    Ok((UnixStream::from_std(ours)?, Launched(Some(child))))
}

impl Link {
    /// Sends a request made from a fresh number, with descriptors, and returns what will tell its end.
    pub(super) async fn request(
        &self,
        make: impl FnOnce(u64) -> Request,
        fds: &[&OwnedFd],
    ) -> Result<(u64, oneshot::Receiver<Done>), SandboxError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let frame = wire::encode(&make(id)).map_err(|e| SandboxError::host("put a command into words", e))?;
        if frame.len() > wire::MAX_REQUEST {
            return Err(SandboxError::host("send a command so long", io::Error::from(Errno::E2BIG)));
        }
        let (tell, told) = oneshot::channel();
        match &mut *self.lock_waiting() {
            Some(waiting) => waiting.insert(id, tell),
            None => return Err(died("starting a command")),
        };
        let fds: Vec<RawFd> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
        let sent = {
            let mut writer = self.writer.lock().await;
            // Once begun a frame is finished, even if the caller goes away: half a frame would end the session.
            let sent = writer.send(&frame, &fds).await;
            self.flush_kills(&mut writer);
            sent
        };
        match sent {
            Ok(()) => Ok((id, told)),
            Err(_) => {
                self.forget(id);
                Err(died("starting a command"))
            }
        }
    }

    /// Asks for the end of a command. Never waits, so that it can be called from a destructor.
    pub(super) fn kill(&self, id: u64) {
        self.lock_kills().push(id);
        if let Ok(mut writer) = self.writer.try_lock() {
            self.flush_kills(&mut writer);
        }
    }

    /// No longer waits for an end.
    pub(super) fn forget(&self, id: u64) {
        if let Some(waiting) = &mut *self.lock_waiting() {
            waiting.remove(&id);
        }
    }

    pub(super) fn launcher_id(&self) -> u32 {
        self.launcher
    }

    /// Closes the socket and waits for the launcher's end.
    pub(super) async fn close(&self) {
        let _ = nix::sys::socket::shutdown(
            self.writer.lock().await.0.as_ref().as_raw_fd(),
            nix::sys::socket::Shutdown::Write,
        );
        let reader = self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(reader) = reader {
            let _ = reader.await;
        }
    }

    /// Requests to kill are short: they fit into any socket that is read at all.
    fn flush_kills(&self, writer: &mut Writer) {
        for id in std::mem::take(&mut *self.lock_kills()) {
            if let Ok(frame) = wire::encode(&Request::Kill { id }) {
                let _ = wire::send_some(writer.0.as_ref().as_fd(), &frame, &[]);
            }
        }
    }

    fn done(&self, id: u64, done: Done) {
        let waiting = self.lock_waiting().as_mut().and_then(|waiting| waiting.remove(&id));
        if let Some(tell) = waiting {
            let _ = tell.send(done);
        }
    }

    fn lock_waiting(&self) -> std::sync::MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Done>>>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn lock_kills(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.to_kill.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(super) fn died(doing: &str) -> SandboxError {
    SandboxError::InitDied { doing: doing.to_owned() }
}

impl Writer {
    async fn send(&mut self, frame: &[u8], fds: &[RawFd]) -> io::Result<()> {
        let (mut rest, mut fds) = (frame, fds);
        while !rest.is_empty() {
            let socket: &UnixStream = self.0.as_ref();
            let sent = socket
                .async_io(Interest::WRITABLE, || {
                    wire::send_some(socket.as_fd(), rest, fds).map_err(io::Error::from)
                })
                .await?;
            rest = &rest[sent..];
            fds = &[];
        }
        Ok(())
    }
}

/// One reply. Its sender runs beside hostile code, so nothing about it is believed: a wrong length or wrong JSON is an
/// error, and the caller ends the session.
pub(crate) async fn read_reply(read: &mut OwnedReadHalf) -> io::Result<Reply> {
    let len = read.read_u32_le().await? as usize;
    if len > MAX_REPLY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; len];
    read.read_exact(&mut body).await?;
    serde_json::from_slice(&body).map_err(io::Error::from)
}

/// Hands replies to those who wait until the socket ends, then tells all that init is gone, and collects the launcher.
async fn read_replies(link: std::sync::Weak<Link>, mut read: OwnedReadHalf, child: Launched) {
    while let Ok(reply) = read_reply(&mut read).await {
        let Some(link) = link.upgrade() else { break };
        match reply {
            Reply::Done { id, how, cpu_us } => link.done(id, (how, cpu_us)),
            // Nothing else may come now.
            Reply::Ready { .. } | Reply::Failed(_) | Reply::Row(_) => break,
        }
    }
    if let Some(link) = link.upgrade() {
        link.lock_waiting().take();
        let _ = nix::sys::socket::shutdown(read.as_ref().as_raw_fd(), nix::sys::socket::Shutdown::Both);
    }
    drop(read);
    child.wait().await;
}
