//! A repository from elsewhere, brought into a directory of ours: only over protocols that carry no command, from an
//! address that was looked at beforehand, without hooks, prompts or submodules, and within a time limit.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use crate::SandboxError;
use crate::git::{Config, Git};

/// Where a repository is to be had.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its address, such as `https://host/path.git`.
    pub url: &'a str,
    /// Its host.
    pub host: &'a str,
    /// Its port, of http and https.
    pub port: u16,
    /// The host's address: no other is asked, whatever its name means by then.
    pub address: IpAddr,
}

/// Clones a repository with its whole history into `target`, which must not exist. On an error the directory may be
/// left behind half-made.
///
/// # Errors
/// [`SandboxError::Git`] with git's words when it can't be had in this time.
pub fn clone(source: Source<'_>, target: &Path, limit: Duration) -> Result<(), SandboxError> {
    let Source { url, host, port, address } = source;
    let cwd = target.parent().unwrap_or(Path::new("/"));
    let literal = match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    let settings = [
        format!("http.curloptResolve={host}:{port}:{literal}"),
        // A server could send us on to an address that nobody looked at.
        "http.followRedirects=false".to_owned(),
    ];
    // A key that is not known yet is refused, not asked about.
    let ssh =
        format!("ssh -o BatchMode=yes -o ConnectTimeout=20 -o HostName={address} -o HostKeyAlias={host}");
    Git::at(cwd, "clone", Config::RepositoryOnly)
        .env("GIT_ALLOW_PROTOCOL", "http:https:ssh")
        .env("GIT_SSH_COMMAND", ssh)
        .settings(&settings)
        .args(["--quiet", "--no-recurse-submodules", "--template=", "--no-local", "--"])
        .arg(url)
        .arg(target)
        .within(limit)
        .run()
        .map(drop)
}
