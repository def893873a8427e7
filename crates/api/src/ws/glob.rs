//! Patterns over the types of events: `task.*`, `*`, `dev.aamas.run.started`.

/// Patterns of one subscription at most.
pub const MAX_GLOBS: usize = 32;
/// The longest pattern, in bytes.
const MAX_GLOB: usize = 100;

/// Which events somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Globs(Vec<String>);

impl Globs {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self(vec!["*".to_owned()])
    }

    /// Checks patterns; none means everything.
    ///
    /// # Errors
    /// What is wrong with them, in a sentence.
    pub fn parse(patterns: Vec<String>) -> Result<Self, &'static str> {
        if patterns.is_empty() {
            return Ok(Self::all());
        }
        if patterns.len() > MAX_GLOBS {
            return Err("there are more than 32 patterns");
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '*' | '-');
        if patterns.iter().any(|p| p.is_empty() || p.len() > MAX_GLOB || !p.chars().all(plain)) {
            return Err("a pattern is a type of events such as `task.created`, with `*` for any part of it");
        }
        let short = |p: String| p.strip_prefix("dev.aamas.").map(str::to_owned).unwrap_or(p);
        Ok(Self(patterns.into_iter().map(short).collect()))
    }

    /// Whether one of them fits the type of an event, without `dev.aamas.`.
    #[must_use]
    pub fn fit(&self, topic: &str) -> bool {
        self.0.iter().any(|glob| fits(glob.as_bytes(), topic.as_bytes()))
    }

    /// The patterns.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// `*` stands for any number of characters. Linear but for the way back to the last star.
fn fits(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        if glob.get(g) == Some(&b'*') {
            star = Some((g, t));
            g += 1;
        } else if glob.get(g) == Some(&text[t]) {
            (g, t) = (g + 1, t + 1);
        } else if let Some((at, seen)) = star {
            (g, t) = (at + 1, seen + 1);
            star = Some((at, seen + 1));
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        let cases = [
            ("*", "task.created", true),
            ("task.*", "task.created", true),
            ("task.*", "run.started", false),
            ("*.created", "task.created", true),
            ("t*k.*ted", "task.created", true),
            ("task.created", "task.created", true),
            ("task.created", "task.create", false),
            ("task.creat", "task.created", false),
            ("**", "a", true),
            ("dev.aamas.task.*", "task.created", true),
        ];
        for (glob, topic, want) in cases {
            let globs = Globs::parse(vec![glob.to_owned()]).expect("a pattern");
            assert_eq!(globs.fit(topic), want, "{glob} {topic}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in [vec![String::new()], vec!["a b".to_owned()], vec!["a".repeat(101)], vec!["a".into(); 33]]
        {
            assert!(Globs::parse(bad).is_err());
        }
        assert_eq!(Globs::parse(Vec::new()), Ok(Globs::all()));
    }
}
