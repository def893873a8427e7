//! What is special to a store in SQLite: its file, and the locks on it.

use std::os::unix::fs::MetadataExt as _;

use store::{AuditCheckpointRow, AuditRead, StoreError};

use crate::on_sqlite::audit;
use crate::on_sqlite::fixture::{Fixture, entry};

/// Goes around the store, as a curious person with a shell would.
#[test]
fn the_database_itself_refuses_to_change_an_entry() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    f.write(move |tx| tx.append(run, fence, &[entry("kept")])).expect("the lease holds");
    let conn = rusqlite::Connection::open(f.path().join("aamas.db")).expect("the file is there");
    let refusals = ["UPDATE journal SET body = x'00'", "DELETE FROM journal"]
        .map(|sql| conn.execute(sql, []).expect_err("append-only").to_string());
    assert_eq!(refusals, ["the journal is append-only"; 2]);
    assert_eq!(f.read(|tx| tx.entries(run, 1, 9)).expect("a look")[0].body, b"kept");
}

/// A process that closes any descriptor of a file gives up its POSIX locks on it; and without its lock, another
/// process may take an open database for one that nobody uses.
#[test]
fn opening_a_directory_twice_in_one_process_gives_up_no_lock() {
    let f = Fixture::new();
    f.held_run();
    let inode = format!(":{} ", std::fs::metadata(f.path().join("aamas.db")).expect("it is there").ino());
    let locks = || {
        let all = std::fs::read_to_string("/proc/locks").expect("there is a /proc");
        all.lines().filter(|line| line.contains("POSIX") && line.contains(&inode)).count()
    };
    assert_eq!(locks(), 1);
    drop(f.again());
    assert_eq!(locks(), 1);
}

#[test]
fn the_audit_is_not_changed_or_deleted_even_beside_the_store() {
    let f = audit::filled(2);
    let row = AuditCheckpointRow { size: 2, note: "note".to_owned() };
    f.write(move |tx| tx.insert_audit_checkpoint(&row)).expect("the first");
    let conn = rusqlite::Connection::open(f.path().join("aamas.db")).expect("our file");
    for statement in [
        "UPDATE audit_entries SET action = 'x'",
        "DELETE FROM audit_entries WHERE seq = 2",
        "UPDATE audit_head SET frontier = x'00'",
        "UPDATE audit_head SET seq = 1",
        "DELETE FROM audit_head",
        "UPDATE audit_checkpoints SET note = 'x'",
        "DELETE FROM audit_checkpoints",
    ] {
        let refused = conn.execute(statement, []).map_err(|e| e.to_string());
        assert_eq!(refused, Err("the audit is append-only".to_owned()), "{statement}");
    }
}

#[test]
fn a_row_of_the_audit_that_is_not_text_is_shown_as_damaged_and_hides_no_other() {
    let f = audit::filled(3);
    let row = AuditCheckpointRow { size: 2, note: "note".to_owned() };
    f.write(move |tx| tx.insert_audit_checkpoint(&row)).expect("the first");
    rusqlite::Connection::open(f.path().join("aamas.db"))
        .and_then(|conn| {
            conn.execute_batch(
                "DROP TRIGGER audit_entries_are_not_updated;
                 DROP TRIGGER audit_checkpoints_are_not_updated;
                 UPDATE audit_entries SET action = CAST(x'ff' AS TEXT) WHERE seq = 2;
                 UPDATE audit_checkpoints SET note = CAST(x'ff' AS TEXT);",
            )
        })
        .expect("our file");
    let rows = f.read(|tx| tx.audit_range(i64::MIN, i64::MAX, 9)).expect("a look");
    let damaged = |column: &str| format!("its column {column} is not of its type");
    assert_eq!(
        rows,
        [
            AuditRead { number: 1, row: Ok(audit::entry(1)) },
            AuditRead { number: 2, row: Err(damaged("action")) },
            AuditRead { number: 3, row: Ok(audit::entry(3)) },
        ]
    );
    let checkpoints = f.read(|tx| tx.audit_checkpoints(0, 9)).expect("a look");
    assert_eq!(checkpoints, [AuditRead { number: 2, row: Err(damaged("note")) }]);
    let refused = f.read(|tx| tx.audit_entry(2));
    assert!(matches!(refused, Err(StoreError::Malformed { .. })), "{refused:?}");
}
