//! The step from the store to the live stream, with the pump at every place where it can be.

use std::sync::Arc;

use auth::{Caller, Principal, Role};
use domain::{Clock, EventId, ProjectState};
use serde_json::json;
use store::{NewEvent, OpenOptions, ProjectRecord, Store};
use tempfile::TempDir;

use super::standing::Judge;
use super::*;
use crate::records::{ProjectDoc, to_doc};
use crate::{Desk, Settings};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }
}

fn zeros() -> [u8; 10] {
    [0; 10]
}

const TENANT: TenantId = TenantId::LOCAL;

fn project() -> ProjectId {
    ProjectId::from_bytes([4; 16])
}

fn owner() -> Caller {
    Caller {
        tenant: TENANT,
        principal: Principal::User { id: "user".into(), name: "Ada".into(), email: String::new() },
        role: Role::Owner,
        project_scope: None,
        mfa: false,
        session: None,
        token: None,
    }
}

async fn hub() -> (TempDir, EventHub) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(dir.path(), OpenOptions::default()).expect("an empty directory opens");
    let now = Fixed.now();
    let record = ProjectRecord {
        id: project(),
        number: 0,
        name: "a".into(),
        repository_url: "/a".into(),
        state: ProjectState::Active,
        created_at: now,
        updated_at: now,
        version: 1,
        doc: to_doc(&ProjectDoc::default()),
    };
    store.write(TENANT, move |tx| tx.insert_project(&record)).await.expect("a project");
    let desk = Desk { store, tenant: TENANT, clock: Arc::new(Fixed), random: zeros };
    (dir, EventHub::new(Platform::new(&desk, || [0; 32], Settings::default())))
}

/// Commits the event with this number.
async fn emit(hub: &EventHub, n: u64) {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    let event = NewEvent {
        id: EventId::from_bytes(id),
        kind: "dev.aamas.task.created".into(),
        subject: "x".into(),
        data: json!({ "project_id": project() }),
        at: Fixed.now(),
    };
    let store = hub.inner.platform.store();
    store.write(TENANT, move |tx| tx.append_event(&event)).await.expect("it is taken");
}

async fn pump(hub: &EventHub) {
    pump::hand_out(hub, TENANT, Judge::Nothing).await.expect("it reads");
}

/// Four events, each followed by a step of the pump or not (the bits of `pumped`), around the look into the store and the
/// joining.
async fn seen(hub: &EventHub, begin: u64, before: u64, between: u64, pumped: u8) -> Vec<u64> {
    let watcher = hub.open(&owner(), &Origin::default(), project()).await.expect("it may");
    let mut events = watcher.subscribe(None).await.expect("from now on");
    let step = async |n: u64| {
        emit(hub, begin + n).await;
        if pumped & (1 << n) != 0 {
            pump(hub).await;
        }
    };
    for n in 0..before {
        step(n).await;
    }
    let page = events.read_after(events.after).await.expect("it reads");
    for n in before..between {
        step(n).await;
    }
    events.go_on(page).await.expect("it joins");
    for n in between..4 {
        step(n).await;
    }
    pump(hub).await;
    // The end, so that a double or an event too many is seen as well.
    emit(hub, begin + 4).await;
    pump(hub).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&4) {
        let id = events.next().await.expect("it comes").id.to_bytes();
        seen.push(u64::from_be_bytes(id[8..].try_into().expect("eight bytes")) - begin);
    }
    seen
}

#[tokio::test]
async fn wherever_the_pump_is_nothing_is_missed_and_nothing_comes_twice() {
    let (_dir, hub) = hub().await;
    let mut begin = 0;
    for before in 0..=1 {
        for between in before..=3 {
            for pumped in 0..16 {
                let case = format!("{before} {between} {pumped:04b}");
                let found = seen(&hub, begin, before, between, pumped);
                let found = tokio::time::timeout(std::time::Duration::from_secs(20), found).await;
                assert_eq!(found.expect(&case), [0, 1, 2, 3, 4], "{case}");
                begin += 5;
            }
        }
    }
}
