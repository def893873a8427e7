//! Where a PostgreSQL database is, and how its connections are protected.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StoreError;

/// For each address of a host, unless the URL says otherwise (`connect_timeout=`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A silent connection is asked after this time whether it is still there; the system's default is two hours.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// How long sent bytes may stay unacknowledged before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// An address that was understood. Its password is in `config` only, which does not print it.
pub(crate) struct Address {
    pub(crate) config: Config,
    /// `None`: in the clear.
    pub(crate) tls: Option<MakeRustlsConnect>,
    /// For messages: user, host, port and name.
    pub(crate) shown: String,
}

impl Address {
    /// Reads a URL as in [`Store::open_postgres`](crate::Store::open_postgres).
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(invalid("it does not begin with postgres://"));
        }
        let (rest, own) = take_own_options(url)?;
        // The error names the option, never its value.
        let mut config = Config::from_str(&rest).map_err(|e| invalid(&super::error::words(&e)))?;
        if config.get_user().is_none() || config.get_dbname().is_none() || config.get_hosts().is_empty() {
            return Err(invalid("it needs a user, a host and the name of a database"));
        }
        let mode =
            own.mode.unwrap_or_else(|| if is_local(&config) { SslMode::Disable } else { SslMode::Require });
        config.ssl_mode(mode);
        set_defaults(&mut config);
        let tls = (mode != SslMode::Disable).then(|| connector(own.authorities.as_deref())).transpose()?;
        Ok(Self { shown: shown(&config), config, tls })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

fn invalid(detail: &str) -> StoreError {
    StoreError::InvalidAddress { detail: detail.to_owned() }
}

/// What the library does not know, or means less strictly.
#[derive(Default)]
struct OwnOptions {
    mode: Option<SslMode>,
    authorities: Option<PathBuf>,
}

/// Takes `sslmode` and `sslrootcert` out of a URL.
fn take_own_options(url: &str) -> Result<(String, OwnOptions), StoreError> {
    // A password may hold a question mark.
    let host = url.rfind('@').unwrap_or(0);
    let Some((front, options)) = url[host..].split_once('?') else {
        return Ok((url.to_owned(), OwnOptions::default()));
    };
    let mut own = OwnOptions::default();
    let mut kept = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", mode)) => own.mode = Some(read_mode(mode)?),
            Some(("sslrootcert", path)) => own.authorities = Some(decode(path)?.into()),
            _ => kept.push(option),
        }
    }
    let mut rest = format!("{}{front}", &url[..host]);
    if !kept.is_empty() {
        rest = format!("{rest}?{}", kept.join("&"));
    }
    Ok((rest, own))
}

fn read_mode(word: &str) -> Result<SslMode, StoreError> {
    match word {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        // The name in the certificate is always checked: less is no protection.
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => Err(invalid("sslmode is disable, prefer, require, verify-ca or verify-full")),
    }
}

/// Undoes `%2F` and its like.
fn decode(text: &str) -> Result<String, StoreError> {
    let wrong = || invalid("a percent sign in it is not followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8"))
}

/// Whether every host is this machine.
fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    })
}

fn set_defaults(config: &mut Config) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
    if config.get_application_name().is_none() {
        config.application_name("aamas");
    }
    config.keepalives_idle(KEEPALIVE_IDLE);
}

fn shown(config: &Config) -> String {
    let hosts: Vec<_> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| {
            let ports = config.get_ports();
            let port = ports.get(index).or_else(|| ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        })
        .collect();
    let (user, name) = (config.get_user().unwrap_or_default(), config.get_dbname().unwrap_or_default());
    format!("postgres://{user}@{}/{name}", hosts.join(","))
}

/// TLS that trusts the authorities in a PEM file, or the system's.
fn connector(authorities: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    let failed = |e: rustls::Error| invalid(&format!("TLS can't be set up for it: {e}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let config = match authorities {
        None => builder.with_platform_verifier().map_err(failed)?.with_no_client_auth(),
        Some(path) => builder.with_root_certificates(read_authorities(path)?).with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn read_authorities(path: &Path) -> Result<RootCertStore, StoreError> {
    let failed = |what: &str| invalid(&format!("sslrootcert={}: {what}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| failed(&e.to_string()))? {
        let certificate = certificate.map_err(|e| failed(&e.to_string()))?;
        roots.add(certificate).map_err(|e| failed(&e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("no certificate in it"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_shown_without_its_password() {
        let cases = [
            (
                "postgres://ada:s3cret@db.example:6000/aamas",
                "postgres://ada@db.example:6000/aamas",
                SslMode::Require,
            ),
            (
                "postgresql://ada:s3cret@db.example/aamas?sslmode=verify-full",
                "postgres://ada@db.example:5432/aamas",
                SslMode::Require,
            ),
            (
                "postgres://ada:s3cret@db.example/aamas?sslmode=prefer&connect_timeout=3",
                "postgres://ada@db.example:5432/aamas",
                SslMode::Prefer,
            ),
            (
                "postgres://ada:s3cret@127.0.0.1/aamas",
                "postgres://ada@127.0.0.1:5432/aamas",
                SslMode::Disable,
            ),
            (
                "postgres://ada:s3cret%3F@localhost/aamas?sslmode=require",
                "postgres://ada@localhost:5432/aamas",
                SslMode::Require,
            ),
        ];
        for (url, want, mode) in cases {
            let address = Address::parse(url).expect("a good address");
            assert_eq!((address.shown.as_str(), address.config.get_ssl_mode()), (want, mode));
            assert_eq!(address.tls.is_some(), mode != SslMode::Disable);
            assert!(!format!("{address:?} {:?}", address.config).contains("s3cret"), "{address:?}");
        }
    }

    #[test]
    fn a_bad_url_is_refused_without_repeating_it() {
        let urls = [
            "mysql://ada:s3cret@db/aamas",
            "host=db user=ada password=s3cret",
            "postgres://ada:s3cret@db:port/aamas",
            "postgres://ada:s3cret@db/aamas?sslmode=allow",
            "postgres://ada:s3cret@db/aamas?s3cret=1",
            "postgres://ada:s3cret@db/aamas?sslrootcert=/does/not/exist",
            "postgres://ada:s3cret@db/aamas?sslrootcert=%zz",
            "postgres://ada:s3cret@db",
            "postgres://:s3cret@/aamas",
            "postgres://",
        ];
        for url in urls {
            let refused = Address::parse(url).expect_err(url);
            let said = format!("{refused} {refused:?}");
            let own_fault = url.contains("?s3cret");
            assert!(matches!(refused, StoreError::InvalidAddress { .. }), "{said}");
            assert!(own_fault || !said.contains("s3cret"), "{said}");
        }
    }
}
