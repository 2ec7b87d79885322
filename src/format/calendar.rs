//! Calendar events and time spans of systemd (systemd.time(7)): whether the manager understands them. What it would not,
//! it leaves out with a warning in its log.

/// Components of a list.
const MAX_COMPONENTS: usize = 240;
const SECOND: u64 = 1_000_000;
const YEARS: (u64, u64) = (1970, 2199);

/// The manager does not understand the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUnderstood;

/// What an event depends on beside its own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// The zone of the machine, or UTC.
    Own,
    /// It is understood if the machine knows a zone of this name.
    Named(String),
}

/// Reads a calendar event.
///
/// # Errors
/// It is none, whatever zones there are.
pub fn event(text: &str) -> Result<Zone, NotUnderstood> {
    if let Some(rest) = strip_end(text, " UTC") {
        return whole(rest).map(|()| Zone::Own);
    }
    match text.rsplit_once(' ') {
        Some((rest, zone)) if is_zone_name(zone) && whole(text).is_err() => {
            whole(rest).map(|()| Zone::Named(zone.to_owned()))
        }
        _ => whole(text).map(|()| Zone::Own),
    }
}

fn strip_end<'t>(text: &'t str, end: &str) -> Option<&'t str> {
    let (rest, last) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    last.eq_ignore_ascii_case(end).then_some(rest)
}

/// Names of zones are paths below `/usr/share/zoneinfo`.
fn is_zone_name(text: &str) -> bool {
    let has_form = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+'))
    };
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.split('/').all(has_form)
}

fn whole(text: &str) -> Result<(), NotUnderstood> {
    const NAMED: [&str; 13] = [
        "minutely",
        "hourly",
        "daily",
        "monthly",
        "annually",
        "yearly",
        "anually",
        "weekly",
        "quarterly",
        "biannually",
        "bi-annually",
        "semiannually",
        "semi-annually",
    ];
    if text.is_empty() {
        return Err(NotUnderstood);
    }
    if NAMED.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(());
    }
    let mut event = Event { rest: text };
    event.weekdays()?;
    event.date()?;
    event.time()?;
    if event.rest.is_empty() { Ok(()) } else { Err(NotUnderstood) }
}

/// A value with its end and its repetition, or `*` where there is none of them.
#[derive(Debug)]
struct Component {
    start: u64,
    stop: Option<u64>,
    repeat: u64,
}

struct Event<'t> {
    rest: &'t str,
}

impl Event<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn weekdays(&mut self) -> Result<(), NotUnderstood> {
        let mut open: Option<usize> = None;
        let mut first = true;
        loop {
            let Some((day, length)) = weekday(self.rest) else {
                return if first { Ok(()) } else { Err(NotUnderstood) };
            };
            self.rest = self.rest.get(length..).ok_or(NotUnderstood)?;
            if open.is_some_and(|from| from > day) {
                return Err(NotUnderstood);
            }
            match self.peek() {
                None => return Ok(()),
                Some(' ') => {
                    self.skip_blanks();
                    return Ok(());
                }
                Some('.' | '-') => {
                    if open.is_some() || !(self.eat("..") || self.eat("-")) {
                        return Err(NotUnderstood);
                    }
                    open = Some(day);
                }
                Some(',') => {
                    self.eat(",");
                    open = None;
                }
                Some(_) => return Err(NotUnderstood),
            }
            if self.rest.is_empty() || self.rest.starts_with(' ') {
                self.skip_blanks();
                return if open.is_none() { Ok(()) } else { Err(NotUnderstood) };
            }
            first = false;
        }
    }

    fn date(&mut self) -> Result<(), NotUnderstood> {
        if self.rest.is_empty() {
            return Ok(());
        }
        if let Some(seconds) = self.rest.strip_prefix('@') {
            return self.timestamp(seconds);
        }
        let start = self.rest;
        let first = self.chain(false)?;
        if self.rest.is_empty() || self.rest.starts_with(':') {
            // It is a time.
            self.rest = start;
            return Ok(());
        }
        let mut from_end = self.dash()?;
        let second = self.chain(false)?;
        let (year, month, day) = if self.rest.is_empty() || self.rest.starts_with(' ') {
            (Vec::new(), first, second)
        } else {
            if from_end {
                return Err(NotUnderstood);
            }
            from_end = self.dash()?;
            let third = self.chain(false)?;
            if !(self.rest.is_empty() || self.rest.starts_with(' ')) {
                return Err(NotUnderstood);
            }
            (first, second, third)
        };
        self.skip_blanks();
        let full = |year: u64| match year {
            0..=69 => year + 2000,
            70..=99 => year + 1900,
            _ => year,
        };
        let year: Vec<Component> = year
            .into_iter()
            .map(|one| Component { start: full(one.start), stop: one.stop.map(full), repeat: one.repeat })
            .collect();
        check(&year, YEARS, false)?;
        check(&month, (1, 12), false)?;
        check(&day, (1, 31), from_end)
    }

    /// `@` and seconds since the epoch stand for a whole date and time.
    fn timestamp(&mut self, seconds: &str) -> Result<(), NotUnderstood> {
        let is_number = !seconds.is_empty() && seconds.len() <= 10 && seconds.bytes().all(|byte| byte.is_ascii_digit());
        self.rest = "";
        if is_number { Ok(()) } else { Err(NotUnderstood) }
    }

    /// The sign between the parts of a date: whether it counts days from the end of the month.
    fn dash(&mut self) -> Result<bool, NotUnderstood> {
        if self.eat("~") {
            return Ok(true);
        }
        if self.eat("-") { Ok(false) } else { Err(NotUnderstood) }
    }

    fn time(&mut self) -> Result<(), NotUnderstood> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let hour = self.chain(false)?;
        if !self.eat(":") {
            return Err(NotUnderstood);
        }
        let minute = self.chain(false)?;
        let second = if self.rest.is_empty() {
            Vec::new()
        } else {
            if !self.eat(":") {
                return Err(NotUnderstood);
            }
            self.chain(true)?
        };
        check(&hour, (0, 23), false)?;
        check(&minute, (0, 59), false)?;
        check(&second, (0, 60 * SECOND - 1), false)
    }

    /// A list of components; none for `*`.
    fn chain(&mut self, seconds: bool) -> Result<Vec<Component>, NotUnderstood> {
        let mut chain = Vec::new();
        if self.eat("*") {
            return Ok(chain);
        }
        loop {
            chain.push(self.component(seconds)?);
            if chain.len() > MAX_COMPONENTS {
                return Err(NotUnderstood);
            }
            if !self.eat(",") {
                return Ok(chain);
            }
        }
    }

    fn component(&mut self, seconds: bool) -> Result<Component, NotUnderstood> {
        let start = self.number(seconds)?;
        let (mut stop, mut repeat) = (None, 0);
        if self.eat("..") {
            stop = Some(self.number(seconds)?);
            repeat = if seconds { SECOND } else { 1 };
        }
        if self.eat("/") {
            repeat = self.number(seconds)?;
            if repeat == 0 {
                return Err(NotUnderstood);
            }
        }
        if !matches!(self.peek(), None | Some(' ' | ',' | '-' | '~' | ':')) {
            return Err(NotUnderstood);
        }
        Ok(Component { start, stop, repeat })
    }

    fn number(&mut self, seconds: bool) -> Result<u64, NotUnderstood> {
        let mut value: u64 = self.digits()?.parse().map_err(|_| NotUnderstood)?;
        if !seconds {
            return if value > i32::MAX.unsigned_abs().into() { Err(NotUnderstood) } else { Ok(value) };
        }
        value = value.checked_mul(SECOND).ok_or(NotUnderstood)?;
        if self.rest.starts_with('.') && !self.rest.starts_with("..") {
            self.eat(".");
            let digits = self.digits()?;
            value = value.checked_add(millionths(digits)).ok_or(NotUnderstood)?;
        }
        if value > i32::MAX.unsigned_abs().into() { Err(NotUnderstood) } else { Ok(value) }
    }

    fn digits(&mut self) -> Result<&str, NotUnderstood> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).ok_or(NotUnderstood)?;
        self.rest = rest;
        if digits.is_empty() { Err(NotUnderstood) } else { Ok(digits) }
    }
}

/// A fraction, rounded to six digits.
fn millionths(digits: &str) -> u64 {
    let digit = |at: usize| digits.as_bytes().get(at).map_or(0, |byte| u64::from(byte.saturating_sub(b'0')));
    (0..6).fold(0, |sum, at| sum * 10 + digit(at)) + u64::from(digit(6) >= 5)
}

/// The day at the beginning of the text, and the length of its name.
fn weekday(text: &str) -> Option<(usize, usize)> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let starts = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    DAYS.iter().enumerate().find_map(|(day, name)| {
        if starts(name) {
            return Some((day, name.len()));
        }
        let short = name.get(..3)?;
        starts(short).then_some((day, 3))
    })
}

/// Whether each component can happen at least once.
fn check(chain: &[Component], (from, to): (u64, u64), from_end: bool) -> Result<(), NotUnderstood> {
    // Not every month has more days than these.
    let to = if from_end { to.saturating_sub(3) } else { to };
    let happens = |one: &Component| {
        // A repetition that never comes is dropped; the end of a range is its last one.
        let stop = one.stop.filter(|stop| *stop != one.start);
        let stop = stop.map(|stop| match (stop.checked_sub(one.start), one.repeat) {
            (Some(length), repeat) if repeat > 0 => stop - length % repeat,
            _ => stop,
        });
        let repeat = match (one.stop, stop) {
            (Some(_), None) => 0,
            (_, Some(stop)) if stop == one.start => 0,
            _ => one.repeat,
        };
        if one.start < from || one.start > to || repeat > to - one.start {
            return false;
        }
        match stop {
            Some(stop) => stop >= from && stop <= to && one.start.saturating_add(repeat) <= stop,
            None if from_end => one.start.checked_sub(repeat).is_some_and(|last| last >= from),
            None => one.start.saturating_add(repeat) <= to,
        }
    };
    if chain.iter().all(happens) { Ok(()) } else { Err(NotUnderstood) }
}

/// Reads a time span: numbers with units, seconds where there is none.
///
/// # Errors
/// It is none.
pub fn span(text: &str) -> Result<(), NotUnderstood> {
    const UNITS: [&str; 30] = [
        "seconds", "second", "sec", "s", "minutes", "minute", "min", "months", "month", "M", "msec", "ms", "m",
        "hours", "hour", "hr", "h", "days", "day", "d", "weeks", "week", "w", "years", "year", "y", "usec", "us",
        "\u{b5}s", "\u{3bc}s",
    ];
    let blanks = [' ', '\t', '\n', '\r'];
    let mut rest = text.trim_start_matches(blanks);
    if let Some(after) = rest.strip_prefix("infinity") {
        return if after.trim_matches(blanks).is_empty() { Ok(()) } else { Err(NotUnderstood) };
    }
    let mut something = false;
    loop {
        rest = rest.trim_start_matches(blanks);
        if rest.is_empty() {
            return if something { Ok(()) } else { Err(NotUnderstood) };
        }
        if let Some(signed) = rest.strip_prefix('+') {
            rest = signed;
            if !rest.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(NotUnderstood);
            }
        }
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let whole = after.len() < rest.len();
        rest = match after.strip_prefix('.') {
            None if whole => after,
            None => return Err(NotUnderstood),
            Some(fraction) => {
                let end = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
                if end.len() == fraction.len() || end.starts_with('.') {
                    return Err(NotUnderstood);
                }
                end
            }
        };
        rest = rest.trim_start_matches(blanks);
        let unit = UNITS.iter().filter(|unit| rest.starts_with(**unit)).max_by_key(|unit| unit.len());
        rest = rest.get(unit.map_or(0, |unit| unit.len())..).unwrap_or_default();
        something = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn events_of_the_manual() {
        for text in [
            "Sat,Thu,Mon..Wed,Sat..Sun",
            "Mon,Sun 12-*-* 2,1:23",
            "Wed *-1",
            "Wed..Wed,Wed *-1",
            "Wed, 17:48",
            "Wed..Sat,Tue 12-10-15 1:2:3",
            "*-*-7 0:0:0",
            "10-15",
            "monday *-12-* 17:00",
            "Mon,Fri *-*-3,1,2 *:30:45",
            "12,14,13,12:20,10,30",
            "12..14:10,20,30",
            "mon,fri *-1/2-1,3 *:30:45",
            "05:40:23.4200004/3.1700005",
            "2003-02..04-05",
            "2003-03-05 05:40 UTC",
            "hourly",
            "weekly",
            "*:2/3",
            "*-02~03",
            "Mon *-05~07/1",
            "@1395716396",
            "quarterly",
        ] {
            assert_eq!(event(text), Ok(Zone::Own), "{text}");
        }
        assert_eq!(event("weekly Pacific/Auckland"), Ok(Zone::Named("Pacific/Auckland".to_owned())));
        for text in
            ["", "nonsense", "25:00", "*-13-01", "Mon..", "Fri..Mon", "5", "*-*-32", "*:*:60", "1-2-3-4", "0 3 * * *"]
        {
            assert_eq!(event(text), Err(NotUnderstood), "{text}");
        }
    }

    #[test]
    fn spans_have_units() {
        for text in ["5", "5min", "1h 30min", "2 h", "300ms20s 5day", "1.5d", "infinity", "1M", "1y 12month"] {
            assert_eq!(span(text), Ok(()), "{text}");
        }
        for text in ["", "min", "5 parsecs", "-5", "1..5", "1.", "1.5.5"] {
            assert_eq!(span(text), Err(NotUnderstood), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[A-Za-z0-9*.,:~/@ -]{0,40}|\\PC{0,20}") {
            let _ = (event(&text), span(&text));
        }
    }
}
