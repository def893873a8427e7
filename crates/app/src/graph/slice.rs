//! Slices of lists, as the cursor connections of Relay define them: from either end, between two items, with a total.

use auth::canonical;
use store::{Page, StoreError};

use crate::AppError;
use crate::list::{DEFAULT_LIMIT, MAX_LIMIT};

/// Rows read at a time.
const CHUNK: u32 = 200;
/// Rows that one slice looks at, at most.
const MAX_LOOKED_AT: usize = 10_000;
/// Rows that are looked at to count a list.
const MAX_COUNTED: usize = 100_000;

/// Which part of a list is asked for: `first` and `after`, or `last` and `before`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slice {
    /// At most so many, from the beginning.
    pub first: Option<i32>,
    /// Only what comes behind the item with this cursor.
    pub after: Option<String>,
    /// At most so many, from the end.
    pub last: Option<i32>,
    /// Only what comes before the item with this cursor.
    pub before: Option<String>,
}

/// Whether the whole list is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Totals {
    /// It is.
    Counted,
    /// It is not: that saves reading it.
    Uncounted,
}

/// A slice of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection<T> {
    /// Cursor and item.
    pub items: Vec<(String, T)>,
    /// Whether more comes behind it.
    pub has_next: bool,
    /// Whether something stands before it.
    pub has_previous: bool,
    /// Items of the whole list, if they were to be counted.
    pub total: Option<u64>,
}

/// The direction in which a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Newest,
    Oldest,
}

/// A slice that was asked for, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    limit: usize,
    backward: bool,
    after: Option<u64>,
    before: Option<u64>,
    order: Order,
    query: u32,
}

impl Cut {
    /// Checks what was asked. `query` is everything that the list depends on beside the slice: a cursor of another list
    /// is refused.
    pub(super) fn parse(slice: &Slice, order: Order, query: &str) -> Result<Self, AppError> {
        let query = u32::from_str_radix(&canonical::sha256_hex(query)[..8], 16).unwrap_or(0);
        let checked = |field: &str, n: Option<i32>| match n {
            None => Ok(None),
            Some(n) => usize::try_from(n)
                .ok()
                .filter(|n| *n <= MAX_LIMIT as usize)
                .map(Some)
                .ok_or_else(|| AppError::invalid(field, format!("it is a number from 0 to {MAX_LIMIT}"))),
        };
        let (first, last) = (checked("first", slice.first)?, checked("last", slice.last)?);
        if first.is_some() && last.is_some() {
            return Err(AppError::invalid("last", "ask for first or for last, not for both"));
        }
        let place = |field: &str, text: &Option<String>| {
            text.as_deref().map(|text| parse_cursor(field, text, query)).transpose()
        };
        Ok(Self {
            limit: first.or(last).unwrap_or(DEFAULT_LIMIT as usize),
            backward: last.is_some(),
            after: place("after", &slice.after)?,
            before: place("before", &slice.before)?,
            order,
            query,
        })
    }

    /// Cuts the slice out of the rows that `read` gives and that fit.
    pub(super) fn take<R, T>(
        self,
        mut read: impl FnMut(Page) -> Result<Vec<R>, StoreError>,
        number: impl Fn(&R) -> u64,
        mut fits: impl FnMut(&R) -> Result<bool, AppError>,
        mut view: impl FnMut(R) -> Result<T, AppError>,
    ) -> Result<Connection<T>, AppError> {
        // Backwards is the other direction, from the other end, turned round.
        let upwards = (self.order == Order::Oldest) != self.backward;
        let (from, to) = if self.backward { (self.before, self.after) } else { (self.after, self.before) };
        let mut page = if upwards {
            Page::Oldest { after: from, limit: CHUNK }
        } else {
            Page::Newest { before: from, limit: CHUNK }
        };
        let mut chunk = u32::try_from(self.limit + 1).unwrap_or(CHUNK);
        let (mut rows, mut seen, mut more) = (Vec::new(), 0, false);
        'read: loop {
            let found = read(limited(page, chunk))?;
            let whole = found.len() == chunk as usize;
            let last = found.last().map(&number);
            for row in found {
                let n = number(&row);
                if to.is_some_and(|to| if upwards { n >= to } else { n <= to }) {
                    break 'read;
                }
                seen += 1;
                if seen > MAX_LOOKED_AT {
                    return Err(too_far());
                }
                if !fits(&row)? {
                    continue;
                }
                if rows.len() == self.limit {
                    more = true;
                    break 'read;
                }
                rows.push((n, row));
            }
            let Some(last) = last.filter(|_| whole) else { break };
            page = page.behind(last);
            chunk = CHUNK;
        }
        if self.backward {
            rows.reverse();
        }
        let items = rows
            .into_iter()
            .map(|(n, row)| Ok((cursor(n, self.query), view(row)?)))
            .collect::<Result<_, AppError>>()?;
        let (has_next, has_previous) =
            if self.backward { (self.before.is_some(), more) } else { (more, self.after.is_some()) };
        Ok(Connection { items, has_next, has_previous, total: None })
    }
}

/// How many rows fit.
pub(super) fn count<R>(
    mut read: impl FnMut(Page) -> Result<Vec<R>, StoreError>,
    number: impl Fn(&R) -> u64,
    mut fits: impl FnMut(&R) -> Result<bool, AppError>,
) -> Result<u64, AppError> {
    let (mut page, mut seen, mut total) = (Page::newest(CHUNK), 0, 0);
    loop {
        let rows = read(page)?;
        let whole = rows.len() == CHUNK as usize;
        let last = rows.last().map(&number);
        seen += rows.len();
        for row in &rows {
            total += u64::from(fits(row)?);
        }
        let Some(last) = last.filter(|_| whole) else { return Ok(total) };
        if seen > MAX_COUNTED {
            return Err(AppError::Conflict {
                code: "too_many_to_count",
                detail: format!("the list has more than {MAX_COUNTED} items"),
                hint: "leave totalCount out",
            });
        }
        page = page.behind(last);
    }
}

/// Rows in the other direction, for lists that the store gives only newest first: the `limit` ones that come next above
/// `after`.
pub(super) fn upwards<R>(
    after: Option<u64>,
    limit: u32,
    number: impl Fn(&R) -> u64,
    mut read: impl FnMut(Option<u64>) -> Result<Vec<R>, StoreError>,
) -> Result<Vec<R>, StoreError> {
    let after = after.unwrap_or(0);
    let (mut kept, mut before) = (std::collections::VecDeque::new(), None);
    for _ in 0..=(MAX_LOOKED_AT / CHUNK as usize) {
        let rows = read(before)?;
        let Some(last) = rows.last().map(&number) else { break };
        let ended = rows.len() < CHUNK as usize;
        for row in rows.into_iter().filter(|row| number(row) > after) {
            kept.push_front(row);
        }
        if ended || last <= after {
            break;
        }
        before = Some(last);
    }
    Ok(kept.into_iter().take(limit as usize).collect())
}

/// Rows of a page.
pub(super) const fn chunk() -> u32 {
    CHUNK
}

fn too_far() -> AppError {
    AppError::Conflict {
        code: "too_far",
        detail: format!("more than {MAX_LOOKED_AT} items were looked at and few fit"),
        hint: "ask for less, or with another filter",
    }
}

fn limited(page: Page, limit: u32) -> Page {
    match page {
        Page::Newest { before, .. } => Page::Newest { before, limit },
        Page::Oldest { after, .. } => Page::Oldest { after, limit },
    }
}

fn cursor(number: u64, query: u32) -> String {
    format!("{query:08x}{number:x}")
}

fn parse_cursor(field: &str, text: &str, query: u32) -> Result<u64, AppError> {
    let refused = || AppError::invalid(field, "it is not a cursor of this list");
    let (head, tail) = text.is_ascii().then(|| text.split_at_checked(8)).flatten().ok_or_else(refused)?;
    if head != format!("{query:08x}") || !tail.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return Err(refused());
    }
    u64::from_str_radix(tail, 16).ok().filter(|n| i64::try_from(*n).is_ok()).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: Page) -> Vec<u64> {
        match page {
            Page::Newest { before, limit } => {
                (1..=9).rev().filter(|n| before.is_none_or(|b| *n < b)).take(limit as usize).collect()
            }
            Page::Oldest { after, limit } => {
                (1..=9).filter(|n| after.is_none_or(|a| *n > a)).take(limit as usize).collect()
            }
        }
    }

    fn cut(order: Order, slice: Slice) -> (Vec<u64>, bool, bool) {
        let cut = Cut::parse(&slice, order, "list").expect("a good slice");
        // Even numbers are not in the list.
        let found = cut.take(|page| Ok(rows(page)), |n| *n, |n| Ok(n % 2 == 1), Ok).expect("it reads");
        (found.items.into_iter().map(|(_, n)| n).collect(), found.has_previous, found.has_next)
    }

    fn at(number: u64) -> Option<String> {
        let query = u32::from_str_radix(&canonical::sha256_hex("list")[..8], 16).expect("hex");
        Some(cursor(number, query))
    }

    #[test]
    fn slices_are_cut_from_both_ends_in_both_orders() {
        let none = Slice::default;
        let cases = [
            (Order::Newest, Slice { first: Some(2), ..none() }, (vec![9, 7], false, true)),
            (Order::Newest, Slice { first: Some(2), after: at(7), ..none() }, (vec![5, 3], true, true)),
            (Order::Newest, Slice { first: Some(9), after: at(7), ..none() }, (vec![5, 3, 1], true, false)),
            (Order::Newest, Slice { last: Some(2), ..none() }, (vec![3, 1], true, false)),
            (Order::Newest, Slice { last: Some(2), before: at(3), ..none() }, (vec![7, 5], true, true)),
            (Order::Newest, Slice { after: at(9), before: at(3), ..none() }, (vec![7, 5], true, false)),
            (Order::Oldest, Slice { first: Some(2), after: at(3), ..none() }, (vec![5, 7], true, true)),
            (Order::Oldest, Slice { last: Some(2), ..none() }, (vec![7, 9], true, false)),
            (Order::Oldest, Slice { first: Some(0), ..none() }, (vec![], false, true)),
        ];
        for (order, slice, want) in cases {
            assert_eq!(cut(order, slice.clone()), want, "{slice:?}");
        }
        assert_eq!(count(|page| Ok(rows(page)), |n| *n, |n| Ok(n % 2 == 1)).expect("it counts"), 5);
    }

    #[test]
    fn bad_slices_are_refused() {
        let none = Slice::default;
        for slice in [
            Slice { first: Some(-1), ..none() },
            Slice { first: Some(201), ..none() },
            Slice { first: Some(1), last: Some(1), ..none() },
            Slice { after: Some("00000000".into()), ..none() },
            Slice { after: Some("000000001".into()), ..none() },
            Slice { before: Some("ü".into()), ..none() },
        ] {
            assert!(Cut::parse(&slice, Order::Newest, "list").is_err(), "{slice:?}");
        }
    }
}
