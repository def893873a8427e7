//! The thread that moves the bytes of all connections of a store.
//!
//! It has a runtime of its own, so that any thread may wait for a database, one of another runtime as well, and a store
//! may be dropped anywhere.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::error::classify;
use super::watch::{News, listen};
use crate::block_on::block_on;
use crate::error::StoreError;

/// Requests that may wait; each is handed to a task at once.
const QUEUE: usize = 16;

/// For the whole of a greeting: name, TLS, password.
const GREETING: Duration = Duration::from_secs(15);

/// Between two tries to reach a server.
const PAUSE: Duration = Duration::from_millis(200);

/// For connections to say goodbye when the store is closed.
const FAREWELL: Duration = Duration::from_secs(1);

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Request {
    Connect { patience: Duration, answer: Answer<Client> },
    Listen { news: Arc<News>, stop: oneshot::Receiver<()>, answer: Answer<()> },
}

pub(crate) struct Driver {
    /// `None` while it is dropped.
    requests: Option<mpsc::Sender<Request>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Driver {
    pub(crate) fn start(address: Arc<Address>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (requests, waiting) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store-postgres".to_owned())
            .spawn(move || runtime.block_on(serve(address, waiting)))?;
        Ok(Self { requests: Some(requests), thread: Mutex::new(Some(thread)) })
    }

    /// A new connection. As long as `patience` lasts, a server that is not there or only starts is tried again.
    pub(crate) fn connect(&self, patience: Duration) -> Result<Client, StoreError> {
        let (answer, client) = oneshot::channel();
        self.ask(Request::Connect { patience, answer }, client)
    }

    /// Counts in `news` what is committed, until the other end of `stop` is dropped.
    pub(crate) fn listen(&self, news: Arc<News>, stop: oneshot::Receiver<()>) -> Result<(), StoreError> {
        let (answer, ready) = oneshot::channel();
        self.ask(Request::Listen { news, stop, answer }, ready)
    }

    fn ask<T>(
        &self,
        request: Request,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        block_on(async {
            requests.send(request).await.map_err(|_| StoreError::Closed)?;
            answer.await.map_err(|_| StoreError::Closed)?
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.requests = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It ends by itself within `FAREWELL`, and has no panics of its own.
        let _ = thread.map(thread::JoinHandle::join);
    }
}

async fn serve(address: Arc<Address>, mut waiting: mpsc::Receiver<Request>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            request = waiting.recv() => match request {
                Some(Request::Connect { patience, answer }) => {
                    tasks.spawn(carry(address.clone(), patience, answer));
                }
                Some(Request::Listen { news, stop, answer }) => {
                    tasks.spawn(listen(address.clone(), news, stop, answer));
                }
                None => break,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    // Their clients are gone, or will be soon.
    let _ = timeout(FAREWELL, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Connects, hands the client out, and then moves the bytes of the connection until it ends.
async fn carry(address: Arc<Address>, patience: Duration, answer: Answer<Client>) {
    let until = Instant::now() + patience;
    let reached = loop {
        match reach(&address).await {
            Err(StoreError::Unreachable { .. }) if Instant::now() < until => sleep(PAUSE).await,
            result => break result,
        }
    };
    let mut link = match reached {
        Ok((client, link)) => match answer.send(Ok(client)) {
            Ok(()) => link,
            // Nobody waits any more.
            Err(_) => return,
        },
        Err(error) => {
            let _ = answer.send(Err(error));
            return;
        }
    };
    while let Some(Ok(_)) = poll_fn(|context| link.poll_message(context)).await {}
}

/// The moving half of a connection.
pub(super) enum Link {
    Plain(Box<tokio_postgres::Connection<Socket, tokio_postgres::tls::NoTlsStream>>),
    Tls(Box<tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>>),
}

impl Link {
    pub(super) fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>> {
        match self {
            Self::Plain(link) => link.poll_message(context),
            Self::Tls(link) => link.poll_message(context),
        }
    }
}

/// One try to connect.
pub(super) async fn reach(address: &Address) -> Result<(Client, Link), StoreError> {
    let greeting = async {
        match &address.tls {
            None => {
                let (client, link) = address.config.connect(NoTls).await?;
                Ok((client, Link::Plain(Box::new(link))))
            }
            Some(tls) => {
                let (client, link) = address.config.connect(tls.clone()).await?;
                Ok((client, Link::Tls(Box::new(link))))
            }
        }
    };
    match timeout(GREETING, greeting).await {
        Ok(reached) => reached.map_err(|e| classify(&address.shown, "connect to the database", &e)),
        Err(_) => Err(StoreError::Unreachable {
            address: address.shown.clone(),
            detail: format!("no greeting within {} s", GREETING.as_secs()),
        }),
    }
}
