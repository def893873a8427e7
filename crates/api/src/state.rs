//! What every handler has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use app::audit_log::PublicKey;
use app::events::EventHub;
use app::models::Models;
use app::{Entrance, Platform};

use crate::graphql::{Graphql, Mode};
use crate::guard::{Limits, Rates};
use crate::ws::{MAX_SOCKETS, Sockets};

/// How the server is set up.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Whether this is a development server: introspection, GraphiQL.
    pub dev: bool,
    /// Whether connections are TLS, here or in front of here: cookies are `Secure` and HSTS is sent.
    pub tls: bool,
    /// Origins of other sites whose pages may call; none: only our own.
    pub allowed_origins: Vec<String>,
    /// Whether organizations are filled for a demonstration.
    pub demo: bool,
    /// The models of this server.
    pub models: Models,
    /// Keys that checkpoints of the audit may be signed with.
    pub audit_keys: Vec<PublicKey>,
    /// Limits of callers.
    pub limits: Limits,
}

/// What every handler has. Clones share it.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
}

struct Inner {
    platform: Platform,
    entrance: Entrance,
    config: Config,
    rates: Rates,
    sockets: Sockets,
    graphql: Graphql,
    request_id: fn() -> [u8; 16],
    stopping: AtomicBool,
    served: AtomicU64,
}

impl ApiState {
    /// The state of a server over these use cases. `request_id` gives bytes for the ids of requests.
    #[must_use]
    pub fn new(platform: Platform, config: Config, request_id: fn() -> [u8; 16]) -> Self {
        Self::behind(Entrance::new(&platform), config, request_id)
    }

    /// The same with a door of its own, which knows providers of identities.
    #[must_use]
    pub fn behind(entrance: Entrance, config: Config, request_id: fn() -> [u8; 16]) -> Self {
        let platform = entrance.platform().clone();
        let rates = Rates::new(config.limits);
        let hub = EventHub::new(platform.clone());
        let mode = if config.dev { Mode::Development } else { Mode::Production };
        let graphql = Graphql::new(platform.clone(), hub.clone(), mode);
        let sockets = Sockets::new(hub, MAX_SOCKETS);
        let inner = Inner {
            entrance,
            platform,
            config,
            rates,
            sockets,
            graphql,
            request_id,
            stopping: AtomicBool::new(false),
            served: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The use cases.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.inner.platform
    }

    /// What lets people in.
    #[must_use]
    pub fn entrance(&self) -> &Entrance {
        &self.inner.entrance
    }

    /// How the server is set up.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.inner.rates
    }

    /// The sockets, and behind them the events: somebody has to run its hub.
    #[must_use]
    pub fn sockets(&self) -> &Sockets {
        &self.inner.sockets
    }

    /// The graph.
    #[must_use]
    pub fn graphql(&self) -> &Graphql {
        &self.inner.graphql
    }

    pub(crate) fn new_request_id(&self) -> String {
        let id = (self.inner.request_id)();
        id.iter().fold(String::from("req_"), |mut text, byte| {
            use std::fmt::Write as _;
            // Writing into a text has no way to fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// From here on the server says that it is not ready.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn count_request(&self) {
        self.inner.served.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.inner.served.load(Ordering::Relaxed)
    }
}
