//! Whether an agent goes in circles.
//!
//! A turn's *signature* covers what was called and what came back, so that polling something that changes is no
//! circle. The figures: agents that end well repeat a turn two or three times (re-running a test); none that
//! repeated one five times was seen to end well.

use sha2::{Digest, Sha256};

/// The same turn this often in a row, or the same pair of turns: the agent is told so.
pub const REPEATS_BEFORE_HINT: usize = 3;
/// This often: the run ends as `stuck`.
pub const REPEATS_BEFORE_STUCK: usize = 5;
/// This many turns in a row in which nothing but errors came back: the run ends as `stuck`.
pub const ERRORS_BEFORE_STUCK: usize = 12;

/// What stuck detection remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circles {
    recent: Vec<[u8; 32]>,
    error_turns: usize,
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// The agent moves.
    Moving,
    /// It has begun to repeat itself.
    Repeating,
    /// It goes in circles.
    Stuck,
}

impl Circles {
    /// Takes in a finished turn: its calls as (name, arguments, result, is error).
    pub fn turn<'a>(&mut self, calls: impl IntoIterator<Item = (&'a str, &'a str, &'a str, bool)>) {
        let mut hash = Sha256::new();
        let (mut any, mut all_errors) = (false, true);
        for (name, arguments, result, is_error) in calls {
            for part in [name, arguments, result] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
            any = true;
            all_errors &= is_error;
        }
        self.error_turns = if any && all_errors { self.error_turns + 1 } else { 0 };
        self.recent.push(hash.finalize().into());
        let excess = self.recent.len().saturating_sub(4 * REPEATS_BEFORE_STUCK);
        self.recent.drain(..excess);
    }

    /// Whether the agent moves, judged by its latest turns.
    #[must_use]
    pub fn motion(&self) -> Motion {
        let repeats = (1..=3).map(|period| self.repeats(period)).max().unwrap_or(0);
        if repeats >= REPEATS_BEFORE_STUCK || self.error_turns >= ERRORS_BEFORE_STUCK {
            Motion::Stuck
        } else if repeats >= REPEATS_BEFORE_HINT {
            Motion::Repeating
        } else {
            Motion::Moving
        }
    }

    /// How many times the last `period` turns stand at the end, one after the other.
    fn repeats(&self, period: usize) -> usize {
        if self.recent.len() < period {
            return 0;
        }
        let last = &self.recent[self.recent.len() - period..];
        self.recent.rchunks(period).take_while(|chunk| *chunk == last).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motion_after(turns: &[&str]) -> Motion {
        let mut circles = Circles::default();
        for result in turns {
            circles.turn([("run_command", "{}", *result, result.starts_with('E'))]);
        }
        circles.motion()
    }

    #[test]
    fn circles_of_one_to_three_turns_are_seen() {
        assert_eq!(motion_after(&["a", "b", "c", "d", "e", "f"]), Motion::Moving);
        assert_eq!(motion_after(&["b", "a", "a", "a"]), Motion::Repeating);
        assert_eq!(motion_after(&["a"; 5]), Motion::Stuck);
        assert_eq!(motion_after(&["a", "b"].repeat(5)), Motion::Stuck);
        assert_eq!(motion_after(&["a", "b", "c"].repeat(5)), Motion::Stuck);
    }

    #[test]
    fn errors_alone_are_no_motion() {
        let errors: Vec<String> = (0..12).map(|i| format!("E{i}")).collect();
        let errors: Vec<&str> = errors.iter().map(String::as_str).collect();
        assert_eq!(motion_after(&errors), Motion::Stuck);
        assert_eq!(motion_after(&errors[1..]), Motion::Moving);
    }
}
