//! Dates as browsers find them in nearly any text (RFC 6265bis, section 5.1.1), those of HTTP among them.

use jiff::civil::{Date, DateTime, Time, date};

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Seconds since the epoch.
pub fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none() && clock(token).is_some() {
            time = clock(token);
        } else if day.is_none() && number(token, 1, 2).is_some() {
            day = number(token, 1, 2);
        } else if month.is_none() && month_of(token).is_some() {
            month = month_of(token);
        } else if year.is_none() {
            year = number(token, 2, 4);
        }
    }
    let year = match year? {
        two @ 70..=99 => two + 1900,
        two @ 0..=69 => two + 2000,
        four => four,
    };
    let (hour, minute, second) = time?;
    let date =
        Date::new(i16::try_from(year).ok().filter(|year| *year >= 1601)?, month?, i8::try_from(day?).ok()?).ok()?;
    let time = Time::new(hour, minute, second, 0).ok()?;
    Some(date.to_datetime(time).duration_since(EPOCH).as_secs())
}

/// `%x09 / %x20-2F / %x3B-40 / %x5B-60 / %x7B-7E`.
fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// The digits at the start, which must be so many; what follows them must not begin with another digit.
fn number(token: &str, least: usize, most: usize) -> Option<i32> {
    let digits: String = token.chars().take_while(char::is_ascii_digit).collect();
    (least..=most).contains(&digits.len()).then(|| digits.parse().ok())?
}

fn clock(token: &str) -> Option<(i8, i8, i8)> {
    let mut parts = token.splitn(3, ':');
    let whole = |part: &str| {
        let fits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse::<i8>().ok())?
    };
    let (hour, minute) = (whole(parts.next()?)?, whole(parts.next()?)?);
    let second = i8::try_from(number(parts.next()?, 1, 2)?).ok()?;
    Some((hour, minute, second))
}

fn month_of(token: &str) -> Option<i8> {
    let start: String = token.chars().take(3).collect::<String>().to_ascii_lowercase();
    MONTHS.iter().position(|month| *month == start).and_then(|index| i8::try_from(index + 1).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_in_every_dress() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "6 november 1994 8:49:37pm",
            "08:49:37 6 Nov 94",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(parse("1 Jan 70 0:0:0"), Some(0));
        assert_eq!(parse("1 Jan 69 0:0:0"), Some(3_124_224_000));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "soon",
            "31 Feb 2026 00:00:00",
            "1 Jan 1600 00:00:00",
            "1 Jan 2026 24:00:00",
            "1 Jan 2026 00:00:60",
            "1 Jan 2026",
            "1 Jan 20260 1:1:1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", near in "[0-9:a-z ,JFMAN-]{0,40}") {
            let _ = (parse(&text), parse(&near));
        }
    }
}
