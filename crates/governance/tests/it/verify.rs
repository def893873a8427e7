//! Each kind of damage is found, and the first bad record is named.

use domain::TenantId;
use governance::FindingKind as K;
use governance::{FindingKind, Hash, Head, HeadRow, Verifier};

use crate::fixture::{Log, TENANT, key, short};

type Short = (FindingKind, Option<u64>, Option<u64>);

/// Damages the usual log and compares what is found, with the checkpoint of its whole length from outside.
fn check(damage: impl FnOnce(&mut Log), want: &[Short]) {
    let mut log = Log::usual();
    let outside = log.note(20);
    damage(&mut log);
    let report = log.verify(&[key(1).public()], &[&outside]);
    assert_eq!(short(&report.findings), want, "{report:#?}");
    assert_eq!(report.first_bad(), want.iter().filter_map(|(_, seq, _)| *seq).min());
}

#[test]
fn a_whole_log_is_whole_up_to_the_checkpoint_from_outside() {
    let log = Log::new(TENANT, 23, "true", &[0, 5, 12, 20]);
    let (five, twenty) = (log.note(5), log.note(20));
    let report = log.verify(&[key(2).public(), key(1).public()], &[&twenty, &five, &twenty]);
    let facts = (report.entries, report.checkpoints, report.anchored, report.is_whole());
    assert_eq!(facts, (23, 4, Some(20), true), "{report:#?}");
    let head = Head::from_row(TENANT, log.head.as_ref()).expect("whole");
    assert_eq!(report.root, Some(head.root()));
    for log in [Log::new(TENANT, 0, "true", &[]), Log::new(TENANT, 0, "true", &[0])] {
        assert!(log.verify(&[key(1).public()], &[]).is_whole());
    }
}

#[test]
fn a_changed_entry_is_named() {
    check(
        |log| log.entries[6].payload = log.entries[6].payload.replace("Ada", "Eve"),
        &[(K::Hash, Some(7), None)],
    );
    check(|log| log.entries[6].payload.clear(), &[(K::Hash, Some(7), None)]);
    check(|log| log.entries[6].hash[3] ^= 4, &[(K::Hash, Some(7), None), (K::Chain, Some(8), None)]);
    check(|log| log.entries[19].hash[3] ^= 4, &[(K::Hash, Some(20), None), (K::Head, None, None)]);
    check(|log| log.entries[6].hash.clear(), &[(K::Hash, Some(7), None)]);
    check(|log| log.entries[6].prev_hash[0] ^= 1, &[(K::Chain, Some(7), None)]);
    check(|log| log.entries[0].prev_hash[0] ^= 1, &[(K::Chain, Some(1), None)]);
    check(|log| log.entries[6].prev_hash.push(0), &[(K::Chain, Some(7), None)]);
}

#[test]
fn a_column_that_does_not_say_what_the_payload_says_is_named() {
    let found = [(K::Content, Some(8), None)];
    check(|log| log.entries[7].at = crate::fixture::at(99), &found);
    check(|log| log.entries[7].at = domain::Timestamp::from_micros(i64::MIN), &found);
    check(|log| log.entries[7].actor_kind = "token".into(), &found);
    check(|log| log.entries[7].actor_id.push('1'), &found);
    check(|log| log.entries[7].action.clear(), &found);
    check(|log| log.entries[7].subject_kind.clear(), &found);
    check(|log| log.entries[7].subject_id = "task_9".into(), &found);
    check(|log| log.entries[7].outcome = "done".into(), &found);
    check(|log| log.entries[6].subject_id = "task_9".into(), &[(K::Content, Some(7), None)]);
}

#[test]
fn entries_that_are_missing_doubled_or_out_of_order_are_named() {
    check(|log| drop(log.entries.remove(4)), &[(K::Missing, Some(5), None)]);
    check(|log| drop(log.entries.drain(0..3)), &[(K::Missing, Some(1), None)]);
    check(|log| log.entries.insert(9, log.entries[8].clone()), &[(K::Order, Some(9), None)]);
    check(|log| log.entries.swap(4, 5), &[(K::Missing, Some(5), None), (K::Order, Some(5), None)]);
    check(
        |log| {
            log.entries.swap(4, 5);
            (log.entries[4].seq, log.entries[5].seq) = (5, 6);
        },
        &[(K::Chain, Some(5), None), (K::Chain, Some(6), None), (K::Chain, Some(7), None)],
    );
    let renumbered = [(K::Missing, Some(5), None), (K::Hash, Some(1_000), None), (K::Order, Some(6), None)];
    let mut log = Log::usual();
    log.entries[4].seq = 1_000;
    let report = log.verify(&[key(1).public()], &[]);
    assert_eq!(short(&report.findings)[..3], renumbered, "{report:#?}");
    for seq in [0, -5, i64::MIN] {
        let mut log = Log::usual();
        log.entries[0].seq = seq;
        assert_eq!(short(&log.verify(&[], &[]).findings)[4].0, K::Order);
    }
}

#[test]
fn a_log_that_was_cut_is_found_by_head_own_and_outside_checkpoint_each_alone() {
    let cut = |log: &mut Log| log.entries.truncate(14);
    let head_of = |size: u64| Log::new(TENANT, size, "true", &[]).head;
    let (trusted, whole) = ([key(1).public()], Log::usual());
    let outside = whole.note(20);
    let end = (K::Truncated, Some(15), None);
    let (own, missing) = ((K::Truncated, Some(15), Some(20)), (K::Checkpoint, None, Some(20)));

    let mut log = whole.clone();
    cut(&mut log);
    log.checkpoints.clear();
    assert_eq!(short(&log.verify(&trusted, &[]).findings), [end]);

    let mut log = whole.clone();
    cut(&mut log);
    log.head = head_of(14);
    assert_eq!(short(&log.verify(&trusted, &[]).findings), [own]);

    log.checkpoints.pop();
    assert_eq!(short(&log.verify(&trusted, &[]).findings), [], "nothing inside knows better");
    assert_eq!(short(&log.verify(&trusted, &[&outside]).findings), [own, missing]);

    let empty = Log { checkpoints: Vec::new(), entries: Vec::new(), head: None, ..whole };
    assert!(empty.verify(&trusted, &[]).is_whole());
    let gone = [(K::Truncated, Some(1), Some(20)), missing];
    assert_eq!(short(&empty.verify(&trusted, &[&outside]).findings), gone);
}

/// Whoever can write to the database can write another history, sound in itself, without any signature. Only what lies
/// outside knows better.
#[test]
fn a_history_written_anew_is_found_only_against_a_checkpoint_from_outside() {
    let whole = Log::usual();
    let (trusted, outside) = ([key(1).public()], [whole.note(12), whole.note(20)]);
    let outside: Vec<&str> = outside.iter().map(String::as_str).collect();
    let mut forged = Log::new(TENANT, 20, "false", &[]);
    let report = forged.verify(&trusted, &[]);
    assert_eq!((report.is_whole(), report.anchored), (true, None));

    let report = forged.verify(&trusted, &outside);
    let missing = [12, 20].map(|size| (K::Checkpoint, None, Some(size)));
    let want = [vec![(K::Rewritten, Some(1), Some(12))], missing.to_vec()].concat();
    assert_eq!(short(&report.findings), want, "{report:#?}");

    // With its own checkpoints left in place, or signed by somebody else, it is found from inside.
    forged.checkpoints = whole.checkpoints.clone();
    assert_eq!(short(&forged.verify(&trusted, &[]).findings), [(K::Rewritten, Some(1), Some(5))]);

    // From entry 13 on: what the checkpoint of 12 entries was signed over still stands.
    let mut head = Head::empty(TENANT);
    let mut log = whole.clone();
    log.entries.clear();
    for n in 1..=20 {
        let new = crate::fixture::happened(n, if n > 12 { "false" } else { "true" });
        let (row, next) =
            governance::append(&head, &new, &governance::ReceiptHead::default()).expect("within the bounds");
        log.entries.push(row);
        head = next;
    }
    log.head = Some(head.to_row());
    let report = log.verify(&trusted, &outside);
    // Its own checkpoint and the one from outside say so.
    assert_eq!(short(&report.findings), [(K::Rewritten, Some(13), Some(20)); 2]);
    assert_eq!((report.anchored, report.root), (Some(12), None));
}

#[test]
fn a_head_that_does_not_fit_is_found() {
    let found = [(K::Head, None, None)];
    let change = |change: fn(&mut HeadRow)| move |log: &mut Log| log.head.iter_mut().for_each(change);
    check(|log| log.head = None, &found);
    check(change(|head| head.seq = 19), &found);
    check(change(|head| head.seq = -20), &found);
    check(change(|head| head.seq = 21), &[(K::Truncated, Some(21), None)]);
    check(change(|head| head.hash[0] ^= 1), &found);
    check(change(|head| head.hash.clear()), &found);
    check(change(|head| head.frontier[63] ^= 128), &found);
    check(change(|head| head.frontier.truncate(32)), &found);
}

#[test]
fn checkpoints_that_are_changed_missing_or_misplaced_are_found() {
    let bad = |size| (K::Checkpoint, None, size);
    check(|log| log.checkpoints[1].note.push('x'), &[bad(None)]);
    check(|log| log.checkpoints[1].size = 6, &[bad(Some(5))]);
    check(
        |log| log.checkpoints[1].note = log.checkpoints[1].note.replace("time 2", "time 3"),
        &[bad(Some(5)), bad(Some(12))],
    );
    check(|log| drop(log.checkpoints.remove(0)), &[bad(Some(5))]);
    check(|log| drop(log.checkpoints.remove(2)), &[bad(Some(20))]);
    check(|log| drop(log.checkpoints.pop()), &[bad(Some(20))]);
    check(|log| log.checkpoints.swap(1, 2), &[bad(Some(12)), bad(Some(5)), bad(Some(20))]);
    check(|log| log.checkpoints[3].note = log.checkpoints[3].note.replace("== \n", ""), &[]);

    let log = Log::usual();
    let stranger = log.verify(&[key(2).public()], &[]);
    assert_eq!(short(&stranger.findings), [0, 5, 12, 20].map(|size| bad(Some(size))));
    let unreadable = log.verify(&[key(1).public()], &["checkpoint"]);
    assert_eq!(short(&unreadable.findings), [bad(None)]);
    let mut verifier = Verifier::new(TENANT, &[key(1).public()], &[]);
    verifier.entry(&log.entries[0]);
    verifier.checkpoint(&log.checkpoints[1]);
    assert_eq!(short(&verifier.finish(None).findings), [bad(Some(5)), (K::Head, None, None)]);
}

#[test]
fn the_log_of_another_tenant_is_found() {
    let other = TenantId::from_bytes([9; 16]);
    let (ours, mut theirs) = (Log::usual(), Log::new(other, 20, "true", &[5, 20]));
    let trusted = [key(1).public()];
    let report = theirs.verify(&trusted, &[&ours.note(20)]);
    assert_eq!(short(&report.findings), [(K::Tenant, None, Some(20))]);
    theirs.tenant = TENANT;
    let report = theirs.verify(&trusted, &[]);
    let tenants = [5, 20].map(|size| (K::Tenant, None, Some(size)));
    assert_eq!(short(&report.findings)[..3], [tenants[0], tenants[1], (K::Hash, Some(1), None)]);
    check(
        |log| log.entries[6] = Log::new(other, 20, "true", &[]).entries[6].clone(),
        &[(K::Chain, Some(7), None), (K::Chain, Some(8), None)],
    );
}

#[test]
fn rows_that_cannot_be_read_are_named_and_do_not_end_the_look() {
    let log = Log::usual();
    let outside = log.note(20);
    let mut verifier = Verifier::new(TENANT, &[key(1).public()], &[&outside]);
    verifier.checkpoint(&log.checkpoints[0]);
    verifier.unreadable_checkpoint(5, "it is not text");
    log.checkpoints[2..].iter().for_each(|row| verifier.checkpoint(row));
    for row in &log.entries {
        match row.seq {
            3 => verifier.unreadable_entry(3, "the action is not text"),
            9 => {}
            _ => drop(verifier.entry(row)),
        }
    }
    verifier.unreadable_entry(i64::MIN, "nothing is");
    let report = verifier.finish(log.head.as_ref());
    let want = [
        (K::Checkpoint, None, Some(5)),
        (K::Unreadable, Some(3), None),
        (K::Missing, Some(9), None),
        (K::Order, None, None),
    ];
    assert_eq!(short(&report.findings), want, "{report:#?}");
    assert_eq!(report.first_bad(), Some(3));
}

#[test]
fn findings_are_bounded() {
    let mut log = Log::new(TENANT, 300, "true", &[]);
    log.entries.iter_mut().for_each(|row| row.payload.push(' '));
    let report = log.verify(&[], &[]);
    assert_eq!((report.findings.len(), report.more_findings), (100, 200));
    assert_eq!(report.first_bad(), Some(1));
    assert_eq!(Hash::from_slice(&log.entries[0].prev_hash), Some(Hash::ZERO));
}
