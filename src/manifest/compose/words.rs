//! Commands that are written as one text.

/// The words, as Compose splits them: blanks part them, quotes and backslashes keep them together. `None` for a quote
/// without an end.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some('\''), letter) => word.get_or_insert_default().push(letter),
            (_, '\\') => word.get_or_insert_default().push(letters.next()?),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        assert_eq!(words("a 'b c' \"d e\"f\\ g ''").unwrap(), ["a", "b c", "d ef g", ""]);
        assert_eq!(words("a 'b"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a'\"\\\\ é-]{0,40}") {
            words(&text);
        }
    }
}
