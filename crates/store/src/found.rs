//! Finding a row by a part of its id.

use crate::error::StoreError;
use crate::tenant::TenantTx;
use crate::tx::{Column, Sql, Value};

/// How many ids an ambiguous text lists.
const SHOWN: u32 = 5;

/// What a text can mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing.
    None,
    /// Exactly one thing.
    One(T),
    /// Several; the first few of them.
    Ambiguous(Vec<T>),
}

impl<T> Found<T> {
    fn of(mut found: Vec<T>) -> Self {
        match found.len() {
            0 => Self::None,
            1 => found.pop().map_or(Self::None, Self::One),
            _ => Self::Ambiguous(found),
        }
    }
}

/// A text that stands for an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdPattern {
    /// The newest.
    Last,
    /// Everything between these two, both included; and ids that end with these bytes.
    Part { from: [u8; 16], to: [u8; 16], ending: Option<[u8; 5]> },
    /// Not a part of any id.
    Nothing,
}

impl IdPattern {
    /// Reads `last`, or a beginning of an id of this kind with or without its kind, or the last eight
    /// characters of one.
    pub(crate) fn parse(kind: &str, text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        if text == "last" {
            return Self::Last;
        }
        let digits = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_')).unwrap_or(&text);
        let bounds = bytes_of(digits, '0').zip(bytes_of(digits, 'z'));
        let ending = (digits.len() == 8).then(|| bytes_of(&format!("{digits:0>26}"), '0')).flatten();
        match (bounds, ending) {
            _ if digits.is_empty() => Self::Nothing,
            (Some((from, to)), ending) => Self::Part { from, to, ending: ending.map(last_five) },
            // The first digit of an id carries three bits: not every ending is a beginning.
            (None, Some(ending)) => {
                Self::Part { from: [0xff; 16], to: [0; 16], ending: Some(last_five(ending)) }
            }
            (None, None) => Self::Nothing,
        }
    }
}

impl TenantTx<'_> {
    pub(crate) fn resolve<T: Column + PartialEq>(
        &self,
        pattern: &IdPattern,
        last: Sql,
        between: Sql,
        ending: Sql,
    ) -> Result<Found<T>, StoreError> {
        match pattern {
            IdPattern::Nothing => Ok(Found::None),
            IdPattern::Last => Ok(Found::of(self.query(last, [], |row| row.take())?)),
            IdPattern::Part { from, to, ending: end } => {
                let mut found =
                    self.query(between, [Value::Id(*from), Value::Id(*to), SHOWN.into()], |row| row.take())?;
                if let Some(end) = end {
                    let more: Vec<T> =
                        self.query(ending, [end.as_slice().into(), SHOWN.into()], |row| row.take())?;
                    found.extend(more.into_iter().filter(|id| !found.contains(id)).collect::<Vec<_>>());
                }
                Ok(Found::of(found))
            }
        }
    }
}

/// The bytes of the id whose text is `digits` filled up with `fill`; `None` if that is not an id.
fn bytes_of(digits: &str, fill: char) -> Option<[u8; 16]> {
    let room = 26usize.checked_sub(digits.len())?;
    let text: String = digits.chars().chain(std::iter::repeat_n(fill, room)).collect();
    format!("run_{text}").parse::<domain::RunId>().ok().map(domain::RunId::to_bytes).or_else(|| {
        // An empty beginning filled with `z` is above the largest id.
        (digits.is_empty() && fill == 'z').then_some([0xff; 16])
    })
}

/// Eight characters of five bits are the last five bytes.
fn last_five(bytes: [u8; 16]) -> [u8; 5] {
    let mut five = [0; 5];
    five.copy_from_slice(&bytes[11..]);
    five
}

#[cfg(test)]
mod tests {
    use domain::RunId;

    use super::*;

    #[test]
    fn a_text_is_the_beginning_or_the_end_of_an_id_or_no_part_of_one() {
        let id = RunId::from_bytes([0x5a; 16]);
        let text = id.to_string();
        let holds = |part: &str| match IdPattern::parse("run", part) {
            IdPattern::Part { from, to, ending } => {
                let bytes = id.to_bytes();
                (from..=to).contains(&bytes) || ending.is_some_and(|end| bytes.ends_with(&end))
            }
            IdPattern::Last | IdPattern::Nothing => false,
        };
        let parts = [
            &text[..],
            &text[..9],
            &text[4..9],
            &text[4..5],
            &id.short(),
            &text.to_uppercase(),
            "last",
            "",
            "run_",
            "pr_01",
            "ü",
            "run_zz",
            "0",
        ];
        assert_eq!(
            parts.map(holds),
            [true, true, true, true, true, true, false, false, false, false, false, false, false]
        );
    }
}
