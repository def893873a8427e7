//! Keeps the beginning and the end of a stream in bounded memory.

use std::collections::VecDeque;

use crate::Captured;

/// A stream under way.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_bytes: usize,
    tail_bytes: usize,
    total: u64,
}

impl Capture {
    /// Keeps at most `limit` bytes, half of them from the beginning.
    pub(crate) fn new(limit: usize) -> Self {
        let head_bytes = limit.div_ceil(2);
        Self { head: Vec::new(), tail: VecDeque::new(), head_bytes, tail_bytes: limit - head_bytes, total: 0 }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.head_bytes - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.tail_bytes)..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.tail_bytes);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// Bytes taken so far, kept or not.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What was kept.
    pub(crate) fn finish(self) -> Captured {
        Captured { head: self.head, tail: self.tail.into(), total_bytes: self.total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(limit: usize, pieces: &[&str]) -> Captured {
        let mut capture = Capture::new(limit);
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        capture.finish()
    }

    #[test]
    fn all_is_kept_up_to_the_limit_and_head_and_tail_beyond() {
        let want = |head: &str, tail: &str, total_bytes| Captured {
            head: head.into(),
            tail: tail.into(),
            total_bytes,
        };
        assert_eq!(captured(6, &["ab", "cd"]), want("abc", "d", 4));
        assert_eq!(captured(6, &["abcdef"]), want("abc", "def", 6));
        assert_eq!(captured(6, &["abcdefgh", "ij"]), want("abc", "hij", 10));
        assert_eq!(captured(6, &["a", "bcdefghijklmnop"]), want("abc", "nop", 16));
        assert_eq!(captured(1, &["abc"]), want("a", "", 3));
        assert_eq!(captured(0, &["abc"]), want("", "", 3));
    }

    #[test]
    fn memory_is_bounded() {
        let mut capture = Capture::new(1000);
        for _ in 0..10_000 {
            capture.push(&[b'x'; 777]);
        }
        assert!(capture.head.capacity() + capture.tail.capacity() < 8000);
        assert_eq!(capture.total(), 7_770_000);
    }
}
