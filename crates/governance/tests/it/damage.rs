//! Random damage of rows.

use governance::{CheckpointRow, EntryRow};

use crate::fixture::Log;

/// A sequence of numbers that a seed decides (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `count`, which is not zero.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % count as u64) as usize
    }
}

/// Damages a log in one place and says how. It may come out as it was, if two rows that are swapped are one.
pub(crate) fn damage(log: &mut Log, dice: &mut Dice) -> String {
    let (entry, other) = (dice.below(log.entries.len()), dice.below(log.entries.len()));
    let (checkpoint, what) = (dice.below(log.checkpoints.len()), dice.below(16));
    let said = format!("damage {what} of entries {entry}, {other}, checkpoint {checkpoint}");
    match what {
        0..=6 => flip_entry(&mut log.entries[entry], dice),
        7 => drop(log.entries.remove(entry)),
        8 => log.entries.swap(entry, other),
        9 => swap_contents(&mut log.entries, entry, other),
        10 => log.entries.insert(entry, log.entries[other].clone()),
        11 => log.entries.truncate(entry),
        12 => log.entries[entry..].iter_mut().for_each(|row| row.seq += 1),
        13 => flip_checkpoint(&mut log.checkpoints[checkpoint], dice),
        14 => drop(log.checkpoints.remove(checkpoint)),
        _ => {
            let Some(head) = &mut log.head else { return said };
            match dice.below(4) {
                0 => head.seq ^= 1 << dice.below(64),
                1 => flip(&mut head.hash, dice),
                2 => flip(&mut head.frontier, dice),
                _ => log.head = None,
            }
        }
    }
    said
}

/// The rows keep their numbers and change the rest.
fn swap_contents(entries: &mut [EntryRow], a: usize, b: usize) {
    entries.swap(a, b);
    let (first, second) = (entries[a].seq, entries[b].seq);
    (entries[a].seq, entries[b].seq) = (second, first);
}

fn flip_entry(row: &mut EntryRow, dice: &mut Dice) {
    match dice.below(11) {
        0 => row.seq ^= 1 << dice.below(64),
        1 => row.at = domain::Timestamp::from_micros(row.at.as_micros() ^ (1 << dice.below(64))),
        2 => flip_text(&mut row.actor_kind, dice),
        3 => flip_text(&mut row.actor_id, dice),
        4 => flip_text(&mut row.action, dice),
        5 => flip_text(&mut row.subject_kind, dice),
        6 => flip_text(&mut row.subject_id, dice),
        7 => flip_text(&mut row.outcome, dice),
        8 => flip_text(&mut row.payload, dice),
        9 => flip(&mut row.prev_hash, dice),
        _ => flip(&mut row.hash, dice),
    }
}

fn flip_checkpoint(row: &mut CheckpointRow, dice: &mut Dice) {
    if dice.below(8) == 0 {
        row.size ^= 1 << dice.below(64);
    } else {
        flip_text(&mut row.note, dice);
    }
}

fn flip(bytes: &mut Vec<u8>, dice: &mut Dice) {
    match bytes.len() {
        0 => bytes.push(0),
        count => bytes[dice.below(count)] ^= 1 << dice.below(8),
    }
}

/// Flips the lowest bit of a character, or another that leaves one.
fn flip_text(text: &mut String, dice: &mut Dice) {
    let mut characters: Vec<char> = text.chars().collect();
    match characters.len() {
        0 => characters.push('x'),
        count => {
            let at = dice.below(count);
            let flipped = u32::from(characters[at]) ^ (1 << dice.below(7));
            characters[at] = char::from_u32(flipped).unwrap_or('\u{fffd}');
        }
    }
    *text = characters.into_iter().collect();
}
