//! The `Retry-After` header: seconds, or an HTTP date.

use std::time::Duration;

use domain::Timestamp;

/// How long `value` asks to wait from `now` on; `None` if it says nothing that we understand.
pub(crate) fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Timestamp::from_micros(at.as_microsecond()).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let now = Timestamp::from_micros(1_763_875_131_000_000);
        for (value, want) in [
            ("12", Some(12_000)),
            (" 0.25 ", Some(250)),
            ("Sun, 23 Nov 2025 05:19:01 GMT", Some(10_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("-1", None),
            ("1e300", None),
            ("NaN", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse(value, now), want.map(Duration::from_millis), "{value}");
        }
    }
}
