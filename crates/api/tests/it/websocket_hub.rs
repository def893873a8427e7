//! The events of a project without sockets: subscriptions against commits that come at the same time.

use app::events::{End, Subscription, Watcher};
use app::office::Origin;
use auth::Role;
use domain::{EventId, ProjectId, TenantId};
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

use crate::websocket_world::World;

/// Longer than any event takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn watch(world: &World) -> (ProjectId, Watcher) {
    let caller = world.caller(TenantId::LOCAL, Role::Owner).await;
    let project = world.project(&caller, "a").await;
    let hub = world.state.sockets().hub();
    (project, hub.open(&caller, &Origin::default(), project).await.expect("it may"))
}

/// The next event; where this machine was too slow for the queue, by coming back as a client would.
async fn next(watcher: &Watcher, events: &mut Subscription, last: Option<EventId>) -> EventId {
    loop {
        match timeout(PATIENCE, events.next()).await.expect("an event is missing") {
            Ok(event) => return event.id,
            Err(End::Slow) => *events = watcher.subscribe(last).await.expect("it is kept"),
            Err(end) => panic!("{end:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_while_events_come_misses_none() {
    const EVENTS: usize = 200;
    const READERS: usize = 24;
    let world = World::new().await;
    let (project, watcher) = watch(&world).await;
    let first = world.emit(Some(project), "task.created", vec![json!({})]).await;
    let writes = async {
        let mut all = Vec::new();
        for _ in 0..EVENTS {
            all.extend(world.emit(Some(project), "run.progressed", vec![json!({})]).await);
        }
        all
    };
    // Many at once: they hold each other up between the look into the store and the live stream.
    let reads = join_all((0..READERS).map(async |reader| {
        let mut seen: Vec<EventId> = Vec::new();
        let mut round = reader;
        while seen.len() < EVENTS {
            let last = seen.last().copied().or(Some(first[0]));
            let mut events = watcher.subscribe(last).await.expect("it is kept");
            // A few each time: most of the way is coming back.
            round += 1;
            for _ in 0..(round % 4 + 1).min(EVENTS - seen.len()) {
                let last = seen.last().copied().or(Some(first[0]));
                seen.push(next(&watcher, &mut events, last).await);
            }
        }
        seen
    }));
    let (all, seen) = tokio::join!(writes, reads);
    for seen in seen {
        assert_eq!(seen, all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_runs_over_nobody() {
    let world = World::new().await;
    let (project, watcher) = watch(&world).await;
    let (mut first, mut second) =
        (watcher.subscribe(None).await.expect("now"), watcher.subscribe(None).await.expect("now"));
    let mut all = world.emit(Some(project), "task.created", vec![json!({})]).await;
    let begun = [first.next().await, second.next().await].map(|event| event.expect("it comes").id);
    assert_eq!(begun, [all[0], all[0]]);
    all.extend(world.emit(Some(project), "run.progressed", vec![json!({}); 600]).await);
    // Once the second one has seen the last of them, the queue of the first has overflowed.
    for events in [&mut second, &mut first] {
        let mut seen = vec![all[0]];
        while seen.len() < all.len() {
            let last = seen.last().copied();
            seen.push(next(&watcher, events, last).await);
        }
        assert_eq!(seen, all);
    }
}
