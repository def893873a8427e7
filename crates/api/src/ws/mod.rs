//! `/ws/project/{project_id}/updates`: the events of a project as they happen.

mod frames;
mod glob;
pub(crate) mod routes;
mod session;

use std::sync::Arc;

use app::events::EventHub;
use app::office::Origin;
use app::{AppError, Platform};
use auth::Caller;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use domain::ProjectId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use glob::{Globs, MAX_GLOBS};
pub(crate) use session::{close, close_of, code};

/// Sockets at once, unless set otherwise.
pub const MAX_SOCKETS: usize = 5_000;
/// The longest frame of a client, in bytes.
pub const MAX_FRAME: usize = 64 << 10;
/// Frames up to here are read to their end, so that whoever sent one that is too long can be told.
const MAX_READ: usize = 1 << 20;
/// Frames of clients are small; 2,000 connections of 128 KB each would take 256 MB.
const READ_BUFFER: usize = 4 << 10;
/// What waits to be written to a client that does not read, at most.
const MAX_WRITE_BUFFER: usize = 1 << 20;

/// Why a socket was not opened.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What the use case says.
    #[error(transparent)]
    App(#[from] AppError),
    /// There are as many as there may be.
    #[error("there are too many open connections")]
    Full,
    /// A page of another site opened it.
    #[error("a page of another site may not open this")]
    ForeignPage,
}

/// The sockets of this process. Clones share it.
#[derive(Clone)]
pub struct Sockets {
    hub: EventHub,
    places: Arc<Semaphore>,
}

impl Sockets {
    /// At most `most` sockets over a hub that somebody runs.
    #[must_use]
    pub fn new(hub: EventHub, most: usize) -> Self {
        Self { hub, places: Arc::new(Semaphore::new(most)) }
    }

    /// Where the events come from.
    #[must_use]
    pub fn hub(&self) -> &EventHub {
        &self.hub
    }

    /// A place for one more socket, of this protocol or of GraphQL's.
    ///
    /// # Errors
    /// [`Refusal::Full`].
    pub fn place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.places.clone().try_acquire_owned().map_err(|_| Refusal::Full)
    }

    /// Opens the socket of a caller to a project.
    ///
    /// # Errors
    /// [`Refusal`], before anything is upgraded.
    pub async fn open(
        &self,
        caller: &Caller,
        origin: &Origin,
        project: ProjectId,
        upgrade: WebSocketUpgrade,
    ) -> Result<Response, Refusal> {
        let place = self.place()?;
        let watcher = self.hub.open(caller, origin, project).await?;
        Ok(bounded(upgrade).on_upgrade(move |socket| async move {
            session::run(socket, watcher).await;
            drop(place);
        }))
    }
}

/// The caller behind the ticket of an address.
///
/// # Errors
/// [`AppError::Unauthenticated`].
pub async fn caller_of_ticket(platform: &Platform, ticket: &str) -> Result<Caller, AppError> {
    use app::authenticate::{Carrier, caller_of};
    caller_of(platform, Carrier::Address, ticket).await
}

/// An upgrade with bounds on what a client can make us keep.
pub(crate) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(MAX_READ)
        .max_frame_size(MAX_READ)
}

/// Refuses pages of other sites: a browser names the page that opens a socket and sends cookies with it.
///
/// # Errors
/// [`Refusal::ForeignPage`].
pub fn same_site(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").map(|(_, authority)| authority);
    if allowed.iter().any(|known| known == origin) || own.is_some() && own == host {
        return Ok(());
    }
    Err(Refusal::ForeignPage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_are_refused() {
        let check = |origin: Option<&str>, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().expect("a value"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().expect("a value"));
            }
            same_site(&headers, &["https://board.example".to_owned()]).is_ok()
        };
        assert!(check(None, "127.0.0.1:8080"));
        assert!(check(Some("http://127.0.0.1:8080"), "127.0.0.1:8080"));
        assert!(check(Some("https://board.example"), "127.0.0.1:8080"));
        for foreign in ["http://evil.example", "null", "", "http://127.0.0.1:8081", "127.0.0.1:8080"] {
            assert!(!check(Some(foreign), "127.0.0.1:8080"), "{foreign}");
        }
    }
}
