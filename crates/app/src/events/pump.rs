//! The one reader of events for all who watch in this process.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::TenantId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::standing::{self, Judge};
use super::{End, EventHub, Published};
use crate::{AppError, Platform};

/// How often it is asked whether another process, or the engine, committed something: the question costs microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often it is looked whether those who watch still may.
const STANDING_EVERY: Duration = Duration::from_secs(5);
/// Events that are handed out at a time. Less than a queue holds, so that whoever keeps up is not run over.
const BATCH: u32 = 64;

/// Events of an organization, in their order.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) events: Vec<Arc<Published>>,
    /// The position of the last one that was looked at.
    pub(super) last: u64,
    /// Whether there may be more.
    pub(super) whole: bool,
}

/// The events behind a position.
pub(super) async fn read(
    platform: &Platform,
    tenant: TenantId,
    after: u64,
    limit: u32,
) -> Result<Page, AppError> {
    platform
        .store()
        .read(tenant, move |tx| {
            let rows = tx.events_after(after, limit)?;
            let whole = rows.len() == limit as usize;
            let last = rows.last().map_or(after, |row| row.position);
            Ok(rows
                .into_iter()
                .map(|row| Published::of(tx, row).map(Arc::new))
                .collect::<Result<_, _>>()
                .map(|events| Page { events, last, whole }))
        })
        .await?
}

/// Rings the platform's bell at the commits that its use cases do not know of: the engine's, and those of other
/// processes. The one watch of a process; whoever wants to know of commits listens to the bell.
pub async fn ring_at_commits(platform: Platform, stop: CancellationToken) {
    let mut watch: Option<store::ChangeWatch> = None;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let looked = match &mut watch {
            Some(watch) => watch.changed(),
            // What was committed before there was a watch is news as well.
            None => platform.store().watch().map(|new| watch.insert(new)).map(|_| true),
        };
        match &looked {
            Ok(true) => platform.ring(),
            Ok(false) => {}
            Err(error) if !failing => warn!(%error, "commits can't be watched just now"),
            Err(_) => {}
        }
        failing = looked.is_err();
    }
}

/// Hands out events until `stop`; then tells everybody who watches. Somebody has to [`ring_at_commits`].
pub async fn run(hub: EventHub, stop: CancellationToken) {
    let mut judged = Instant::now();
    let mut asked_anew = HashSet::new();
    while !stop.is_cancelled() {
        if hub.streams().is_empty() {
            tokio::select! {
                () = hub.inner.begun.notified() => {}
                () = stop.cancelled() => break,
            }
        }
        // Listening before reading: a commit in between rings.
        let bell = hub.inner.platform.bell().notified();
        tokio::pin!(bell);
        bell.as_mut().enable();
        let due = judged.elapsed() >= STANDING_EVERY;
        if due {
            judged = Instant::now();
        }
        let tenants: Vec<_> = hub.streams().keys().copied().collect();
        for tenant in tenants {
            let anew = due && asked_anew.remove(&tenant);
            let standing = match (due, anew) {
                (_, true) => Judge::Policies,
                (true, false) => Judge::Standing,
                (false, false) => Judge::Nothing,
            };
            match hand_out(&hub, tenant, standing).await {
                // Another process's policies are remembered a little longer than its event takes to come.
                Ok(Judge::Policies) if !anew => drop(asked_anew.insert(tenant)),
                Ok(_) => {}
                Err(error) => warn!(%error, "events are late: the store can't be read"),
            }
        }
        tokio::select! {
            () = &mut bell => {}
            () = hub.inner.begun.notified() => {}
            () = stop.cancelled() => break,
            () = tokio::time::sleep_until(judged + STANDING_EVERY) => {}
        }
    }
    for stream in hub.streams().values() {
        for watched in stream.watchers.values() {
            watched.end.send_replace(Some(End::Stopped));
        }
    }
}

/// Hands out what is new in an organization, and judges who watches; what was judged.
pub(super) async fn hand_out(hub: &EventHub, tenant: TenantId, due: Judge) -> Result<Judge, AppError> {
    let mut judge = due;
    loop {
        let Some(cursor) = hub.streams().get(&tenant).map(|stream| stream.cursor) else { return Ok(judge) };
        let page = read(&hub.inner.platform, tenant, cursor, BATCH).await?;
        judge = page.events.iter().map(|event| Judge::by(event.topic())).fold(judge, Judge::max);
        if let Some(stream) = hub.streams().get_mut(&tenant)
            && stream.cursor == cursor
        {
            for event in page.events {
                if let Some(sender) = event.project.and_then(|project| stream.projects.get(&project)) {
                    // Nobody listens: whoever comes later reads from the store.
                    let _ = sender.send(event);
                }
            }
            stream.cursor = page.last;
            stream.projects.retain(|_, sender| sender.receiver_count() > 0);
        }
        if !page.whole {
            break;
        }
        tokio::task::yield_now().await;
    }
    standing::judge(hub, tenant, judge).await?;
    Ok(judge)
}
