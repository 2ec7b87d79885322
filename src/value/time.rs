//! Points in time, as seconds since the epoch, in UTC.

use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, Timestamp};

use super::duration;

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
/// What follows the number of a time that the calendar cannot hold.
const BEYOND: &str = "s since the epoch";

/// RFC 3339 (`2026-11-21T00:00:00Z`) or a date alone, which means its first second in UTC. Reads back what [`show`]
/// writes.
pub fn parse(text: &str) -> Option<i64> {
    if let Some(seconds) = text.strip_suffix(BEYOND) {
        return seconds.parse().ok();
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_second());
    }
    // The last day of the year 9999, which certificates use for "never" (RFC 5280, section 4.1.2.5), is outside the
    // range of timestamps for the sake of zones; the calendar has it.
    let civil: DateTime = match text.strip_suffix('Z') {
        Some(civil) => civil.parse().ok()?,
        None => text.parse::<Date>().ok()?.into(),
    };
    Some(civil.duration_since(EPOCH).as_secs())
}

/// Seconds relative to now: `now`, `now+30d`, `now-5m`, or a bare duration, which is added to now.
pub fn parse_relative(text: &str) -> Option<i64> {
    match text.strip_prefix("now") {
        Some("") => Some(0),
        Some(rest) if rest.starts_with('-') => duration::parse(rest),
        Some(rest) => duration::parse(rest.strip_prefix('+')?),
        None => duration::parse(text),
    }
}

/// RFC 3339 in UTC; times that the calendar cannot hold are shown as seconds.
pub fn show(seconds: i64) -> String {
    match EPOCH.checked_add(SignedDuration::from_secs(seconds)) {
        Ok(civil) if civil.year() >= 0 => format!("{civil}Z"),
        Ok(_) | Err(_) => format!("{seconds}{BEYOND}"),
    }
}

/// The clock, read in one place only: everything after takes the time as a parameter.
pub fn now() -> i64 {
    Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_and_relative_times() {
        assert_eq!(parse("1970-01-02T00:00:00Z"), Some(86_400));
        assert_eq!(parse("1970-01-02"), Some(86_400));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse_relative("now"), Some(0));
        assert_eq!(parse_relative("now+30d"), Some(2_592_000));
        assert_eq!(parse_relative("now-1d"), Some(-86_400));
        assert_eq!(parse_relative("30d"), Some(2_592_000));
        assert_eq!(parse_relative("nowish"), None);
        assert_eq!(show(86_400), "1970-01-02T00:00:00Z");
        assert!(show(i64::MAX).contains("epoch"));
    }
}
