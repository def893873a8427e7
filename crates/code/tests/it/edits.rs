//! Edits lose nothing.

use code::edit::{EditError, Occurrences, replace};
use proptest::prelude::*;

/// Few letters, so that texts occur often, in all kinds of lines.
fn text(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![Just(b'a'), Just(b'b'), Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'\n'), Just(0xff)];
    prop::collection::vec(byte, 0..most)
}

/// What is left when line endings and a last line feed don't count.
fn without_endings(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn an_edit_keeps_what_is_around_it(source in text(40), old in text(6), new in text(6)) {
        match replace(&source, &old, &new, Occurrences::Only) {
            Ok(edited) => {
                let grown = without_endings(&edited.source).len() + without_endings(&old).len();
                prop_assert_eq!(grown, without_endings(&source).len() + without_endings(&new).len());
                let same_before = source.iter().zip(&edited.source).take_while(|(a, b)| a == b).count();
                let same_after =
                    source.iter().rev().zip(edited.source.iter().rev()).take_while(|(a, b)| a == b).count();
                // CR of converted endings is the only thing that the edited part may have beyond the old text.
                let room = old.len() + old.iter().filter(|byte| **byte == b'\n').count() + 1;
                prop_assert!(same_before + same_after + room >= source.len());
            }
            Err(EditError::NotFound { .. }) => {
                prop_assert!(!source.windows(old.len()).any(|window| window == old.as_slice()));
            }
            Err(_) => {}
        }
    }

    #[test]
    fn an_edit_that_is_turned_back_gives_the_same_source(source in "[a-c\n]{0,60}", old in "[a-c\n]{1,4}") {
        let new = b"<NEW>\n<TEXT>";
        if let Ok(edited) = replace(source.as_bytes(), old.as_bytes(), new, Occurrences::All)
            && source.contains(&old)
        {
            let back = replace(&edited.source, new, old.as_bytes(), Occurrences::All).expect("it is there");
            prop_assert_eq!(back.source, source.as_bytes());
        }
    }
}
