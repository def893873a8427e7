//! Random damage of the audit in a real database, by somebody who can write to it past all rules. Each is found
//! against a checkpoint that was kept outside, in the database and in an export of it.

use domain::TenantId;
use governance::{Report, verify_export};
use store::damage::{Cell, Intruder, RawAudit, Rows};

use crate::audit::{TENANT, fill, open, sign, trusted};
use app::audit::{export, verify};

/// 10,000 with `AAMAS_TEST_SLOW=1`.
#[expect(clippy::disallowed_methods, reason = "the one switch of the tests themselves")]
fn cases() -> u64 {
    let slow = std::env::var("AAMAS_TEST_SLOW").is_ok_and(|v| !v.is_empty() && v != "0");
    if slow { 10_000 } else { 500 }
}

#[test]
fn every_damage_of_a_database_is_found_against_an_outside_checkpoint() {
    let (dir, store) = open();
    for (from, to) in [(1, 7), (8, 15), (16, 24)] {
        fill(&store, TENANT, from..=to);
        sign(&store, TENANT);
        fill(&store, other(), from + 100..=to + 100);
        sign(&store, other());
    }
    let outside = store.read_blocking(TENANT, |tx| tx.latest_audit_checkpoint()).expect("a look");
    let outside = outside.and_then(|read| read.row.ok()).expect("three were signed").note;

    let mut intruder = Intruder::open(dir.path()).expect("our file");
    let whole = intruder.read().expect("our rows");
    let look = |said: &str| -> [Report; 2] {
        let (here, file) = store
            .read_blocking(TENANT, |tx| {
                Ok((verify(tx, &trusted(), &[&outside])?, export(tx, Vec::new()).expect("memory")))
            })
            .unwrap_or_else(|e| panic!("{said}: {e}"));
        [here, verify_export(file.as_slice(), &trusted(), &[&outside]).expect("an export")]
    };
    assert!(look("nothing").iter().all(Report::is_whole));

    let (mut found, mut refused) = (0, 0);
    for seed in 0..cases() {
        let (mut audit, mut dice) = (whole.clone(), Dice(seed));
        let said = format!("seed {seed}: {}", damage(&mut audit, &mut dice));
        if ours(&audit) == ours(&whole) {
            refused += 1;
        } else if intruder.write(&audit).is_err() {
            // Two rows of one key, or a type that a strict table does not take: the database itself refuses.
            refused += 1;
        } else {
            // An export has the log alone.
            let seen = if audit.tables[..3] == whole.tables[..3] { 1 } else { 2 };
            let reports = look(&said);
            assert!(reports[..seen].iter().all(|report| !report.is_whole()), "{said}: {reports:#?}");
            found += 1;
        }
    }
    intruder.write(&whole).expect("our rows");
    assert!(look("all put back").iter().all(Report::is_whole));
    assert!(found > cases() * 4 / 5, "{found} found, {refused} refused or no change");
}

/// The rows that the verification of our tenant is about.
fn ours(audit: &RawAudit) -> RawAudit {
    let tenant = Cell::Blob(TENANT.to_bytes().to_vec());
    RawAudit { tables: audit.tables.each_ref().map(|rows| rows_of(rows, &tenant)) }
}

fn rows_of(rows: &Rows, tenant: &Cell) -> Rows {
    let mut rows: Rows = rows.iter().filter(|row| row[0] == *tenant).cloned().collect();
    rows.sort_by_key(|row| match row[1] {
        Cell::Int(number) => number,
        Cell::Text(_) | Cell::Blob(_) => 0,
    });
    rows
}

/// Damages our tenant's rows in one way and says how.
fn damage(audit: &mut RawAudit, dice: &mut Dice) -> String {
    let what = dice.below(16);
    let [entries, heads, checkpoints, receipts] = &mut audit.tables;
    // Ours come first: the local tenant is all zeros.
    let (count, all) = (24, entries.len());
    let (a, b) = (dice.below(count), dice.below(count));
    let checkpoint = dice.below(3);
    let other = Cell::Blob(other().to_bytes().to_vec());
    match what {
        0..=3 => {
            let column = dice.below(entries[a].len());
            flip(&mut entries[a][column], dice);
            return format!("flip column {column} of entry {}", a + 1);
        }
        4 => drop(entries.remove(a)),
        5 => {
            // Two rows change places: all but tenant and number.
            let (mut first, mut second) = (entries[a].clone(), entries[b].clone());
            first[2..].swap_with_slice(&mut second[2..]);
            (entries[a], entries[b]) = (first, second);
        }
        6 => drop(entries.drain(a..count)),
        7 => {
            for row in &mut entries[a..count] {
                if let Cell::Int(number) = &mut row[1] {
                    *number += 1 + b as i64;
                }
            }
        }
        8 => {
            // A row of the other tenant in the place of ours, or ours among theirs.
            let theirs = count + dice.below(all - count);
            if dice.below(2) == 0 {
                let (tenant, number) = (entries[a][0].clone(), entries[a][1].clone());
                entries[a] = entries[theirs].clone();
                (entries[a][0], entries[a][1]) = (tenant, number);
            } else {
                entries[a][0] = other;
                entries[a][1] = Cell::Int(1_000);
            }
        }
        9 => {
            let column = dice.below(heads[0].len());
            match dice.below(4) {
                0 => drop(heads.remove(0)),
                1 => heads[0] = [&heads[0][..1], &heads[1][1..]].concat(),
                _ => flip(&mut heads[0][column], dice),
            }
        }
        10 => {
            let column = dice.below(checkpoints[checkpoint].len());
            flip(&mut checkpoints[checkpoint][column], dice);
        }
        11 => match dice.below(3) {
            0 => drop(checkpoints.remove(checkpoint)),
            1 => checkpoints[checkpoint][0] = other,
            _ => {
                let (first, second) = (checkpoints[0][2].clone(), checkpoints[checkpoint][2].clone());
                (checkpoints[0][2], checkpoints[checkpoint][2]) = (second, first);
            }
        },
        _ => return damage_receipts(receipts, &other, dice),
    }
    format!("damage {what} of entries {} and {}, checkpoint {checkpoint}", a + 1, b + 1)
}

/// The same of our tenant's receipts, of which there is one for each entry.
fn damage_receipts(receipts: &mut Rows, other: &Cell, dice: &mut Dice) -> String {
    let (a, b, column) = (dice.below(24), dice.below(24), dice.below(receipts[0].len()));
    let what = dice.below(8);
    match what {
        0..=2 => flip(&mut receipts[a][column], dice),
        3 => drop(receipts.remove(a)),
        4 => drop(receipts.drain(a..24)),
        5 => {
            let (mut first, mut second) = (receipts[a].clone(), receipts[b].clone());
            first[2..].swap_with_slice(&mut second[2..]);
            (receipts[a], receipts[b]) = (first, second);
        }
        6 => receipts[a][0] = other.clone(),
        _ => {
            // One more, with an id of its own, and those behind it move up.
            let mut more = receipts[a].clone();
            flip(&mut more[2], dice);
            for row in &mut receipts[a..24] {
                if let Cell::Int(number) = &mut row[1] {
                    *number += 1;
                }
            }
            receipts.insert(a, more);
        }
    }
    format!("damage {what} of receipts {} and {}, column {column}", a + 1, b + 1)
}

/// Flips one bit; what is empty gets a byte.
fn flip(cell: &mut Cell, dice: &mut Dice) {
    match cell {
        Cell::Int(number) => *number ^= 1 << dice.below(64),
        Cell::Text(bytes) | Cell::Blob(bytes) if bytes.is_empty() => bytes.push(b'x'),
        Cell::Text(bytes) | Cell::Blob(bytes) => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
    }
}

/// A sequence of numbers that a seed decides (SplitMix64).
struct Dice(u64);

impl Dice {
    /// A number below `count`, which is not zero.
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % count as u64) as usize
    }
}

fn other() -> TenantId {
    TenantId::from_bytes([9; 16])
}
