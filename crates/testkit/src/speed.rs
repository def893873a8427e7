//! How many cases a test with a count takes, by how much time there is.

/// `quick` in `make test`, `slow` in `make test-slow` (`AAMAS_TEST_SLOW=1`), `campaign` in `make campaign NAME=…`
/// (`AAMAS_TEST_SLOW=campaign`).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one switch of the tests themselves")]
pub fn cases(quick: u32, slow: u32, campaign: u32) -> u32 {
    choose(std::env::var("AAMAS_TEST_SLOW").ok().as_deref(), [quick, slow, campaign])
}

fn choose(setting: Option<&str>, [quick, slow, campaign]: [u32; 3]) -> u32 {
    match setting {
        None | Some("" | "0") => quick,
        Some("campaign") => campaign,
        Some(_) => slow,
    }
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn the_switch_chooses_the_count() {
        let counts = [None, Some("0"), Some("1"), Some("campaign")].map(|s| choose(s, [1, 10, 100]));
        assert_eq!(counts, [1, 1, 10, 100]);
    }
}
