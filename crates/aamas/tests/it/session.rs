//! Commands one after the other, on this machine or on a server, and everything that they print: as one text that is the same
//! each time.

use std::collections::HashMap;
use std::fmt::Write as _;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::process::{Live, Ran};
use crate::world::World;

/// A server that runs, and a token of its owner.
pub struct Server<'a> {
    _live: Live<'a>,
    /// Its address.
    pub address: String,
    /// The owner's token.
    pub token: String,
}

impl<'a> Server<'a> {
    /// Starts one on a data directory.
    pub fn start(world: &'a World, data: &std::path::Path) -> Self {
        let mut live = world.in_words_on(data, ["serve", "--listen", "127.0.0.1:0"]).unwatched().start();
        let line = live.line("listening on ").expect("it listens");
        let address = line.split("listening on ").nth(1).expect("an address").trim().to_owned();
        let token = Self::token_on(world, data, "owner");
        Self { _live: live, address, token }
    }

    /// A token of some role.
    pub fn token_on(world: &World, data: &std::path::Path, role: &str) -> String {
        let made = world.in_words_on(data, ["--json", "token", "create", "--role", role]).unwatched().raw();
        assert_eq!(made.code, 0, "{made}");
        made.document()["token"].as_str().expect("a token").to_owned()
    }
}

/// Commands, and what they printed.
pub struct Session<'a> {
    world: &'a World,
    variables: Vec<(&'static str, String)>,
    hidden: Vec<(String, &'static str)>,
    ids: HashMap<String, String>,
    counts: HashMap<String, usize>,
    said: String,
}

impl<'a> Session<'a> {
    /// On this machine.
    pub fn here(world: &'a World) -> Self {
        let hidden = vec![(world.root().display().to_string(), "ROOT")];
        Self {
            world,
            variables: Vec::new(),
            hidden,
            ids: HashMap::new(),
            counts: HashMap::new(),
            said: String::new(),
        }
    }

    /// On a server.
    pub fn on(world: &'a World, server: &Server<'_>) -> Self {
        let mut session = Self::here(world);
        session.variables =
            vec![("AAMAS_SERVER", server.address.clone()), ("AAMAS_TOKEN", server.token.clone())];
        session.hidden.push((server.address.clone(), "SERVER"));
        session
    }

    /// With another variable from here on.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.retain(|(other, _)| *other != name);
        self.variables.push((name, value.to_owned()));
    }

    /// Runs a command and keeps what it printed.
    pub fn run(&mut self, arguments: &[&str]) -> Ran {
        let ran = self.quiet(arguments);
        let shown: Vec<_> = arguments
            .iter()
            .map(|a| if a.contains([' ', '{']) { format!("'{a}'") } else { (*a).to_owned() })
            .collect();
        let mut text = format!("$ aamas {}\n", shown.join(" "));
        let stdout = match serde_json::from_str::<Value>(&ran.stdout) {
            Ok(document) if arguments.contains(&"--json") => format!("{document:#}\n"),
            _ => ran.stdout.clone(),
        };
        text.push_str(&stdout);
        ran.stderr.lines().for_each(|line| {
            let _ = writeln!(text, "! {line}");
        });
        if ran.code != 0 {
            let _ = writeln!(text, "= exit {}", ran.code);
        }
        let text = self.alike(&text);
        self.said.push_str(&text);
        self.said.push('\n');
        ran
    }

    /// Runs a command of which nothing is kept.
    pub fn quiet(&self, arguments: &[&str]) -> Ran {
        let mut call = self.world.in_words(arguments.iter().copied()).unwatched();
        for (name, value) in &self.variables {
            call = call.env(name, value);
        }
        call.raw()
    }

    /// Runs a command; its document, if it ended well.
    #[track_caller]
    pub fn document(&self, arguments: &[&str]) -> Value {
        let ran = self.quiet(&[&["--json"], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {ran}");
        ran.document()
    }

    /// Waits until an engine has brought the last project in.
    pub fn settle(&self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while self.document(&["project", "show", "last"])["project"]["status"] == "preparing" {
            assert!(std::time::Instant::now() < deadline, "the project is never brought in");
        }
    }

    /// Everything that was printed.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// What differs each time, with names that don't: ids by the order in which they appear, times, commits, places.
    fn alike(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (what, name) in &self.hidden {
            text = text.replace(what, name);
        }
        let replaced = |pattern: &str, by: &str, text: &str| {
            Regex::new(pattern).expect("a pattern").replace_all(text, by).into_owned()
        };
        text = replaced(r"aamas_[a-z]+_[0-9A-Za-z_-]{20,}", "SECRET", &text);
        let ids = Regex::new(r"\b([a-z]+)_([0-9a-hjkmnp-tv-z]{26})\b").expect("a pattern");
        text = ids.replace_all(&text, |found: &Captures<'_>| self.name_of(&found[0], &found[1])).into_owned();
        for (pattern, by) in [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
            (r"\b\d{4}-\d\d-\d\d\b", "DAY"),
            (r"\b[0-9a-f]{64}\b", "SHA256"),
            (r"\b[0-9a-f]{40}\b", "COMMIT"),
            (r"\b[0-9a-f]{11}…", "COMMIT"),
            (r"(aamas/[a-z0-9-]+)-[0-9a-hjkmnp-tv-z]{8}\b", "$1-RUN"),
            (r#""(duration_ms|wall_ms|active_ms)": \d+"#, "\"$1\": 0"),
            (r"\b\d+\.\d s\b", "0.0 s"),
            (r"\(request [0-9A-Za-z-]+\)", "(request ID)"),
            (r"sandbox S\d", "sandbox S2"),
            (r"\.tmp[0-9A-Za-z]{6}\.json", "SCRIPT"),
            (r"\d+ in \(\d+ cached\), \d+ out", "N in (N cached), N out"),
            (r"\b[\d,]+ tokens", "N tokens"),
            (r"\b\d+ entries, \d+ checkpoints", "N entries, N checkpoints"),
        ] {
            text = replaced(pattern, by, &text);
        }
        text
    }

    fn name_of(&mut self, id: &str, kind: &str) -> String {
        if let Some(known) = self.ids.get(id) {
            return known.clone();
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        let name = format!("{kind}_{count}");
        self.ids.insert(id.to_owned(), name.clone());
        name
    }
}
