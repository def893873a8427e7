//! Timeframes, and the hours and days that they are cut into. All in UTC.

use domain::Timestamp;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// How far back analytics look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeframe {
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
    /// 90 days.
    Quarter,
}

impl Timeframe {
    /// Every timeframe.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// The timeframe with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|frame| frame.as_str() == word)
    }

    /// Its length in days.
    #[must_use]
    pub fn days(self) -> u32 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// What its series are cut into: hours for a day, else days.
    #[must_use]
    pub fn bucket(self) -> Bucket {
        match self {
            Self::Day => Bucket::Hour,
            Self::Week | Self::Month | Self::Quarter => Bucket::Day,
        }
    }
}

/// An hour or a day of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// From a full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
}

impl Bucket {
    /// Its length in microseconds.
    #[must_use]
    pub fn micros(self) -> i64 {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// The beginning of the one that a moment lies in.
    #[must_use]
    pub fn start(self, at: Timestamp) -> Timestamp {
        Timestamp::from_micros(at.as_micros().div_euclid(self.micros()).saturating_mul(self.micros()))
    }
}

/// From a moment (not included) to another (included).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The moment before it begins.
    pub from: Timestamp,
    /// Its last moment.
    pub to: Timestamp,
}

impl Span {
    /// Whether a moment lies in it.
    #[must_use]
    pub fn has(self, at: Timestamp) -> bool {
        self.from < at && at <= self.to
    }

    /// The beginnings of the buckets that it touches, oldest first; the first and the last may stick out of it.
    #[must_use]
    pub fn buckets(self, bucket: Bucket) -> Vec<Timestamp> {
        let last = bucket.start(self.to);
        let mut starts = Vec::new();
        let mut next = bucket.start(back(self.from, -1));
        while next <= last {
            starts.push(next);
            next = back(next, -bucket.micros());
        }
        starts
    }
}

/// What a dashboard is of: a timeframe that ends at a moment, and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// How long both are.
    pub timeframe: Timeframe,
    /// The timeframe.
    pub now: Span,
    /// The one before.
    pub before: Span,
}

impl Period {
    /// The timeframe that ends at `to`.
    #[must_use]
    pub fn ending(timeframe: Timeframe, to: Timestamp) -> Self {
        let long = i64::from(timeframe.days()) * DAY;
        let middle = back(to, long);
        Self {
            timeframe,
            now: Span { from: middle, to },
            before: Span { from: back(middle, long), to: middle },
        }
    }

    /// The day of UTC that has begun, as far as it has come, and yesterday up to the same time.
    #[must_use]
    pub fn today(self) -> (Span, Span) {
        let to = self.now.to;
        let today = Span { from: back(Bucket::Day.start(to), 1), to };
        (today, Span { from: back(today.from, DAY), to: back(to, DAY) })
    }
}

fn back(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_sub(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_at_full_hours_or_midnights() {
        let cases = [
            (Timeframe::Day, 10 * DAY + HOUR / 2, 25),
            (Timeframe::Day, 10 * DAY, 25),
            (Timeframe::Week, 10 * DAY + HOUR, 8),
            (Timeframe::Quarter, 100 * DAY + 5, 91),
        ];
        for (frame, to, want) in cases {
            let period = Period::ending(frame, Timestamp::from_micros(to));
            let buckets = period.now.buckets(frame.bucket());
            assert_eq!(buckets.len(), want, "{frame:?} {to}");
            assert_eq!(buckets.last().copied(), Some(frame.bucket().start(period.now.to)));
        }
    }

    #[test]
    fn today_begins_at_midnight_and_yesterday_ends_at_the_same_time() {
        let period = Period::ending(Timeframe::Week, Timestamp::from_micros(10 * DAY + 7 * HOUR));
        let (today, yesterday) = period.today();
        let has = |span: Span, at: i64| span.has(Timestamp::from_micros(at));
        assert_eq!(
            [10 * DAY - 1, 10 * DAY, 10 * DAY + 7 * HOUR].map(|at| has(today, at)),
            [false, true, true]
        );
        assert_eq!(
            [9 * DAY - 1, 9 * DAY, 9 * DAY + 7 * HOUR, 9 * DAY + 7 * HOUR + 1].map(|at| has(yesterday, at)),
            [false, true, true, false]
        );
    }

    #[test]
    fn words_are_read_back() {
        assert_eq!(Timeframe::ALL.map(|f| Timeframe::from_word(f.as_str())), Timeframe::ALL.map(Some));
        assert_eq!(Timeframe::from_word("1d"), None);
    }
}
