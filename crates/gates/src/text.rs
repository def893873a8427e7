//! Bounds on text.

/// At most `max` bytes of `text`: its beginning and, mostly, its end.
pub(crate) fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let room = max.saturating_sub(8);
    let head = floor(text, room / 3);
    let tail = ceil(text, text.len() - (room - head));
    format!("{}\n[…]\n{}", &text[..head], &text[tail..])
}

/// The last `max` bytes.
pub(crate) fn tail(text: &str, max: usize) -> &str {
    &text[ceil(text, text.len().saturating_sub(max))..]
}

/// Quotes a word for the shell.
pub(crate) fn quote(word: &str) -> String {
    let plain =
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&b));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// `1 test`, `2 tests`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn clipped_text_keeps_its_bound(text in "\\PC{0,200}", max in 0usize..300) {
            prop_assert!(clip(&text, max).len() <= max.max(9));
            prop_assert!(tail(&text, max).len() <= max);
        }
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(
            (quote("a/b.py"), quote("it's $x"), quote("")),
            ("a/b.py".into(), "'it'\\''s $x'".into(), "''".into())
        );
    }
}
