//! Permissions-Policy, and the policies that isolate a page from other origins: all of them structured fields.

use super::Headers;
use super::structured::{Item, Member, dictionary, item};
use crate::value::vocabulary::Vocabulary;

/// Cross-Origin-Opener-Policy (HTML standard, section 7.1.3.1); what is not known counts as `unsafe-none`.
pub static OPENER_POLICY: Vocabulary = Vocabulary {
    name: "opener_policy",
    words: &["unsafe-none", "same-origin-allow-popups", "same-origin", "noopener-allow-popups"],
    ordered: false,
};

/// Cross-Origin-Embedder-Policy (HTML standard, section 7.1.4).
pub static EMBEDDER_POLICY: Vocabulary =
    Vocabulary { name: "embedder_policy", words: &["unsafe-none", "credentialless", "require-corp"], ordered: false };

/// Cross-Origin-Resource-Policy (Fetch, section 3.7).
pub static RESOURCE_POLICY: Vocabulary =
    Vocabulary { name: "resource_policy", words: &["cross-origin", "same-site", "same-origin"], ordered: true };

/// Features of the browser, and who may use each.
pub type Features = Vec<(String, Vec<String>)>;

/// The features that the policy names and whom it lets use them: `self`, `*`, `src` or origins; nobody by an empty
/// list.
///
/// # Errors
/// The field is no dictionary, and a browser ignores it as a whole.
pub fn read(headers: &Headers) -> Result<Option<Features>, &'static str> {
    let Some(value) = headers.get("permissions-policy") else { return Ok(None) };
    let members = dictionary(&value).ok_or("it is not a structured field, so browsers ignore it")?;
    let features = members.into_iter().filter_map(|(feature, member)| Some((feature, allowlist(member)?)));
    Ok(Some(features.collect()))
}

/// What is neither a token nor a string in a list is skipped (section 5.2); a member that is nothing else too.
fn allowlist(member: Member) -> Option<Vec<String>> {
    let word = |item: Item| match item {
        Item::Token(word) if ["*", "self", "src"].contains(&word.as_str()) => Some(word),
        Item::Text(origin) => Some(origin),
        Item::Token(_) | Item::Bool(_) | Item::Other(_) => None,
    };
    match member {
        Member::List(items) => Some(items.into_iter().filter_map(word).collect()),
        Member::Item(item) => word(item).map(|word| vec![word]),
    }
}

/// Who else may keep a handle on the page's window.
pub fn opener_policy(headers: &Headers) -> &'static str {
    token_of(headers, "cross-origin-opener-policy", &OPENER_POLICY).unwrap_or("unsafe-none")
}

/// What the page may embed.
pub fn embedder_policy(headers: &Headers) -> &'static str {
    token_of(headers, "cross-origin-embedder-policy", &EMBEDDER_POLICY).unwrap_or("unsafe-none")
}

/// Who may embed the answer: the field is compared byte for byte; anything else counts as if it was not there.
pub fn resource_policy(headers: &Headers) -> Option<&'static str> {
    let value = headers.get("cross-origin-resource-policy")?;
    RESOURCE_POLICY.words.iter().find(|word| **word == value).copied()
}

fn token_of(headers: &Headers, name: &str, vocabulary: &'static Vocabulary) -> Option<&'static str> {
    let Some(Item::Token(word)) = item(&headers.get(name)?) else { return None };
    vocabulary.words.iter().find(|known| **known == word).copied()
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::*;

    #[test]
    fn features_and_whom_they_are_for() {
        let policy =
            read(&headers("Permissions-Policy: camera=(), geolocation=(self \"https://a.example\" x), usb=*, y=1"));
        let expected = [("camera", vec![]), ("geolocation", vec!["self", "https://a.example"]), ("usb", vec!["*"])];
        let expected = expected.map(|(name, list)| (name.to_owned(), list.into_iter().map(str::to_owned).collect()));
        assert_eq!(policy, Ok(Some(expected.to_vec())));
        assert!(read(&headers("Permissions-Policy: camera 'none'")).is_err(), "the syntax of Feature-Policy");
        assert_eq!(read(&headers("x: y")), Ok(None));
    }

    #[test]
    fn isolation() {
        let all = headers(
            "Cross-Origin-Opener-Policy: same-origin; report-to=\"r\"\nCross-Origin-Embedder-Policy: require-corp\n\
             Cross-Origin-Resource-Policy: same-site",
        );
        assert_eq!((opener_policy(&all), embedder_policy(&all)), ("same-origin", "require-corp"));
        assert_eq!(resource_policy(&all), Some("same-site"));
        let broken = headers("Cross-Origin-Opener-Policy: \"same-origin\"\nCross-Origin-Resource-Policy: Same-Site");
        assert_eq!((opener_policy(&broken), resource_policy(&broken)), ("unsafe-none", None));
    }
}
