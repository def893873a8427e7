//! Connections to PostgreSQL that break: what waits gets an error, what comes later a new connection, and a commit whose
//! answer was lost is asked for.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use store::{ChangeWatch, Page, StoreError};

use crate::on_postgres::fixture::{Fixture, TENANT, at, entry, task};
use crate::place::Place;
use crate::server::Direct;

/// Ends every connection to the fixture's database but the one that asks.
fn break_connections(f: &Fixture) {
    let direct = Direct::to(f.place().url.as_deref().expect("it is on PostgreSQL"));
    let text = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let ended = direct.run(text).expect("it may");
    assert!(!ended.is_empty() && ended.iter().all(|ended| ended == "t"), "{ended:?}");
}

#[test]
fn on_postgres_idle_connections_that_broke_are_replaced() {
    let f = Fixture::new();
    for round in 1..=3 {
        f.write(|tx| tx.insert_task(&task())).expect("a new task");
        assert_eq!(f.read(|tx| tx.tasks(None, Page::newest(9))).expect("a look").len(), round);
        break_connections(&f);
        assert_eq!(f.read(|tx| tx.tasks(None, Page::newest(9))).expect("a look").len(), round);
    }
}

#[test]
fn on_postgres_a_write_whose_connection_breaks_is_undone_and_says_so() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let (begun, wait) = (mpsc::channel::<()>(), mpsc::channel::<()>());
    let (begun_here, wait_here) = (begun.0, wait.1);
    let store = f.store.clone();
    let broken = thread::scope(|scope| {
        let writing = scope.spawn(move || {
            store.write_blocking(TENANT, move |tx| {
                tx.append(run, fence, &[entry("half")])?;
                begun_here.send(()).map_err(|_| StoreError::Closed)?;
                wait_here.recv().map_err(|_| StoreError::Closed)?;
                tx.append(run, fence, &[entry("whole")])
            })
        });
        begun.1.recv().expect("the closure runs");
        break_connections(&f);
        wait.0.send(()).expect("the closure waits");
        writing.join().expect("no panic")
    });
    let Err(error @ StoreError::Unreachable { .. }) = broken else { panic!("{broken:?}") };
    assert_eq!((error.code(), error.hint().is_some()), ("database_unreachable", true));
    assert_eq!(f.write(move |tx| tx.append(run, fence, &[entry("again")])).expect("a new connection"), [1]);
}

#[test]
fn on_postgres_a_read_whose_connection_breaks_says_so() {
    let f = Fixture::new();
    let broken = f.read(|tx| {
        tx.tasks(None, Page::newest(9))?;
        break_connections(&f);
        tx.tasks(None, Page::newest(9))
    });
    assert!(matches!(broken, Err(StoreError::Unreachable { .. })), "{broken:?}");
    assert_eq!(f.read(|tx| tx.tasks(None, Page::newest(9))).expect("a new connection"), []);
}

#[test]
fn on_postgres_a_watch_that_lost_its_connection_says_so_and_hears_again() {
    let f = Fixture::new();
    let mut watch = f.store.watch().expect("it listens");
    assert!(!watch.changed().expect("a look"));
    break_connections(&f);
    // Once for the loss, once for the return.
    until_changed(&mut watch);
    until_changed(&mut watch);
    assert!(!watch.changed().expect("a look"));
    f.write(|tx| tx.cache_put("key", b"value", at(1))).expect("a value");
    until_changed(&mut watch);
}

fn until_changed(watch: &mut ChangeWatch) {
    let until = Instant::now() + Duration::from_secs(30);
    while !watch.changed().expect("a look") {
        assert!(Instant::now() < until, "nothing was heard");
        thread::yield_now();
    }
}

#[test]
fn on_postgres_a_server_that_is_not_there_is_named_without_the_password() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let place =
        Place { dir: dir.path().to_owned(), url: Some(format!("postgres://ada:s3cret@{free}/aamas")) };
    let error = place.try_open(store::OpenOptions::default()).expect_err("nobody listens");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    let said = format!("{error} {error:?} {:?}", error.hint());
    assert!(
        said.contains(&free.to_string()) && said.contains("refused") && !said.contains("s3cret"),
        "{said}"
    );
}

/// What happens to the next COMMIT that passes the proxy.
const NOTHING: u8 = 0;
const LOSE_THE_ANSWER: u8 = 1;
const LOSE_THE_COMMIT: u8 = 2;

/// A proxy in front of the fixture's server.
struct Proxy {
    place: Place,
    next: Arc<AtomicU8>,
}

impl Proxy {
    fn before(f: &Fixture) -> Self {
        let url = f.place().url.clone().expect("it is on PostgreSQL");
        let (_, rest) = url.split_once('@').expect("a user");
        let server = rest.split_once('/').expect("a name").0.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("a port").to_string();
        let next = Arc::new(AtomicU8::new(NOTHING));
        let place = Place { url: Some(url.replace(&server, &own)), ..f.place().clone() };
        let commands = next.clone();
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).expect("the server is there");
                let commands = commands.clone();
                thread::spawn(move || carry(&client, &server, &commands));
            }
        });
        Self { place, next }
    }
}

/// Whether this is the COMMIT that is to be lost in this way; only one is.
fn is_lost(bytes: &[u8], way: u8, next: &AtomicU8) -> bool {
    // Not the isolation level READ COMMITTED.
    bytes.windows(7).any(|word| word == b"COMMIT\0")
        && next.compare_exchange(way, NOTHING, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

fn carry(client: &TcpStream, server: &TcpStream, next: &AtomicU8) {
    thread::scope(|scope| {
        let answers = scope.spawn(|| {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(read @ 1..) = (&*server).read(&mut bytes) {
                if is_lost(&bytes[..read], LOSE_THE_ANSWER, next) {
                    break;
                }
                if (&*client).write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        });
        let mut bytes = vec![0; 1 << 16];
        while let Ok(read @ 1..) = (&*client).read(&mut bytes) {
            if is_lost(&bytes[..read], LOSE_THE_COMMIT, next) {
                break;
            }
            if (&*server).write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        let _ = answers.join();
    });
}

#[test]
fn on_postgres_a_commit_whose_answer_is_lost_is_asked_for() {
    let f = Fixture::new();
    let (run, fence) = f.held_run();
    let proxy = Proxy::before(&f);
    let store = proxy.place.open();
    let append = |text: &str| {
        let entry = entry(text);
        store.write_blocking(TENANT, move |tx| tx.append(run, fence, &[entry]))
    };
    assert_eq!(append("plain").expect("nothing breaks"), [1]);
    proxy.next.store(LOSE_THE_ANSWER, Ordering::SeqCst);
    assert_eq!(append("kept").expect("it was committed"), [2]);
    proxy.next.store(LOSE_THE_COMMIT, Ordering::SeqCst);
    let lost = append("lost");
    assert!(matches!(lost, Err(StoreError::Unreachable { .. })), "{lost:?}");
    assert_eq!(append("after").expect("a new connection"), [3]);
    let bodies: Vec<_> =
        f.read(|tx| tx.entries(run, 1, 9)).expect("a look").into_iter().map(|entry| entry.body).collect();
    assert_eq!(bodies, [&b"plain"[..], b"kept", b"after"]);
}
