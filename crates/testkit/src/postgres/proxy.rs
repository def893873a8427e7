//! What stands between a store and its server: it notes each statement that is run, and can take the tenant out of what
//! a statement asks for, so that row-level security alone keeps tenants apart.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What is done with the condition by which a statement asks for its own tenant's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// It stays.
    Kept,
    /// `tenant_id = $1` becomes a condition that is always true, in every statement.
    TakenOut,
}

/// A proxy before a server. Its threads end with their connections.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: String,
    filter: Filter,
    ran: Mutex<Vec<String>>,
    taken_out: AtomicU64,
    refuses: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Before the server of `url`.
    ///
    /// # Panics
    /// When `url` names no host, or there is no port to be had.
    #[must_use]
    pub fn before(url: &str, filter: Filter) -> Self {
        let (scheme, rest) = url.split_once("://").expect("an address");
        let (authority, path) = rest.split_once('/').expect("a database");
        let (user, host) = authority.rsplit_once('@').expect("a user");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            server: host.to_owned(),
            filter,
            ran: Mutex::default(),
            taken_out: AtomicU64::new(0),
            refuses: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let at_work = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if at_work.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let shared = at_work.clone();
                thread::spawn(move || shared.carry(client));
            }
        });
        Self { url: format!("{scheme}://{user}@{own}/{path}"), shared }
    }

    /// The address of the database through it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The texts of the statements that were run since this was last asked, in their order.
    #[must_use]
    pub fn take_ran(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.shared.ran))
    }

    /// How many conditions were taken out so far.
    #[must_use]
    pub fn taken_out(&self) -> u64 {
        self.shared.taken_out.load(Ordering::SeqCst)
    }

    /// Ends all connections, and takes no new ones until [`Self::come_back`].
    pub fn go(&self) {
        self.shared.refuses.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.open).drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Takes connections again.
    pub fn come_back(&self) {
        self.shared.refuses.store(false, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn carry(&self, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.server) else { return };
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
            lock(&self.open).push(stream.try_clone().expect("a descriptor"));
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = io::copy(&mut &server, &mut &client);
                let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            });
            let _ = self.forward(&client, &server);
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        });
    }

    /// Messages of the client, one by one (PostgreSQL's protocol, version 3).
    fn forward(&self, mut client: &TcpStream, mut server: &TcpStream) -> io::Result<()> {
        // The greeting has no kind.
        let greeting = body(&mut client)?;
        server.write_all(&framed(None, &greeting))?;
        let mut statements = HashMap::new();
        loop {
            let mut kind = [0];
            client.read_exact(&mut kind)?;
            let message = body(&mut client)?;
            let message = match kind[0] {
                b'P' => self.parse(message, &mut statements),
                b'B' => {
                    let named = text(&message, text(&message, 0).1).0;
                    if let Some(statement) = statements.get(&named) {
                        lock(&self.ran).push(String::clone(statement));
                    }
                    message
                }
                _ => message,
            };
            server.write_all(&framed(Some(kind[0]), &message))?;
        }
    }

    /// A statement that is to be prepared: its name, its text, and types of parameters.
    fn parse(&self, message: Vec<u8>, statements: &mut HashMap<String, String>) -> Vec<u8> {
        let (name, behind) = text(&message, 0);
        let (statement, end) = text(&message, behind);
        statements.insert(name, statement.clone());
        if self.filter == Filter::Kept {
            return message;
        }
        let (statement, count) = without_tenant(&statement);
        self.taken_out.fetch_add(count, Ordering::SeqCst);
        [&message[..behind], statement.as_bytes(), &[0], &message[end..]].concat()
    }
}

/// The statement with a condition in place of each `tenant_id = $1` that every row meets; how many there were.
fn without_tenant(statement: &str) -> (String, u64) {
    const ASKED: &str = "tenant_id = $1";
    let (mut out, mut rest, mut count) = (String::new(), statement, 0);
    while let Some(at) = rest.find(ASKED) {
        let (before, behind) = (&rest[..at], &rest[at + ASKED.len()..]);
        rest = behind;
        if behind.starts_with(|c: char| c.is_ascii_digit()) {
            out.push_str(before);
            out.push_str(ASKED);
            continue;
        }
        // With the table's short name before it, if it has one.
        out.push_str(before.trim_end_matches(|c: char| c == '.' || c.is_ascii_alphanumeric() || c == '_'));
        out.push_str("$1 = $1::bytea");
        count += 1;
    }
    out.push_str(rest);
    (out, count)
}

fn body(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length).saturating_sub(4);
    let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("statements are short");
    [kind.as_slice(), &length.to_be_bytes(), body].concat()
}

/// A text that ends with a zero; where the next thing begins.
fn text(message: &[u8], begin: usize) -> (String, usize) {
    let length = message[begin..].iter().position(|byte| *byte == 0).unwrap_or(message.len() - begin);
    (String::from_utf8_lossy(&message[begin..begin + length]).into_owned(), begin + length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_is_taken_out_of_conditions_and_stays_in_rows() {
        let cases = [
            (
                "SELECT a FROM t WHERE tenant_id = $1 AND b = $2",
                "SELECT a FROM t WHERE $1 = $1::bytea AND b = $2",
                1,
            ),
            (
                "SELECT 1 FROM r JOIN t ON t.tenant_id = r.tenant_id WHERE r.tenant_id = $1",
                "SELECT 1 FROM r JOIN t ON t.tenant_id = r.tenant_id WHERE $1 = $1::bytea",
                1,
            ),
            ("INSERT INTO t (tenant_id) VALUES ($1)", "INSERT INTO t (tenant_id) VALUES ($1)", 0),
            ("SELECT 1 WHERE tenant_id = $12", "SELECT 1 WHERE tenant_id = $12", 0),
        ];
        for (given, want, count) in cases {
            assert_eq!(without_tenant(given), (want.to_owned(), count));
        }
    }
}
