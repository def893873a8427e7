//! No call of one tenant sees or changes a row of another.

use std::path::Path;

use domain::TenantId;
use serde_json::json;
use store::{
    Found, MessageKind, NewArtifact, NewEvent, NewMessage, Page, PullRequestRecord, PullRequestState,
    RunRecord, StoreError,
};

use super::fixture::{Fixture, TENANT, TTL, add_run, at, entry, id, owner, task};

#[test]
fn another_tenants_rows_are_not_there() {
    let f = Fixture::new();
    let mine: TenantId = id();
    let (run, fence) = f.held_run();
    let object = f.store.put_object(TENANT, &b"content"[..]).expect("there is room");
    let pr = PullRequestRecord {
        id: id(),
        run,
        forge_number: None,
        title: "theirs".to_owned(),
        state: PullRequestState::Open,
        created_at: at(1),
        updated_at: at(1),
        doc: json!({}),
    };
    let artifact = NewArtifact { id: id(), run, kind: "k".into(), name: "n".into(), object, at: at(1) };
    let message = NewMessage {
        key: "k".into(),
        kind: MessageKind::Steer,
        author: "a".into(),
        body: json!(1),
        at: at(1),
    };
    let event = NewEvent { id: id(), kind: "t".into(), subject: "s".into(), data: json!(1), at: at(1) };
    let (their_pr, their_artifact) = (pr.clone(), artifact.clone());
    let again = message.clone();
    f.write(move |tx| {
        tx.append(run, fence, &[entry("secret")])?;
        tx.insert_pull_request(&pr)?;
        tx.add_artifact(&artifact)?;
        tx.post_message(run, &message)?;
        tx.append_event(&event)?;
        tx.cache_put("key", b"value", at(1))
    })
    .expect("the lease holds");

    let seen = f.store.read_blocking(mine, |tx| {
        Ok([
            tx.tasks(None, Page::newest(9))?.is_empty(),
            tx.run(run)?.is_none(),
            tx.runs(0, 9)?.is_empty(),
            tx.find_run("last")? == Found::None,
            tx.find_run(&run.to_string())? == Found::None,
            tx.find_run(&run.short())? == Found::None,
            tx.lease(run)?.is_none(),
            tx.entries(run, 1, 9)?.is_empty(),
            tx.raw_bytes(run, 1)?.is_none(),
            tx.journal_head(run)? == 0,
            !tx.has_message(run)?,
            tx.messages(run, 1, 9)?.is_empty(),
            tx.unsent_events(9)?.is_empty(),
            tx.events_after(0, 9)?.is_empty(),
            tx.pull_request(their_pr.id)?.is_none(),
            tx.pull_request_of_run(run)?.is_none(),
            tx.find_pull_request("last")? == Found::None,
            tx.artifact(their_artifact.id)?.is_none(),
            tx.artifacts(run, 9)?.is_empty(),
            tx.stored_bytes()? == 0,
            tx.cache_get("key")?.is_none(),
            matches!(tx.budget(run), Err(StoreError::NotFound { .. })),
        ])
    });
    assert_eq!(seen.expect("a look"), [true; 22]);

    let write =
        |work: fn(&mut store::TenantTx<'_>, domain::RunId, store::Fence) -> Result<(), StoreError>| {
            f.store.write_blocking(mine, move |tx| work(tx, run, fence))
        };
    let refused = [
        write(|tx, run, fence| tx.append(run, fence, &[entry("forged")]).map(drop)),
        write(|tx, run, _| tx.acquire_lease(run, &owner(2), at(1), TTL, |_| true).map(drop)),
        write(|tx, run, fence| tx.renew_lease(run, fence, at(1), TTL).map(drop)),
        write(|tx, run, fence| tx.release_lease(run, fence)),
        write(|tx, run, fence| tx.take_message(run, fence, 1, at(1)).map(drop)),
        write(|tx, run, fence| tx.spend(run, fence, &store::Spend::default())),
        write(|tx, run, _| tx.set_budget(run, None)),
        f.store.write_blocking(mine, move |tx| tx.post_message(run, &again).map(drop)),
        f.store.write_blocking(mine, move |tx| tx.save_pull_request(&their_pr)),
        f.store.write_blocking(mine, move |tx| tx.add_artifact(&their_artifact)),
    ];
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    f.store
        .write_blocking(mine, |tx| {
            tx.mark_sent(&[1], at(2))?;
            tx.cache_remove("key")?;
            tx.cache_trim(0)?;
            tx.forget_sent(at(99))
        })
        .expect("it finds nothing to change");
    assert_eq!(f.read(|tx| tx.journal_head(run)).expect("a look"), 1);
    assert_eq!(f.read(|tx| tx.unsent_events(9)).expect("a look").len(), 1);
    assert!(f.read(|tx| tx.cache_get("key")).expect("a look").is_some());
}

#[test]
fn two_tenants_may_have_the_same_ids() {
    let f = Fixture::new();
    let (task, other): (_, TenantId) = (task(), id());
    let run = RunRecord::queued(id(), task.id, Path::new("/r"), "offline", at(1));
    for tenant in [TENANT, other] {
        let (task, run) = (task.clone(), run.clone());
        f.store.write_blocking(tenant, move |tx| add_run(tx, &task, run)).expect("a new run");
    }
    let fences = [TENANT, other].map(|tenant| {
        let run = run.id;
        f.store
            .write_blocking(tenant, move |tx| {
                let fence = tx.acquire_lease(run, &owner(1), at(1), TTL, |_| false)?.fence;
                tx.append(run, fence, &[entry("x")])
            })
            .expect("a free run")
    });
    assert_eq!(fences, [[1], [1]]);
}
