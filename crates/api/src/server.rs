//! Listens: plain or TLS 1.3, so many connections and no more, and an end that loses nothing.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

use crate::state::ApiState;
use crate::{guard, plain_http};

/// How long the head of a request may take: slow writers are cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests that are under way may go on after a stop.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Connections at once unless there are fewer descriptors to be had.
const MAX_CONNECTIONS: usize = 10_000;
/// Descriptors that everything else needs: the store, workspaces, models.
const OWN_DESCRIPTORS: usize = 1_000;
/// Upper ends of the buckets that durations of requests are counted in.
const BUCKETS_S: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// How often callers that no longer call are forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A certificate and its key, in PEM files.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The chain, the server's own certificate first.
    pub certificates: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why the server can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The file of the certificates can't be used.
    #[error("cannot use {}: {why}", path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file of the private key can't be used.
    #[error("cannot use {}: {why}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The private key is not that of the server's own certificate.
    #[error("the key in {} does not belong to the certificate in {}", key.display(), certificates.display())]
    Mismatch {
        /// The file of the certificates.
        certificates: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// A place to listen, taken.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Takes an address.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(address: SocketAddr, tls: Option<&Tls>) -> Result<Self, ServeError> {
        let tls = tls.map(acceptor).transpose()?;
        let socket =
            TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
        Ok(Self { socket, tls })
    }

    /// The address that was taken; its port is the real one where 0 was asked for.
    ///
    /// # Errors
    /// The kernel's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor, ServeError> {
    let unfit = |why: String| ServeError::Certificates { path: tls.certificates.clone(), why };
    let unfit_key = |why: String| ServeError::Key { path: tls.key.clone(), why };
    let certificates = CertificateDer::pem_file_iter(&tls.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unfit(words(e)))?;
    if certificates.is_empty() {
        return Err(unfit("it has no certificate in PEM".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|e| match e {
        pem::Error::NoItemsFound => unfit_key("it has no private key in PEM".to_owned()),
        other => unfit_key(words(other)),
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                ServeError::Mismatch { certificates: tls.certificates.clone(), key: tls.key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => unfit(e.to_string()),
            other => unfit_key(other.to_string()),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What is wrong with a file, as the system says it.
fn words(error: pem::Error) -> String {
    match error {
        pem::Error::Io(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

/// Serves until `stop`, then lets requests that are under way end.
pub async fn serve(listener: Listener, state: ApiState, router: Router, stop: CancellationToken) {
    // Before the first request, so that none is missed.
    recorder();
    let places = Arc::new(Semaphore::new(places()));
    let tasks = TaskTracker::new();
    tasks.spawn(app::events::run(state.sockets().hub().clone(), stop.clone()));
    let mut tidy = tokio::time::interval(TIDY_EVERY);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = tidy.tick() => {
                state.rates().forget_idle();
                continue;
            }
            accepted = listener.socket.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // No descriptors left, or a peer that went away: the next one may fare better.
                tracing::warn!(error = %error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = socket.set_nodelay(true);
        let Ok(place) = places.clone().try_acquire_owned() else {
            tasks.spawn(turn_away(socket, listener.tls.is_some()));
            continue;
        };
        let (router, stop, tls) = (router.clone(), stop.clone(), listener.tls.clone());
        tasks.spawn(async move {
            let _place = place;
            match tls {
                None => connection(socket, peer, router, stop).await,
                Some(tls) => handshake(socket, &tls, peer, router, stop).await,
            }
        });
    }
    state.stop();
    drop(listener);
    tasks.close();
    if tokio::time::timeout(LAST_WORDS, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "connections were cut off");
    }
}

/// How many connections there is room for.
fn places() -> usize {
    let soft = open_files().unwrap_or(1024);
    let own = OWN_DESCRIPTORS.min(soft / 4);
    soft.saturating_sub(own).clamp(64, MAX_CONNECTIONS)
}

/// The soft limit of open files of this process.
fn open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

/// Says that there is no room, to clients that can read it.
async fn turn_away(mut socket: TcpStream, tls: bool) {
    if tls {
        return;
    }
    const BODY: &str = r#"{"type":"urn:aamas:problem:too_many_connections","title":"Too many connections","status":503,"detail":"the server has no room for another connection","code":"too_many_connections"}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 5\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let _ = tokio::time::timeout(Duration::from_secs(1), socket.write_all(answer.as_bytes())).await;
    let _ = socket.shutdown().await;
}

/// Begins TLS with a client; one that speaks plain HTTP is told so.
async fn handshake(
    socket: TcpStream,
    tls: &TlsAcceptor,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let until = tokio::time::Instant::now() + HANDSHAKE_TIMEOUT;
    match tokio::time::timeout_at(until, plain_http::begins_tls(&socket)).await {
        Ok(true) => {
            if let Ok(Ok(stream)) = tokio::time::timeout_at(until, tls.accept(socket)).await {
                connection(stream, peer, router, stop).await;
            }
        }
        Ok(false) => plain_http::turn_over(socket).await,
        Err(_) => {}
    }
}

async fn connection<S>(socket: S, peer: SocketAddr, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let mut router = router.clone();
        async move { router.call(request.map(Body::new)).await }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(128)
        .max_header_list_size(64 << 10)
        .keep_alive_interval(Duration::from_secs(30));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The recorder of this process, installed when it is first asked for.
fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let durations = Matcher::Full(guard::DURATIONS.to_owned());
        // Only an empty list of buckets is refused.
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(durations, &BUCKETS_S).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Another recorder in this process keeps its place; ours then has only what it is asked for.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}

/// All metrics in Prometheus' text format.
pub(crate) fn metrics_text() -> String {
    let handle = recorder();
    handle.run_upkeep();
    handle.render()
}
