//! The times of a line, field by field. What one cron refuses, another may take and read otherwise.

use super::{BLANKS, Cron, Layout};

const NAMED: [&str; 8] = ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Digits of a number that every program's integers hold.
const MAX_DIGITS: usize = 9;

struct Field {
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { low: 0, high: 59, names: &[] },
    Field { low: 0, high: 23, names: &[] },
    Field { low: 1, high: 31, names: &[] },
    Field { low: 1, high: 12, names: &MONTHS },
    Field { low: 0, high: 7, names: &DAYS },
];

/// Times that were taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading<'t> {
    /// What stands behind them.
    pub(super) rest: &'t str,
    /// A part was passed over, or they never come.
    pub(super) odd: bool,
    /// Whether they are taken, and what they mean, depends on the version.
    pub(super) unsure: bool,
}

/// The program refuses them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused;

pub(super) fn read(line: &str, layout: Layout, cron: Cron) -> Result<Reading<'_>, Refused> {
    let mut times = Times { rest: line, cron, odd: false, unsure: false };
    if let Some(rest) = line.strip_prefix('-') {
        // "Do not log": for the system and root.
        if cron == Cron::Debian {
            return Err(Refused);
        }
        times.unsure = layout != Layout::System;
        times.rest = rest;
    }
    match times.rest.strip_prefix('@') {
        Some(named) => {
            let end = named.find(BLANKS).unwrap_or(named.len());
            let (word, rest) = named.split_at_checked(end).ok_or(Refused)?;
            if !NAMED.contains(&word) {
                return Err(Refused);
            }
            times.rest = rest;
            times.skip_blanks();
        }
        None => FIELDS.iter().try_for_each(|field| times.list(field))?,
    }
    Ok(Reading { rest: times.rest, odd: times.odd, unsure: times.unsure })
}

struct Times<'t> {
    rest: &'t str,
    cron: Cron,
    odd: bool,
    unsure: bool,
}

impl Times<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANKS);
    }

    fn is_at_end_of_word(&self) -> bool {
        self.peek().is_none_or(|c| BLANKS.contains(&c))
    }

    fn list(&mut self, field: &Field) -> Result<(), Refused> {
        loop {
            self.range(field)?;
            if !self.eat(',') {
                break;
            }
        }
        if !self.is_at_end_of_word() {
            self.odd = true;
            let end = self.rest.find(BLANKS).unwrap_or(self.rest.len());
            self.rest = self.rest.get(end..).unwrap_or_default();
        }
        self.skip_blanks();
        Ok(())
    }

    fn range(&mut self, field: &Field) -> Result<(), Refused> {
        let (from, to) = if self.eat('*') {
            (field.low, field.high)
        } else if self.eat('~') {
            return self.random();
        } else {
            let from = self.number(field, &[',', '-', '~'])?;
            if self.eat('~') {
                return self.random();
            }
            if !self.eat('-') {
                if self.peek() == Some('/') || !(field.low..=field.high).contains(&from) {
                    return Err(Refused);
                }
                return Ok(());
            }
            (from, self.number(field, &['/', ','])?)
        };
        let step = match self.eat('/') {
            true => self.number(&Field { low: 0, high: u32::MAX, names: &[] }, &[','])?,
            false => 1,
        };
        if step == 0 {
            return Err(Refused);
        }
        self.elements(field, (from, to), step)
    }

    /// Ranges out of which a time is drawn: cronie has them since 1.6, and others have begun to.
    fn random(&mut self) -> Result<(), Refused> {
        self.unsure = true;
        let end = self.rest.find([',', ' ', '\t']).unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok(())
    }

    fn elements(&mut self, field: &Field, (from, to): (u32, u32), step: u32) -> Result<(), Refused> {
        if self.cron == Cron::Debian && [from, to].iter().any(|end| !(field.low..=field.high).contains(end)) {
            return Err(Refused);
        }
        let Some(length) = to.checked_sub(from) else {
            return match self.cron {
                // It holds no time at all.
                Cron::Debian => {
                    self.odd = true;
                    Ok(())
                }
                // `fri-sun`, where Sunday is 0: read as 7 by later versions.
                Cron::Cronie if to == 0 && !field.names.is_empty() => {
                    self.unsure = true;
                    Ok(())
                }
                Cron::Cronie => Err(Refused),
            };
        };
        let last = from.saturating_add(length / step * step);
        if from < field.low || last > field.high { Err(Refused) } else { Ok(()) }
    }

    /// A number, or the name that stands for one. `ends` may follow it beside a blank; only cronie insists.
    fn number(&mut self, field: &Field, ends: &[char]) -> Result<u32, Refused> {
        let in_word = |c: char| match (self.cron, self.peek().is_some_and(|first| first.is_ascii_digit())) {
            (Cron::Debian, _) => c.is_ascii_alphanumeric(),
            (Cron::Cronie, true) => c.is_ascii_digit(),
            (Cron::Cronie, false) => c.is_ascii_alphabetic(),
        };
        let end = self.rest.find(|c| !in_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).ok_or(Refused)?;
        self.rest = rest;
        if self.cron == Cron::Cronie && !self.is_at_end_of_word() && !self.peek().is_some_and(|c| ends.contains(&c)) {
            return Err(Refused);
        }
        if let Some(at) = field.names.iter().position(|name| name.eq_ignore_ascii_case(word)) {
            return Ok(field.low.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)));
        }
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refused);
        }
        let digits = word.trim_start_matches('0');
        if digits.len() > MAX_DIGITS {
            // The number wraps around, or not.
            self.unsure = true;
            return Ok(field.low);
        }
        if digits.is_empty() { Ok(0) } else { digits.parse().map_err(|_| Refused) }
    }
}
