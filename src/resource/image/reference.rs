//! References of images: `[registry/]repository[:tag][@digest]`, as the distribution project's reference grammar has them,
//! with what Docker implies when parts are left out.

/// A parsed reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resource) struct Reference {
    /// Host and port; `docker.io` when none is written.
    pub(in crate::resource) registry: String,
    /// `library/nginx` for docker.io's `nginx`.
    pub(in crate::resource) repository: String,
    /// As written.
    pub(in crate::resource) tag: Option<String>,
    /// `sha256:…`, as written.
    pub(in crate::resource) digest: Option<String>,
}

/// What a container says that it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resource) enum Source {
    Named(Reference),
    /// The id of an image, or its first digits: content that cannot change, from nobody knows where.
    Id,
}

/// Reads a reference as Docker does; `id` is the id of the image that it led to, if known, by which digits are told from
/// a name. `None` when it is neither.
pub(in crate::resource) fn parse(text: &str, id: Option<&str>) -> Option<Source> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_id = is_hex(digits) && (digits.len() == 64 || id.is_some_and(|id| bare(id).starts_with(digits)));
    if is_id {
        return Some(Source::Id);
    }
    reference(text).map(Source::Named)
}

fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn reference(text: &str) -> Option<Reference> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest).filter(|digest| is_digest(digest))?.to_owned().into()),
        None => (text, None),
    };
    // A colon before the last slash belongs to the registry's port.
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag).filter(|tag| is_tag(tag))?.to_owned().into()),
        Some(_) | None => (name, None),
    };
    let (registry, path) = match path.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        Some(_) | None => ("docker.io", path),
    };
    if !path.split('/').all(is_component) {
        return None;
    }
    let registry = if matches!(registry, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { registry };
    let official = registry == "docker.io" && !path.contains('/');
    let repository = if official { format!("library/{path}") } else { path.to_owned() };
    Some(Reference { registry: registry.to_owned(), repository, tag, digest })
}

/// What is no host is the first part of a repository of docker.io.
fn is_registry(part: &str) -> bool {
    let host = part.contains(['.', ':']) || part == "localhost" || part.bytes().any(|b| b.is_ascii_uppercase());
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    host && part.bytes().all(allowed)
}

fn is_component(part: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    ends(part.bytes().next()) && ends(part.bytes().last()) && part.bytes().all(allowed)
}

fn is_tag(tag: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !tag.is_empty() && tag.len() <= 128 && !tag.starts_with(['.', '-']) && tag.bytes().all(allowed)
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let expected = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    is_hex(hex) && hex.len() == expected
}

impl Reference {
    /// Whether nothing in it says which image it is: no digest, and no tag or one that moves by its name.
    pub(in crate::resource) fn is_floating(&self) -> bool {
        const MOVING: [&str; 14] = [
            "canary", "current", "dev", "develop", "devel", "edge", "head", "latest", "main", "master", "nightly",
            "next", "rolling", "stable",
        ];
        self.digest.is_none() && self.tag.as_deref().is_none_or(|tag| MOVING.contains(&tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn named(text: &str) -> (String, String, Option<String>, Option<String>) {
        match parse(text, None) {
            Some(Source::Named(r)) => (r.registry, r.repository, r.tag, r.digest),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn parts(
        registry: &str,
        repository: &str,
        tag: &str,
        digest: &str,
    ) -> (String, String, Option<String>, Option<String>) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        (registry.into(), repository.into(), some(tag), some(digest))
    }

    #[test]
    fn what_is_left_out_is_implied() {
        assert_eq!(named("nginx"), parts("docker.io", "library/nginx", "", ""));
        assert_eq!(named("nginx:1.27"), parts("docker.io", "library/nginx", "1.27", ""));
        assert_eq!(named("grafana/grafana:11"), parts("docker.io", "grafana/grafana", "11", ""));
        assert_eq!(named("docker.io/nginx"), parts("docker.io", "library/nginx", "", ""));
        assert_eq!(named("index.docker.io/library/nginx"), parts("docker.io", "library/nginx", "", ""));
        assert_eq!(named("ghcr.io/a/b/c:v1"), parts("ghcr.io", "a/b/c", "v1", ""));
        assert_eq!(named("localhost/app"), parts("localhost", "app", "", ""));
        assert_eq!(named("reg:5000/app"), parts("reg:5000", "app", "", ""));
        assert_eq!(named("[::1]:5000/app:x"), parts("[::1]:5000", "app", "x", ""));
        assert_eq!(named(&format!("reg:5000/app:1@{DIGEST}")), parts("reg:5000", "app", "1", DIGEST));
        assert_eq!(named(&format!("nginx@{DIGEST}")), parts("docker.io", "library/nginx", "", DIGEST));
    }

    #[test]
    fn an_id_is_no_name() {
        assert_eq!(parse(DIGEST, None), Some(Source::Id));
        assert_eq!(parse("0123456789ab", Some(DIGEST)), Some(Source::Id));
        assert_eq!(parse("sha256:01234", Some(DIGEST)), Some(Source::Id));
        assert_eq!(parse("beef", Some(DIGEST)), reference("beef").map(Source::Named));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            ":",
            "@",
            "nginx:",
            "Nginx",
            "nginx@sha256:abc",
            "nginx@md5:abc",
            "a//b",
            "nginx:-x",
            "/nginx",
            "nginx/",
            "<none>:<none>",
            "a b",
            "-nginx",
            "${IMAGE}",
        ] {
            assert_eq!(parse(bad, None), None, "{bad}");
        }
    }

    #[test]
    fn floating_is_what_says_nothing() {
        let floating = |text: &str| reference(text).unwrap().is_floating();
        for text in ["nginx", "nginx:latest", "nginx:stable"] {
            assert!(floating(text), "{text}");
        }
        for text in ["nginx:1.27", "nginx:latest-2024", &format!("nginx:latest@{DIGEST}")] {
            assert!(!floating(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[a-zA-Z0-9:/@._-]{0,40}|\\PC*", id in "\\PC*") {
            let _ = parse(&text, Some(&id));
        }
    }
}
