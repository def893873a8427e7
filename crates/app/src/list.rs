//! Lists: a page, where the next one begins, and filters that rows are held against.

use auth::canonical;
use serde::Serialize;
use store::{Page, StoreError};

use crate::AppError;

/// The most items of a page.
pub const MAX_LIMIT: u32 = 200;
/// Items of a page unless asked otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Items of a page that is read as quickly as a single row.
pub(crate) const SHORT: usize = DEFAULT_LIMIT as usize;
/// Rows that one request looks at, at most: a filter that few rows pass goes on with the next page.
const MAX_LOOKED_AT: usize = 10_000;
/// Rows read at a time while a filter looks for more.
const CHUNK: u32 = 200;

/// How a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// At most so many items.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// `-created_at` (newest first, the default) or `created_at`.
    pub sort: Option<String>,
}

/// A page of items.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; none: this is the last one.
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// The same page with other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

/// The values of a filter that takes several, as words with commas between them; none: it was not given.
///
/// # Errors
/// [`AppError::Invalid`] names the word that is none.
pub(crate) fn any_of<T>(
    text: Option<&str>,
    field: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, AppError> {
    let Some(text) = text else { return Ok(None) };
    let read = |word: &str| {
        parse(word).ok_or_else(|| {
            let word: String = word.chars().take(50).collect();
            AppError::invalid(field, format!("there is no {field} {word:?}"))
        })
    };
    text.split(',').map(read).collect::<Result<_, _>>().map(Some)
}

/// A page that was asked for, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    page: Page,
    limit: usize,
    query: u32,
}

impl Asked {
    /// Checks what was asked. `query` is everything that the list depends on beside the page: a cursor of another query is
    /// refused.
    ///
    /// # Errors
    /// [`AppError::Invalid`].
    pub fn parse(paging: &Paging, query: &str) -> Result<Self, AppError> {
        let limit = paging.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(AppError::invalid("limit", format!("it is a number from 1 to {MAX_LIMIT}")));
        }
        let upwards = match paging.sort.as_deref() {
            None | Some("-created_at" | "-number") => false,
            Some("created_at" | "number") => true,
            Some(_) => return Err(AppError::invalid("sort", "it is created_at or -created_at")),
        };
        let query = digest(&format!("{query}\n{upwards}"));
        let from = paging.cursor.as_deref().map(|text| parse_cursor(text, query)).transpose()?;
        let page = if upwards {
            Page::Oldest { after: from, limit: CHUNK }
        } else {
            Page::Newest { before: from, limit: CHUNK }
        };
        Ok(Self { page, limit: limit as usize, query })
    }

    /// Whether a page without a filter is a matter of microseconds.
    #[must_use]
    pub(crate) fn is_short(&self) -> bool {
        self.limit <= SHORT
    }

    /// Reads chunks by `read` until the page is full of rows that `keep` lets through. `number` gives a row's place.
    ///
    /// # Errors
    /// Those of `read` and `keep`.
    pub fn collect<R, T>(
        self,
        mut read: impl FnMut(Page) -> Result<Vec<R>, StoreError>,
        number: impl Fn(&R) -> u64,
        mut keep: impl FnMut(R) -> Result<Option<T>, AppError>,
    ) -> Result<Listed<T>, AppError> {
        let (mut page, mut items, mut seen) = (self.page, Vec::new(), 0);
        // The first look is as short as the page; only a filter needs more.
        let mut chunk = u32::try_from(self.limit + 1).unwrap_or(CHUNK);
        loop {
            let rows = read(with_limit(page, chunk))?;
            let whole = rows.len() == chunk as usize;
            let mut last = None;
            for row in rows {
                if items.len() == self.limit || seen == MAX_LOOKED_AT {
                    let next = last.or(page_from(page));
                    return Ok(Listed { items, next_cursor: next.map(|n| cursor(n, self.query)) });
                }
                seen += 1;
                last = Some(number(&row));
                items.extend(keep(row)?);
            }
            let Some(last) = last.filter(|_| whole) else {
                return Ok(Listed { items, next_cursor: None });
            };
            page = page.behind(last);
            chunk = CHUNK;
        }
    }
}

fn page_from(page: Page) -> Option<u64> {
    match page {
        Page::Newest { before: from, .. } | Page::Oldest { after: from, .. } => from,
    }
}

fn with_limit(page: Page, limit: u32) -> Page {
    match page {
        Page::Newest { before, .. } => Page::Newest { before, limit },
        Page::Oldest { after, .. } => Page::Oldest { after, limit },
    }
}

fn digest(text: &str) -> u32 {
    u32::from_str_radix(&canonical::sha256_hex(text)[..8], 16).unwrap_or(0)
}

fn cursor(number: u64, query: u32) -> String {
    format!("{query:08x}{number:x}")
}

fn parse_cursor(text: &str, query: u32) -> Result<u64, AppError> {
    let is_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex || !(9..=24).contains(&text.len()) {
        return Err(AppError::invalid("cursor", "it is not the next_cursor of a list"));
    }
    let (head, tail) = text.split_at(8);
    let place = u64::from_str_radix(tail, 16).ok().filter(|n| i64::try_from(*n).is_ok());
    place
        .filter(|_| head == format!("{query:08x}"))
        .ok_or_else(|| AppError::unfit("cursor", "it is the next_cursor of another list, filter or order"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(limit: u32, sort: Option<&str>, keep: impl Fn(u64) -> bool) -> Vec<Vec<u64>> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let paging = Paging { limit: Some(limit), cursor, sort: sort.map(str::to_owned) };
            let asked = Asked::parse(&paging, "list").expect("a plain page");
            let read = |page| {
                Ok(match page {
                    Page::Newest { before, limit } => {
                        (1..=7).rev().filter(|n| before.is_none_or(|b| *n < b)).take(limit as usize).collect()
                    }
                    Page::Oldest { after, limit } => {
                        (1..=7).filter(|n| after.is_none_or(|a| *n > a)).take(limit as usize).collect()
                    }
                })
            };
            let listed = asked
                .collect(read, |n| *n, |n| Ok(keep(n).then_some(n)))
                .expect("reading has no way to fail");
            all.push(listed.items);
            cursor = listed.next_cursor;
            if cursor.is_none() {
                return all;
            }
        }
    }

    #[test]
    fn pages_hold_every_row_once_in_both_directions() {
        assert_eq!(pages(3, None, |_| true), [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
        assert_eq!(pages(4, Some("created_at"), |_| true), [vec![1, 2, 3, 4], vec![5, 6, 7]]);
        // Rows were left when the page was full, and none of them came through.
        assert_eq!(pages(2, None, |n| n % 3 == 0), [vec![6, 3], vec![]]);
        assert_eq!(pages(1, None, |n| n % 3 == 0), [vec![6], vec![3], vec![]]);
    }

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let paging = |cursor: &str| Paging { cursor: Some(cursor.to_owned()), ..Paging::default() };
        let good = cursor(5, digest("a\nfalse"));
        assert!(Asked::parse(&paging(&good), "a").is_ok());
        let foreign = Asked::parse(&paging(&good), "b");
        assert!(matches!(&foreign, Err(AppError::Invalid(all)) if all[0].well_formed), "{foreign:?}");
        for bad in ["", "zz", "ABCDEF0123", "ü123456789", "00000000", "ffffffffffffffffffffffff"] {
            assert!(Asked::parse(&paging(bad), "b").is_err(), "{bad}");
        }
    }
}
