//! Events as they happen: read from the store once for all who watch, and handed to each of them without a gap and
//! without a double, from any event that is still kept.
//!
//! The store gives every event of an organization a position, in the order in which they committed. A [`Subscription`]
//! keeps the position that it has seen: it reads from the store until it is near the end, joins the live stream of its
//! project, reads up to where that began, and goes on live. Positions alone decide what comes next.

mod cause;
mod cloud;
mod pump;
mod standing;
#[cfg(test)]
mod tests;
mod ticket;

use std::collections::{HashMap, VecDeque};
use std::future::{Future as _, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use auth::{Action, Caller};
use domain::{EventId, ProjectId, TenantId, Timestamp};
use tokio::sync::{Notify, broadcast, watch};

use crate::office::Origin;
use crate::{AppError, Platform};

pub(crate) use cause::noted;
pub use cloud::Published;
pub use pump::{ring_at_commits, run};
pub use ticket::{LIFE as TICKET_LIFE, ticket};

/// Events that wait for one subscriber at most.
const QUEUE: usize = 256;
/// Events of a page of the store.
const PAGE: u32 = 200;
/// A subscriber that looks away for longer than this while its queue overflows is slow. One that does not is only hit by
/// a burst, and reads what it missed from the store.
const SLOW: Duration = Duration::from_secs(1);

/// Why a watcher gets nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The session or token ended.
    Session,
    /// The membership ended, or the events may no longer be read.
    Membership,
    /// It did not take its events fast enough.
    Slow,
    /// The server stops.
    Stopped,
}

/// The events of all organizations that somebody watches here. Clones share it.
#[derive(Clone)]
pub struct EventHub {
    inner: Arc<Inner>,
}

struct Inner {
    platform: Platform,
    streams: Mutex<HashMap<TenantId, Stream>>,
    /// Rings when somebody begins to watch an organization that nobody watched.
    begun: Notify,
    /// Keys of watchers that were given out.
    keys: AtomicU64,
}

/// What is watched of one organization.
struct Stream {
    /// Events up to this position were handed out to whoever had joined.
    cursor: u64,
    projects: HashMap<ProjectId, broadcast::Sender<Arc<Published>>>,
    watchers: HashMap<u64, Watched>,
}

/// Somebody who watches, to be told when that ends.
struct Watched {
    caller: Caller,
    project: ProjectId,
    /// Since when.
    since: Timestamp,
    end: watch::Sender<Option<End>>,
}

impl EventHub {
    /// A hub over the store of a platform. Somebody has to [`run`] it.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        let inner =
            Inner { platform, streams: Mutex::default(), begun: Notify::new(), keys: AtomicU64::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// Lets a caller watch a project.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for the project, [`AppError::Denied`].
    pub async fn open(
        &self,
        caller: &Caller,
        origin: &Origin,
        project: ProjectId,
    ) -> Result<Watcher, AppError> {
        let last = allowed(&self.inner.platform, caller, origin, project).await?;
        let (sender, end) = watch::channel(None);
        let since = self.inner.platform.now();
        let mut streams = self.streams();
        let known = streams.contains_key(&caller.tenant);
        let stream = streams.entry(caller.tenant).or_insert_with(|| Stream {
            cursor: last,
            projects: HashMap::new(),
            watchers: HashMap::new(),
        });
        let key = self.inner.keys.fetch_add(1, Ordering::Relaxed);
        stream.watchers.insert(key, Watched { caller: caller.clone(), project, since, end: sender });
        drop(streams);
        if !known {
            self.inner.begun.notify_one();
        }
        Ok(Watcher { hub: self.clone(), tenant: caller.tenant, project, key, end })
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<TenantId, Stream>> {
        self.inner.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The live events of a project from here on, and the position behind which they begin.
    fn join(
        &self,
        tenant: TenantId,
        project: ProjectId,
    ) -> Option<(broadcast::Receiver<Arc<Published>>, u64)> {
        let mut streams = self.streams();
        let stream = streams.get_mut(&tenant)?;
        let sender = stream.projects.entry(project).or_insert_with(|| broadcast::channel(QUEUE).0);
        Some((sender.subscribe(), stream.cursor))
    }
}

/// Whether the caller may watch the project; the position of the newest event.
async fn allowed(
    platform: &Platform,
    caller: &Caller,
    origin: &Origin,
    project: ProjectId,
) -> Result<u64, AppError> {
    platform
        .look(caller, origin, move |look| {
            let row = look.tx.project(project)?.ok_or_else(|| AppError::not_found("project", project))?;
            look.may(Action::EventsRead, crate::projects::resource_of(&row, look.tx.tenant())?)?;
            Ok(look.tx.last_event_position()?)
        })
        .await
}

/// A caller who watches a project.
pub struct Watcher {
    hub: EventHub,
    tenant: TenantId,
    project: ProjectId,
    key: u64,
    end: watch::Receiver<Option<End>>,
}

impl Watcher {
    /// The events of the project behind `last`, or from now on.
    ///
    /// # Errors
    /// [`AppError::Conflict`] with the code `resume_gap` when that event is no longer kept.
    pub async fn subscribe(&self, last: Option<EventId>) -> Result<Subscription, AppError> {
        let found = self
            .hub
            .inner
            .platform
            .store()
            .read(self.tenant, move |tx| match last {
                Some(id) => tx.event_position(id),
                None => tx.last_event_position().map(Some),
            })
            .await?;
        let after = found.ok_or(AppError::Conflict {
            code: "resume_gap",
            detail: "the events behind last_event_id are not kept any more".into(),
            hint: "read the resources anew, and subscribe without last_event_id",
        })?;
        Ok(Subscription {
            hub: self.hub.clone(),
            tenant: self.tenant,
            project: self.project,
            after,
            ready: VecDeque::new(),
            live: None,
            looked: Instant::now(),
            end: self.end.clone(),
        })
    }

    /// Waits until the caller may not watch any more.
    pub async fn ended(&mut self) -> End {
        ended(&mut self.end).await
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut streams = self.hub.streams();
        if let Some(stream) = streams.get_mut(&self.tenant) {
            stream.watchers.remove(&self.key);
            if stream.watchers.is_empty() {
                streams.remove(&self.tenant);
            }
        }
    }
}

async fn ended(end: &mut watch::Receiver<Option<End>>) -> End {
    match end.wait_for(Option::is_some).await {
        Ok(end) => end.unwrap_or(End::Stopped),
        Err(_) => End::Stopped,
    }
}

/// The events of a project, one after the other. It lives no longer than its [`Watcher`].
pub struct Subscription {
    hub: EventHub,
    tenant: TenantId,
    project: ProjectId,
    /// Everything up to this position was given out, or is in `ready`.
    after: u64,
    ready: VecDeque<Arc<Published>>,
    live: Option<broadcast::Receiver<Arc<Published>>>,
    /// When somebody last waited for an event.
    looked: Instant,
    end: watch::Receiver<Option<End>>,
}

impl Subscription {
    /// The next event. May be dropped at any time: nothing is lost, and nothing comes twice.
    ///
    /// # Errors
    /// Why there is none any more.
    pub async fn next(&mut self) -> Result<Arc<Published>, End> {
        let mut end = self.end.clone();
        tokio::select! {
            biased;
            why = ended(&mut end) => Err(why),
            next = self.advance() => next,
        }
    }

    async fn advance(&mut self) -> Result<Arc<Published>, End> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.looked = Instant::now();
                return Ok(event);
            }
            let Some(live) = &mut self.live else {
                self.catch_up().await?;
                continue;
            };
            let (away, looked) = (self.looked.elapsed(), &mut self.looked);
            let received = {
                let mut next = std::pin::pin!(live.recv());
                poll_fn(|cx| {
                    let polled = next.as_mut().poll(cx);
                    // Whoever waits is not away.
                    *looked = Instant::now();
                    polled
                })
                .await
            };
            match received {
                Ok(event) if event.position > self.after => {
                    self.after = event.position;
                    return Ok(event);
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) if away > SLOW => return Err(End::Slow),
                Err(broadcast::error::RecvError::Lagged(_)) => self.live = None,
                Err(broadcast::error::RecvError::Closed) => return Err(End::Stopped),
            }
        }
    }

    /// Reads on from the store; joins the live stream once the end is near.
    async fn catch_up(&mut self) -> Result<(), End> {
        let page = self.read_after(self.after).await?;
        self.go_on(page).await
    }

    /// Goes on behind a page of the store.
    async fn go_on(&mut self, page: pump::Page) -> Result<(), End> {
        let whole = page.whole;
        self.take(page);
        if whole {
            return Ok(());
        }
        // What the page could not see yet is either before the cursor, and read now, or comes live.
        let (live, cursor) = self.hub.join(self.tenant, self.project).ok_or(End::Stopped)?;
        let mut missed = VecDeque::new();
        let mut after = self.after;
        while after < cursor {
            let page = self.read_after(after).await?;
            missed.extend(page.events);
            if page.last <= after {
                break;
            }
            after = page.last;
        }
        self.ready.extend(missed);
        (self.after, self.live) = (after, Some(live));
        Ok(())
    }

    fn take(&mut self, page: pump::Page) {
        self.after = page.last;
        self.ready.extend(page.events);
    }

    async fn read_after(&self, after: u64) -> Result<pump::Page, End> {
        let page = pump::read(&self.hub.inner.platform, self.tenant, after, PAGE).await;
        let mut page = page.map_err(|_| End::Stopped)?;
        page.events.retain(|event| event.project == Some(self.project));
        Ok(page)
    }
}
