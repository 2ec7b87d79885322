//! What a server tells about itself: header fields that name the software and its version.

use super::Headers;

/// Fields whose only purpose is to name what made the answer.
pub const SOFTWARE_FIELDS: [&str; 15] = [
    "server",
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-generator",
    "x-runtime-version",
    "x-mod-pagespeed",
    "x-page-speed",
    "x-drupal-version",
    "x-php-version",
    "x-owa-version",
    "x-jenkins",
    "x-version",
    "liferay-portal",
    "microsoftsharepointteamservices",
];

/// `name: value` of each field that names a version: digits with a dot between them, or digits behind a slash.
pub fn versions(headers: &Headers) -> Vec<String> {
    let telling = headers.iter().filter(|(name, value)| SOFTWARE_FIELDS.contains(name) && names_a_version(value));
    telling.map(|(name, value)| format!("{name}: {value}")).collect()
}

fn names_a_version(value: &str) -> bool {
    let (mut before, mut previous) = (' ', ' ');
    for c in value.chars() {
        let dotted = c.is_ascii_digit() && previous == '.' && before.is_ascii_digit();
        let slashed = c.is_ascii_digit() && previous == '/';
        let v = c.is_ascii_digit() && previous == 'v' && !before.is_ascii_alphanumeric();
        if dotted || slashed || v {
            return true;
        }
        (before, previous) = (previous, c);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::headers::read as headers;
    use super::*;

    #[test]
    fn numbers_that_are_versions() {
        let of = |text: &str| versions(&headers(text)).len();
        for telling in [
            "Server: nginx/1.22.1",
            "Server: Apache/2",
            "X-Powered-By: PHP/8.1",
            "X-AspNet-Version: 4.0.30319",
            "X-Generator: Drupal v9",
        ] {
            assert_eq!(of(telling), 1, "{telling}");
        }
        for silent in
            ["Server: nginx", "Server: Microsoft-HTTPAPI", "X-Powered-By: Express", "Server: web3", "Date: 1.2"]
        {
            assert_eq!(of(silent), 0, "{silent}");
        }
    }
}
