//! The egress broker: the only way out of a sandbox, off unless asked for.
//!
//! It lives in the host's process and listens on a unix socket, which a forwarder inside offers as an HTTP proxy. It takes
//! `CONNECT host:443` for listed hosts, resolves the name once and connects to what it resolved, only public addresses
//! unless the host is listed as private, and passes nothing on until the client's TLS greeting names the same host. It sees
//! no content, follows no redirect and adds no credential.

mod address;
mod hello;
mod request;
mod tunnel;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use address::is_public;
pub use hello::{HelloError, server_name};
pub use request::{AllowedHost, InvalidHost};

use crate::SandboxError;

/// Refusals that are kept for the report.
const KEPT_REFUSALS: usize = 100;

/// What a run may reach.
#[derive(Clone, Debug)]
pub struct BrokerOptions {
    /// The hosts; an empty list refuses everything.
    pub allow: Vec<AllowedHost>,
    /// Bytes that may pass in all, both ways together.
    pub budget_bytes: u64,
    /// Connections at one time; more wait.
    pub connections: usize,
    /// Addresses of names that are not asked of the system, such as those of a private mirror.
    pub fixed: Vec<(String, IpAddr)>,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self { allow: Vec::new(), budget_bytes: 4 << 30, connections: 32, fixed: Vec::new() }
    }
}

/// Why a connection was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a `CONNECT` request, or one that can't be read.
    #[error("only CONNECT is understood")]
    NotConnect,
    /// The host or the port is not listed.
    #[error("{0} is not on the list of allowed hosts")]
    NotAllowed(String),
    /// The name has no address that may be reached.
    #[error("{0} has no public address")]
    NotPublic(String),
    /// Nothing answered.
    #[error("{0} can't be reached")]
    Unreachable(String),
    /// What followed was no TLS, or named another host.
    #[error("{host}: {why}")]
    Greeting {
        /// The host that was asked for.
        host: String,
        /// What was wrong.
        why: HelloError,
    },
    /// The budget is spent.
    #[error("the budget of {0} bytes is spent")]
    Budget(u64),
    /// Took too long to say what it wants.
    #[error("the request took too long")]
    Late,
}

/// A broker that runs.
#[derive(Debug)]
pub struct Broker {
    path: PathBuf,
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    options: BrokerOptions,
    passed: AtomicU64,
    refusals: Mutex<VecDeque<Refused>>,
}

impl Broker {
    /// Listens on a new unix socket at `path`, for [`crate::MountPlan::broker`]. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the socket can't be made.
    pub fn start(path: impl Into<PathBuf>, options: BrokerOptions) -> Result<Self, SandboxError> {
        let path = path.into();
        let listener =
            listen(&path).map_err(|e| SandboxError::host(format!("listen on {}", path.display()), e))?;
        let refusals = Mutex::default();
        let shared = Arc::new(Shared { options, passed: AtomicU64::new(0), refusals });
        let stop = CancellationToken::new();
        let task = tokio::runtime::Handle::current().spawn(serve(listener, shared.clone(), stop.clone()));
        Ok(Self { path, shared, stop, task: Some(task) })
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes passed so far, both ways together.
    #[must_use]
    pub fn passed_bytes(&self) -> u64 {
        self.shared.passed.load(Ordering::Relaxed)
    }

    /// The last refusals, oldest first.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refused> {
        self.shared.lock().iter().cloned().collect()
    }

    /// Ends all connections and removes the socket.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Shared {
    /// Takes bytes from the budget.
    fn spend(&self, bytes: usize) -> Result<(), Refused> {
        let budget = self.options.budget_bytes;
        let before = self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) > budget { Err(Refused::Budget(budget)) } else { Ok(()) }
    }

    fn refuse(&self, refused: Refused) {
        tracing::warn!(reason = %refused, "the egress broker refused a connection");
        let mut refusals = self.lock();
        if refusals.len() == KEPT_REFUSALS {
            refusals.pop_front();
        }
        refusals.push_back(refused);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Refused>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Anyone may connect who can reach the socket; it lies in a directory of AAMAS's own, and inside sandboxes that may.
fn listen(path: &Path) -> std::io::Result<UnixListener> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    Ok(listener)
}

async fn serve(listener: UnixListener, shared: Arc<Shared>, stop: CancellationToken) {
    let turns = Arc::new(Semaphore::new(shared.options.connections));
    let mut tunnels = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = tunnels.join_next() => continue,
            accepted = async {
                let turn = turns.clone().acquire_owned().await.ok()?;
                Some((listener.accept().await, turn))
            } => accepted,
        };
        let Some((Ok((client, _)), turn)) = accepted else { continue };
        let shared = shared.clone();
        tunnels.spawn(async move {
            if let Err(refused) = tunnel::serve(client, &shared).await {
                shared.refuse(refused);
            }
            drop(turn);
        });
    }
    tunnels.shutdown().await;
}
