//! Hearing of commits: a connection that listens.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_postgres::{AsyncMessage, Client};

use super::address::Address;
use super::driver::{Link, reach};
use super::error::classify;
use crate::error::StoreError;

/// What a commit that changed something tells, to all who listen on this database.
pub(super) const NOTIFY: &str = "NOTIFY aamas_changes";

const LISTEN: &str = "LISTEN aamas_changes";

/// Between two tries to reach a server that went away.
const PAUSE: Duration = Duration::from_secs(1);

/// How often something was heard.
#[derive(Default)]
pub(crate) struct News(AtomicU64);

impl News {
    fn heard(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

/// One who asks now and then whether there is news.
pub(crate) struct Listener {
    news: Arc<News>,
    seen: u64,
    /// Ends the connection when it is dropped.
    _stop: oneshot::Sender<()>,
}

impl Listener {
    pub(super) fn new(news: Arc<News>, stop: oneshot::Sender<()>) -> Self {
        Self { news, seen: 0, _stop: stop }
    }

    /// Whether there was news since the last call.
    pub(crate) fn heard(&mut self) -> bool {
        let now = self.news.0.load(Ordering::Acquire);
        std::mem::replace(&mut self.seen, now) != now
    }
}

/// Listens until `stop` is dropped. Answers once it hears, or why it can't; a connection that is lost later is news, as
/// is its return: in between something may have been missed.
pub(super) async fn listen(
    address: Arc<Address>,
    news: Arc<News>,
    mut stop: oneshot::Receiver<()>,
    answer: oneshot::Sender<Result<(), StoreError>>,
) {
    let mut answer = Some(answer);
    let listening = async {
        loop {
            let ended = hear(&address, &news, &mut answer).await;
            match (answer.take(), ended) {
                // Never heard anything: that was the first try.
                (Some(answer), Err(error)) => {
                    let _ = answer.send(Err(error));
                    return;
                }
                (_, ended) => {
                    news.heard();
                    if let Err(error) = ended {
                        tracing::debug!(%error, "no longer listening for changes");
                    }
                }
            }
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        _ = &mut stop => {}
        () = listening => {}
    }
}

/// Listens on one connection until it ends.
async fn hear(
    address: &Address,
    news: &News,
    answer: &mut Option<oneshot::Sender<Result<(), StoreError>>>,
) -> Result<(), StoreError> {
    let failed = |e: &tokio_postgres::Error| classify(&address.shown, "listen for changes", e);
    let (client, mut link) = reach(address).await?;
    tokio::select! {
        biased;
        ended = carry(&mut link, news) => return ended.map_err(|e| failed(&e)),
        begun = begin(&client) => begun.map_err(|e| failed(&e))?,
    }
    match answer.take() {
        Some(answer) => drop(answer.send(Ok(()))),
        None => news.heard(),
    }
    carry(&mut link, news).await.map_err(|e| failed(&e))
}

async fn begin(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(LISTEN).await
}

async fn carry(link: &mut Link, news: &News) -> Result<(), tokio_postgres::Error> {
    let mut next = pin!(poll_fn(|context| link.poll_message(context)));
    while let Some(message) = next.as_mut().await {
        if matches!(message?, AsyncMessage::Notification(_)) {
            news.heard();
        }
    }
    Ok(())
}
