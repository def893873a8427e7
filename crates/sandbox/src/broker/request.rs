//! The request line of a proxy, and the list of hosts.

use super::Refused;

/// The longest request with its headers.
pub(super) const MAX_REQUEST: usize = 8 << 10;
const DEFAULT_PORT: u16 = 443;
/// RFC 1035: a name has at most 253 characters, a label 63.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A host that may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    name: String,
    below: bool,
    port: u16,
    private: bool,
}

/// A text that names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host, `*.host` or either with `:port`")]
pub struct InvalidHost(pub String);

/// A host and port that was asked for, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
}

impl AllowedHost {
    /// Reads `example.com`, `*.example.com` (all names below it, not itself) or either with a port; without one it is 443.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let invalid = || InvalidHost(text.to_owned());
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| invalid())?),
            None => (text, DEFAULT_PORT),
        };
        let (below, name) = name.strip_prefix("*.").map_or((false, name), |name| (true, name));
        let name = name.to_ascii_lowercase();
        if port == 0 || !is_name(&name) || (below && !name.contains('.')) {
            return Err(invalid());
        }
        Ok(Self { name, below, port, private: false })
    }

    /// Lets the host have an address that is not public, such as a mirror in one's own network.
    #[must_use]
    pub fn private(self) -> Self {
        Self { private: true, ..self }
    }

    pub(super) fn is_private(&self) -> bool {
        self.private
    }

    pub(super) fn matches(&self, target: &Target) -> bool {
        let name = if self.below {
            // With its dot, so that `*.example.com` is not `evilexample.com`.
            target.host.strip_suffix(&self.name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            target.host == self.name
        };
        name && self.port == target.port
    }
}

/// Reads `CONNECT host:port HTTP/1.x` and checks that nothing else hides in the head.
pub(super) fn parse(head: &[u8]) -> Result<Target, Refused> {
    let text = std::str::from_utf8(head).map_err(|_| Refused::NotConnect)?;
    let line = text.split("\r\n").next().unwrap_or_default();
    let mut words = line.split(' ');
    let (Some("CONNECT"), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refused::NotConnect);
    };
    let (host, port) = target.rsplit_once(':').ok_or(Refused::NotConnect)?;
    let plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|port| plain && *port > 0).ok_or(Refused::NotConnect)?;
    let host = host.to_ascii_lowercase();
    // Addresses, user names, NUL and everything else that is no plain name.
    if !is_name(&host) {
        return Err(Refused::NotAllowed(
            host.chars().filter(|c| c.is_ascii_graphic()).take(MAX_NAME).collect(),
        ));
    }
    Ok(Target { host, port })
}

/// Labels of letters, digits and hyphens, at least one letter in the last: so an address is not a name.
pub(super) fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let plain =
            label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        plain
            && !label.is_empty()
            && label.len() <= MAX_LABEL
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= MAX_NAME
        && text.split('.').all(label)
        && last.bytes().any(|b| b.is_ascii_lowercase())
        && !last.starts_with("0x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_by_whole_labels_and_port() {
        let cases = [
            ("example.com", "example.com", 443, true),
            ("Example.COM", "example.com", 443, true),
            ("example.com", "example.com", 80, false),
            ("example.com:8443", "example.com", 8443, true),
            ("example.com", "www.example.com", 443, false),
            ("example.com", "evilexample.com", 443, false),
            ("example.com", "example.com.evil.org", 443, false),
            ("*.example.com", "a.example.com", 443, true),
            ("*.example.com", "a.b.example.com", 443, true),
            ("*.example.com", "example.com", 443, false),
            ("*.example.com", "evilexample.com", 443, false),
        ];
        for (rule, host, port, want) in cases {
            let target = Target { host: host.into(), port };
            assert_eq!(AllowedHost::parse(rule).unwrap().matches(&target), want, "{rule} {host}:{port}");
        }
        for bad in [
            "", "*", "*.com", "*.*.com", "a b", "a..b", "-a.com", "1.2.3.4", "[::1]", "a.com:0", "a.com:x",
            "a@b.com",
        ] {
            assert_eq!(AllowedHost::parse(bad), Err(InvalidHost(bad.into())));
        }
    }

    #[test]
    fn only_connect_to_a_plain_name_is_understood() {
        let ok = |line: &str| parse(format!("{line}\r\nHost: other\r\n\r\n").as_bytes());
        assert_eq!(
            ok("CONNECT Example.com:443 HTTP/1.1"),
            Ok(Target { host: "example.com".into(), port: 443 })
        );
        let not_connect = [
            "GET http://example.com/ HTTP/1.1",
            "CONNECT example.com HTTP/1.1",
            "CONNECT example.com:443",
            "",
            "CONNECT example.com:443 HTTP/1.1 x",
            "connect example.com:443 HTTP/1.1",
            "CONNECT example.com:+443 HTTP/1.1",
            "CONNECT example.com:0 HTTP/1.1",
            "CONNECT example.com:99999 HTTP/1.1",
            "CONNECT  example.com:443 HTTP/1.1",
            "CONNECT example.com:443 HTTP/2",
        ];
        for line in not_connect {
            assert_eq!(ok(line), Err(Refused::NotConnect), "{line}");
        }
        let hosts = [
            "1.2.3.4",
            "[::1]",
            "::1",
            "0x7f000001",
            "2130706433",
            "0177.0.0.1",
            "user@example.com",
            "example.com\0.org",
            "example.com.",
            "exa mple.com",
            "example.com#",
            "example.com/",
            "\u{fffd}",
            "ex\u{e4}mple.com",
        ];
        for host in hosts {
            let refused = ok(&format!("CONNECT {host}:443 HTTP/1.1"));
            assert!(
                matches!(refused, Err(Refused::NotAllowed(_) | Refused::NotConnect)),
                "{host:?}: {refused:?}"
            );
        }
        assert_eq!(parse(b"CONNECT \xff:443 HTTP/1.1\r\n\r\n"), Err(Refused::NotConnect));
    }
}
