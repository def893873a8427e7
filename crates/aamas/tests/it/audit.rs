//! `aamas audit verify` on a data directory of two organizations, into which somebody else writes.

use app::audit::{AuditError, checkpoint, record};
use domain::{ReceiptId, TenantId, Timestamp};
use governance::{Actor, NewEntry, Outcome, SigningKey};
use serde_json::{Value, json};
use store::damage::{Cell, Intruder, RawAudit};
use store::{OpenOptions, ReceiptRecord, Store};

use crate::process::Ran;
use crate::world::World;

fn other() -> TenantId {
    TenantId::from_bytes([9; 16])
}

/// Two organizations with two entries, two receipts and a checkpoint each, which lies beside the database as well.
fn filled(world: &World) {
    let key = SigningKey::from_seed(&[3; 32]).expect("a seed");
    let (keys, anchors) = (world.data.join("keys"), world.data.join("checkpoints"));
    for dir in [&keys, &anchors] {
        std::fs::create_dir_all(dir).expect("our directory");
    }
    std::fs::write(keys.join("signing.pub"), key.public().to_string()).expect("our directory");
    let store = Store::open(&world.data, OpenOptions::default()).expect("an empty directory opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for tenant in [TenantId::LOCAL, other()] {
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        let enter = store.write(TenantId::INSTALLATION, move |tx| tx.enter_organization(tenant, at));
        runtime.block_on(enter).expect("a new one");
        let key = SigningKey::from_seed(&[3; 32]).expect("a seed");
        let signed = runtime.block_on(store.transact(tenant, move |tx| {
            for n in [1, 2] {
                tx.add_receipt(&receipt(n, at))?;
                record(tx, &entry(at))?;
            }
            checkpoint(tx, at, key.public(), |bytes| Some(key.sign(bytes)))
        }));
        let signed: Result<_, AuditError> = signed;
        let signed = signed.expect("our key").expect("it has grown");
        governance::write_checkpoint(&anchors, &signed).expect("our directory");
    }
    store.close();
}

fn entry(at: Timestamp) -> NewEntry {
    NewEntry {
        at,
        actor: Actor { kind: "user".into(), id: "user_1".into(), name: None },
        action: "task.create".into(),
        subject: None,
        detail: Value::Null,
        outcome: Outcome::Done,
        request_id: None,
    }
}

fn receipt(n: u8, at: Timestamp) -> ReceiptRecord {
    ReceiptRecord {
        number: 0,
        id: ReceiptId::from_bytes([n; 16]),
        at,
        principal: "user_1".into(),
        action: "tasks.create".into(),
        resource: "Project:project_1".into(),
        decision: "deny".into(),
        doc: json!({ "decision": false }),
    }
}

fn verify(world: &World, more: &[&str]) -> Ran {
    world.aamas([&["audit", "verify"], more].concat()).unwatched().raw()
}

/// What is wrong, in all organizations or the one that was named.
fn kinds(ran: &Ran) -> Vec<String> {
    let findings = ran.document()["findings"].as_array().cloned().expect("a list");
    findings
        .iter()
        .map(|f| format!("{} {}", f["kind"].as_str().unwrap_or("?"), f["organization_id"]))
        .collect()
}

#[test]
fn all_organizations_are_verified_and_against_the_checkpoints_beside_the_database() {
    let world = World::empty();
    filled(&world);
    let whole = verify(&world, &[]);
    let document = whole.document();
    let facts = |one: &Value| {
        ["valid", "organization_id", "entries", "receipts", "receipts_bound", "anchored"]
            .map(|m| one[m].clone())
    };
    let expected = |tenant| [json!(true), json!(tenant), json!(2), json!(2), json!(2), json!(2)];
    assert_eq!((whole.code, facts(&document)), (0, expected(TenantId::LOCAL)), "{whole}");
    let each: Vec<_> = document["organizations"].as_array().expect("a list").iter().map(facts).collect();
    assert_eq!(each, [expected(TenantId::LOCAL), expected(other())], "{whole}");
    let words = world.in_words(["audit", "verify"]).unwatched().raw();
    assert!(words.stdout.contains(&other().to_string()), "{words}");
    assert!(words.stdout.contains("2 of 2 organizations whole"), "{words}");

    let theirs = Cell::Blob(other().to_bytes().to_vec());
    let place = |rows: &[Vec<Cell>]| rows.iter().rposition(|row| row[0] == theirs).expect("theirs");
    let mut intruder = Intruder::open(&world.data).expect("our file");
    let sound = intruder.read().expect("our rows");
    let mut check = |damage: &dyn Fn(&mut RawAudit), more: &[&str], want: &[&str]| {
        let mut damaged = sound.clone();
        damage(&mut damaged);
        intruder.write(&damaged).expect("rows of their types");
        let found = verify(&world, more);
        assert_eq!(kinds(&found), want, "{found}");
        assert_eq!(
            (found.code, &found.document()["valid"]),
            (if want.is_empty() { 0 } else { 3 }, &json!(want.is_empty()))
        );
    };
    let of_other = |kind: &str| format!("{kind} \"{}\"", other());
    let last_entry = |rows: &mut RawAudit| drop(rows.tables[0].remove(place(&rows.tables[0])));
    check(&last_entry, &[], &[&of_other("truncated"), &of_other("truncated"), &of_other("truncated")]);
    check(&last_entry, &["--organization", &TenantId::LOCAL.to_string()], &[]);
    check(
        &|rows| rows.tables[2].clear(),
        &[],
        &[&format!("checkpoint \"{}\"", TenantId::LOCAL), &of_other("checkpoint")],
    );
    check(
        &|rows| rows.tables[3].clear(),
        &["--organization", &other().to_string()],
        &["receipt null", "receipt null"],
    );
    let allowed = |rows: &mut RawAudit| {
        let at = place(&rows.tables[3]);
        rows.tables[3][at][7] = Cell::Text(b"allow".to_vec());
    };
    check(&allowed, &[], &[&of_other("receipt")]);
    check(&|_| {}, &[], &[]);
}
