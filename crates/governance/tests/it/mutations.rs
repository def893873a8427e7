//! Every random damage is found against a checkpoint from outside, in the rows and in the file.

use governance::verify_export;

use crate::damage::{Dice, damage};
use crate::fixture::{Log, key};

/// 10,000 with `AAMAS_TEST_SLOW=1`.
#[expect(clippy::disallowed_methods, reason = "the one switch of the tests themselves")]
fn cases() -> u64 {
    let slow = std::env::var("AAMAS_TEST_SLOW").is_ok_and(|v| !v.is_empty() && v != "0");
    if slow { 10_000 } else { 500 }
}

#[test]
fn every_damage_of_rows_is_found() {
    let whole = Log::usual();
    let (trusted, outside) = ([key(1).public()], whole.note(20));
    let mut changed = 0;
    for seed in 0..cases() {
        let (mut log, mut dice) = (whole.clone(), Dice::new(seed));
        let said = damage(&mut log, &mut dice);
        let found = !log.verify(&trusted, &[&outside]).is_whole();
        let in_file =
            !verify_export(log.export().as_slice(), &trusted, &[&outside]).expect("an export").is_whole();
        assert_eq!((found, in_file), (log != whole, log != whole), "seed {seed}: {said}");
        changed += u64::from(log != whole);
    }
    assert!(changed > cases() * 9 / 10, "{changed}");
}

#[test]
fn every_damage_of_a_file_is_found() {
    let whole = Log::usual();
    let (trusted, outside, file) = ([key(1).public()], whole.note(20), whole.export());
    for seed in 0..cases() {
        let (mut damaged, mut dice) = (file.clone(), Dice::new(seed));
        let at = dice.below(file.len());
        match dice.below(4) {
            0 => damaged.truncate(at),
            1 => drop(damaged.remove(at)),
            _ => damaged[at] ^= 1 << dice.below(8),
        }
        let whole = verify_export(damaged.as_slice(), &trusted, &[&outside]).is_ok_and(|r| r.is_whole());
        // One of two equal bytes side by side may go, and it is the same file if it is the first or the second.
        assert!(!whole || damaged == file, "seed {seed}: byte {at}");
    }
}

/// Whole lines taken out, doubled and swapped: what an editor does.
#[test]
fn every_damage_of_lines_is_found() {
    let whole = Log::usual();
    let (trusted, outside, file) = ([key(1).public()], whole.note(20), whole.export());
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    for a in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(a);
        let mut doubled = lines.clone();
        doubled.insert(a, lines[a]);
        let swapped = (a + 1..lines.len()).map(|b| {
            let mut swapped = lines.clone();
            swapped.swap(a, b);
            swapped
        });
        for (i, damaged) in swapped.chain([without, doubled]).enumerate() {
            let damaged = damaged.concat();
            let whole = verify_export(damaged.as_slice(), &trusted, &[&outside]).is_ok_and(|r| r.is_whole());
            assert!(!whole, "line {a}, case {i}");
        }
    }
}
