//! Single sign-on against a certified provider: npm's `oidc-provider`, in a process of its own.

#![expect(clippy::disallowed_methods, reason = "starts the provider, whose packages lie in the user's cache")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use auth::Role;
use auth::canonical::sha256_hex;
use auth::fetch::{FetchError, HttpRequest, HttpResponse};
use auth::oidc::{Callback, OidcError, Person, begin, discover, finish};
use domain::Timestamp;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;

use crate::oidc::{provider, random};

const CALLBACK: &str = "https://aamas.example/callback";
const SECRET: &str = "a secret: with+signs%";
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc");

/// The provider's process; it ends with its standard input, so with this.
struct Running {
    process: Child,
    /// Kept open: a process that can't write ends.
    _out: BufReader<ChildStdout>,
    issuer: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Starts the provider, or says why that can't be; in CI that is a failure.
fn start(arguments: &[&str]) -> Option<Running> {
    match try_start(arguments) {
        Ok(running) => Some(running),
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "the certified provider is needed in CI: {why}");
            eprintln!("not tried against the certified provider: {why}");
            None
        }
    }
}

fn try_start(arguments: &[&str]) -> Result<Running, String> {
    let script = install()?.join("provider.mjs");
    let mut process = Command::new("node")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("node does not start: {e}"))?;
    let mut issuer = String::new();
    let mut out = BufReader::new(process.stdout.take().ok_or("no standard output")?);
    out.read_line(&mut issuer).map_err(|e| e.to_string())?;
    let running = Running { process, _out: out, issuer: issuer.trim().to_owned() };
    if running.issuer.is_empty() { Err("the provider ended at once; see above".into()) } else { Ok(running) }
}

/// The folder with script and packages, installed once for each state of the lock file.
fn install() -> Result<PathBuf, String> {
    let say = |e: std::io::Error| e.to_string();
    let lock = fs::read_to_string(Path::new(FIXTURE).join("package-lock.json")).map_err(say)?;
    let cache = match (std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => return Err("neither XDG_CACHE_HOME nor HOME is set".into()),
    };
    let folder = cache.join("aamas/services/oidc").join(&sha256_hex(&lock)[..16]);
    fs::create_dir_all(&folder).map_err(say)?;
    // Tests run as processes side by side; one installs, the others wait.
    let guard = File::create(folder.join("lock")).map_err(say)?;
    guard.lock().map_err(say)?;
    for name in ["package.json", "package-lock.json", "provider.mjs"] {
        fs::copy(Path::new(FIXTURE).join(name), folder.join(name)).map_err(say)?;
    }
    let done = folder.join("installed");
    if !done.exists() {
        let out = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .output()
            .map_err(|e| format!("npm does not start: {e}"))?;
        if !out.status.success() {
            return Err(format!("npm ci: {}", String::from_utf8_lossy(&out.stderr)));
        }
        fs::write(done, "").map_err(say)?;
    }
    Ok(folder)
}

/// One request over a connection of its own; redirects are not followed.
pub async fn http(request: HttpRequest) -> Result<HttpResponse, FetchError> {
    send(request).await.map_err(|error| FetchError(error.to_string()))
}

async fn send(request: HttpRequest) -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
    let authority = request.uri().authority().ok_or("no authority")?.to_string();
    let stream = tokio::net::TcpStream::connect(authority.parse::<SocketAddr>()?).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let (mut parts, body) = request.into_parts();
    parts.headers.insert("host", authority.parse()?);
    parts.uri = parts.uri.path_and_query().ok_or("no path")?.as_str().parse()?;
    let exchange = async {
        let answer =
            sender.send_request(hyper::Request::from_parts(parts, Full::new(Bytes::from(body)))).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        drop(sender);
        Ok::<_, hyper::Error>(HttpResponse::from_parts(parts, body))
    };
    let (answer, ended) = tokio::join!(exchange, connection);
    ended?;
    Ok(answer?)
}

/// Follows redirects with cookies, as a browser does, until it is sent back to us: the query of that address.
async fn browse(mut url: String, issuer: &str) -> BTreeMap<String, String> {
    let mut cookies = BTreeMap::new();
    for _ in 0..20 {
        let header =
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = hyper::Request::get(&url).header("cookie", header).body(Vec::new()).expect("a request");
        let answer = http(request).await.expect("an answer");
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str().expect("ASCII").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let Some(location) = answer.headers().get("location") else {
            panic!("{url}: {} {}", answer.status(), String::from_utf8_lossy(answer.body()));
        };
        let location = location.to_str().expect("ASCII");
        if let Some(query) = location.strip_prefix(CALLBACK) {
            let pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
            return pairs.map(|(name, value)| (name.to_owned(), unescape(value))).collect();
        }
        url = if location.starts_with('/') { format!("{issuer}{location}") } else { location.to_owned() };
    }
    panic!("a circle of redirects");
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().expect("two digits"), rest.next().expect("two digits")];
                u8::from_str_radix(std::str::from_utf8(&digits).expect("ASCII"), 16).expect("hexadecimal")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The provider's clock is the system's, so ours is here too.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_micros(i64::try_from(since.as_micros()).expect("before the year 294000"))
}

async fn sign_in(issuer: &str, secret: &str, who: &str) -> Result<Person, OidcError> {
    let provider = provider(issuer, secret);
    let mut discovered = discover(&http, &provider, now()).await?;
    let (url, pending) = begin(&provider, &discovered, CALLBACK, &random(), now())?;
    let mut query = browse(format!("{url}&login_hint={who}"), issuer).await;
    let callback = Callback {
        code: query.remove("code"),
        state: query.remove("state"),
        iss: query.remove("iss"),
        error: query.remove("error"),
    };
    let person = finish(&http, &provider, &mut discovered, &pending, &callback, now()).await?;
    // a code is good once
    let again = finish(&http, &provider, &mut discovered, &pending, &callback, now()).await;
    assert!(matches!(&again, Err(OidcError::Exchange(word)) if word == "invalid_grant"), "{again:?}");
    Ok(person)
}

async fn people_sign_in(arguments: &[&str]) {
    let Some(running) = start(arguments) else { return };
    let ada = Person {
        issuer: running.issuer.clone(),
        subject: "ada".into(),
        email: "ada@example.org".into(),
        name: "Ada".into(),
        groups: vec!["staff".into(), "leads".into()],
        role: Some(Role::Maintainer),
    };
    assert_eq!(sign_in(&running.issuer, SECRET, "ada").await.expect("Ada signs in"), ada);
    let bob = sign_in(&running.issuer, SECRET, "bob").await.expect("Bob is known there");
    assert_eq!(bob.role, None, "in no group of ours");
    for (secret, who, want) in [
        (SECRET, "eve", "Email"),
        (SECRET, "mallory", "Refused(\"access_denied\")"),
        ("wrong", "ada", "Exchange(\"invalid_client\")"),
    ] {
        let error = sign_in(&running.issuer, secret, who).await.expect_err(who);
        assert_eq!(format!("{error:?}"), want, "{who}");
    }
}

#[tokio::test]
async fn people_sign_in_with_claims_from_userinfo() {
    people_sign_in(&[]).await;
}

#[tokio::test]
async fn people_sign_in_with_claims_in_the_id_token() {
    people_sign_in(&["--claims-in-id-token"]).await;
}
