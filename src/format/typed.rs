//! Bare values of formats that have types of their own: what a number or a word is, its readers decide by the format
//! and not by what a rule reads it as.

use super::lookup::Format;
use crate::value::Type;
use crate::value::types::Dialect;

/// The text as a rule's type reads it. The error says why readers of this format take it for different things.
pub fn read(format: Format, text: &str, bare: bool, ty: Type) -> Result<String, String> {
    if !bare {
        return Ok(text.to_owned());
    }
    match (format, ty) {
        (Format::Yaml | Format::Pulumi, ty) => yaml(text, ty),
        (Format::Json | Format::Toml | Format::Hcl, Type::Mode) => Ok(mode(text)),
        _ => Ok(text.to_owned()),
    }
}

/// YAML 1.1 and 1.2 disagree: programs of both kinds are about.
fn yaml(text: &str, ty: Type) -> Result<String, String> {
    let octal = text.strip_prefix('0').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let modern = text.strip_prefix("0o").filter(|digits| digits.bytes().all(|b| (b'0'..=b'7').contains(&b)));
    match ty {
        Type::Bool(Dialect::Plain) => match text {
            "True" | "TRUE" => Ok("true".to_owned()),
            "False" | "FALSE" => Ok("false".to_owned()),
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off"
            | "OFF" => Err("YAML 1.1 takes it for a boolean, YAML 1.2 for text".to_owned()),
            _ => Ok(text.to_owned()),
        },
        Type::Integer if octal => Err("YAML 1.1 takes it for an octal number, YAML 1.2 for a decimal one".to_owned()),
        Type::Integer if modern.is_some() => Err("YAML 1.2 takes it for an octal number, YAML 1.1 for text".to_owned()),
        Type::Integer if text.contains('_') || text.contains(':') => {
            Err("YAML 1.1 takes it for a number, YAML 1.2 for text".to_owned())
        }
        Type::Integer => match text.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok()) {
            Some(number) => Ok(number.to_string()),
            None => Ok(text.to_owned()),
        },
        // A mode with its leading zero is octal to everything that takes modes from YAML.
        Type::Mode if octal => Ok(text.to_owned()),
        Type::Mode => Ok(modern.map_or_else(|| mode(text), |digits| format!("0{digits}"))),
        _ => Ok(text.to_owned()),
    }
}

/// A number that stands for permission bits: 420 is 0644.
fn mode(text: &str) -> String {
    match text.parse::<u32>() {
        Ok(bits) => format!("0{bits:03o}"),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modes_are_bits() {
        let mode = |format, text| read(format, text, true, Type::Mode);
        assert_eq!(mode(Format::Yaml, "420").unwrap(), "0644");
        assert_eq!(mode(Format::Yaml, "0644").unwrap(), "0644");
        assert_eq!(mode(Format::Yaml, "0o640").unwrap(), "0640");
        assert_eq!(mode(Format::Json, "256").unwrap(), "0400");
        assert_eq!(read(Format::Yaml, "0644", false, Type::Mode).unwrap(), "0644");
        assert_eq!(mode(Format::Ini, "0644").unwrap(), "0644");
    }

    #[test]
    fn what_two_versions_of_yaml_read_differently_is_told() {
        for text in ["yes", "Off", "n"] {
            assert!(read(Format::Yaml, text, true, Type::Bool(Dialect::Plain)).is_err(), "{text}");
        }
        for text in ["0640", "0o17", "1_000", "22:22"] {
            assert!(read(Format::Yaml, text, true, Type::Integer).is_err(), "{text}");
        }
        assert_eq!(read(Format::Yaml, "True", true, Type::Bool(Dialect::Plain)).unwrap(), "true");
        assert_eq!(read(Format::Yaml, "0x1F", true, Type::Integer).unwrap(), "31");
        assert_eq!(read(Format::Yaml, "yes", true, Type::Text).unwrap(), "yes");
        assert_eq!(read(Format::Yaml, "0640", false, Type::Integer).unwrap(), "0640");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,12}") {
            for ty in [Type::Mode, Type::Integer, Type::Bool(Dialect::Plain)] {
                let _ = read(Format::Yaml, &text, true, ty);
                let _ = read(Format::Json, &text, true, ty);
            }
        }
    }
}
