//! References in values that a program, or what writes its configuration, replaces by something else. To what, only
//! the program's own surroundings tell: such a value is unknown, and what it refers to is what rules may ask.

/// The names that a text refers to: `${NAME}`, `${NAME:-default}`, `$(NAME)` and `{{ template }}`.
pub fn references(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (open, close) in [("${", "}"), ("$(", ")"), ("{{", "}}")] {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(open) {
            let Some((inside, after)) = after.split_once(close) else { break };
            let name = match open {
                "{{" => inside.trim(),
                _ => inside.split([':', '-', '=', '?', '+']).next().unwrap_or_default().trim(),
            };
            if !name.is_empty() {
                found.push(name.to_owned());
            }
            rest = after;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_found_without_their_defaults() {
        assert_eq!(references("a${B:-x}c${D}"), ["B", "D"]);
        assert_eq!(references("$(HOSTNAME)-{{ .Values.tag }}"), ["HOSTNAME", ".Values.tag"]);
        assert_eq!(references("${A-x} ${B:?must be set}"), ["A", "B"]);
        for plain in ["$2a$12$abc", "a$", "${", "{}", "{ x }", "$HOME", "${}"] {
            assert!(references(plain).is_empty(), "{plain}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[${}():a-]{0,40}") {
            references(&text);
        }
    }
}
