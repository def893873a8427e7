//! The egress broker: the only way out of a sandbox, off unless asked for.
//!
//! It lives in the host's process and listens on a unix socket, which a forwarder inside offers as an HTTP proxy. It takes
//! `CONNECT host:443` for listed hosts, resolves the name once and connects to what it resolved, only public addresses
//! unless the host is listed as private, and passes nothing on until the client's TLS greeting names the same host. Of these
//! it sees no content and adds no credential.
//!
//! Model endpoints appear inside as plain base URLs (`http://127.0.0.1:3128/NAME`, see [`Mount`]): a request that presents
//! the run's ticket and asks a model goes on to exactly that endpoint with the real key, which is never inside. What it used
//! is told as an [`Exchange`]. No redirect is followed.

mod address;
mod exchange;
mod hello;
mod mount;
mod request;
mod reverse;
mod scrub;
mod tls;
mod tunnel;
mod usage;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

pub use address::is_public;
pub use exchange::Exchange;
use exchange::Ledger;
pub use hello::{HelloError, server_name};
pub use mount::{Credential, InvalidMount, ModelApi, Mount, Upstream};
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
    /// Model endpoints; each name once.
    pub mounts: Vec<Mount>,
    /// Certificates (DER) of the authorities that model endpoints are trusted by; empty: those of the system.
    pub roots: Vec<Vec<u8>>,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            budget_bytes: 4 << 30,
            connections: 32,
            fixed: Vec::new(),
            mounts: Vec::new(),
            roots: Vec::new(),
        }
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
    /// No mount has this name.
    #[error("there is no model endpoint `{0}` here")]
    NoMount(String),
    /// The request did not present the run's ticket.
    #[error("the model endpoint `{0}` wants this run's ticket where its key would be")]
    Ticket(String),
    /// The call is not one to a model.
    #[error("`{asked}` is not a call to a model, so the model endpoint `{mount}` refuses it")]
    Call {
        /// The mount's name.
        mount: String,
        /// Method and path, bounded.
        asked: String,
    },
    /// The mount has served as many requests as it may.
    #[error("the model endpoint `{mount}` has served its {limit} requests")]
    Requests {
        /// The mount's name.
        mount: String,
        /// How many that are.
        limit: u32,
    },
    /// A request's body is longer than the mount takes.
    #[error("the model endpoint `{mount}` takes requests of at most {limit} bytes")]
    TooLarge {
        /// The mount's name.
        mount: String,
        /// How many that are.
        limit: u64,
    },
    /// The engine has closed the mounts, for the reason given.
    #[error("model calls are closed: {0}")]
    Closed(String),
    /// The endpoint sent the caller elsewhere.
    #[error("{0} redirects elsewhere; redirects are not followed")]
    Redirect(String),
    /// The endpoint's certificate was refused, or TLS failed otherwise.
    #[error("{host}: TLS failed: {why}")]
    Tls {
        /// Host and port.
        host: String,
        /// In the library's words.
        why: String,
    },
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

struct Shared {
    options: BrokerOptions,
    passed: AtomicU64,
    refusals: Mutex<VecDeque<Refused>>,
    ledger: Ledger,
    tls: OnceLock<Option<tokio_rustls::TlsConnector>>,
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
        let shared = Arc::new(Shared {
            options,
            passed: AtomicU64::new(0),
            refusals: Mutex::default(),
            ledger: Ledger::default(),
            tls: OnceLock::new(),
        });
        let stop = CancellationToken::new();
        let serving = serve(listener, shared.clone(), stop.clone()).in_current_span();
        let task = tokio::runtime::Handle::current().spawn(serving);
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

    /// What model endpoints were asked for since the last call of this, oldest first; nothing is told twice or lost.
    #[must_use]
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        self.shared.ledger.take()
    }

    /// Waits until [`Broker::take_exchanges`] has something to tell. May be dropped at any time.
    pub async fn exchanged(&self) {
        self.shared.ledger.changed().await;
    }

    /// Model requests that are under way.
    #[must_use]
    pub fn asking(&self) -> usize {
        self.shared.ledger.under_way()
    }

    /// Refuses every further model request with these words, such as when a budget is spent. What is under way ends by
    /// itself.
    pub fn close_mounts(&self, why: impl Into<String>) {
        self.shared.ledger.close(why.into());
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

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Shared {
    /// Takes bytes from the budget.
    fn spend(&self, bytes: usize) -> Result<(), Refused> {
        let budget = self.options.budget_bytes;
        let before = self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) > budget { Err(Refused::Budget(budget)) } else { Ok(()) }
    }

    /// Whether a model request may be made; counts it.
    fn admit(&self, mount: &Mount) -> Result<(), Refused> {
        self.spend(0)?;
        self.ledger.admit(mount)
    }

    /// What connects to endpoints by TLS, made at the first use; `None` when the system's authorities can't be read.
    fn tls(&self) -> Option<&tokio_rustls::TlsConnector> {
        let made = self.tls.get_or_init(|| match tls::connector(&self.options.roots) {
            Ok(connector) => Some(connector),
            Err(error) => {
                tracing::warn!(%error, "no TLS for model endpoints");
                None
            }
        });
        made.as_ref()
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
        let tunnel = async move {
            if let Err(refused) = tunnel::serve(client, &shared).await {
                shared.refuse(refused);
            }
            drop(turn);
        };
        tunnels.spawn(tunnel.in_current_span());
    }
    tunnels.shutdown().await;
}
