//! The broker's end inside: an HTTP proxy on the loopback interface that hands every byte to the broker's unix socket.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::spawn::{self, Ground};
use super::sys;
use crate::wire::{Doing, Failure};

/// Where the broker's socket appears inside.
pub(super) const SOCKET: &str = "/run/broker.sock";
const ADDRESS: &str = "127.0.0.1:3128";
/// Connections at one time; more are closed at once.
const MAX_CONNECTIONS: usize = 128;

/// The variables by which programs find a proxy.
pub(super) fn environment() -> Vec<(String, String)> {
    let proxy = format!("http://{ADDRESS}");
    let names = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let mut env: Vec<(String, String)> =
        names.iter().map(|name| ((*name).to_owned(), proxy.clone())).collect();
    for name in ["no_proxy", "NO_PROXY"] {
        env.push((name.to_owned(), "localhost,127.0.0.1,::1".to_owned()));
    }
    env
}

/// Starts the forwarder, a confined child of init that lives as long as it does.
pub(super) fn start(ground: &Ground) -> Result<(), Failure> {
    let listener = TcpListener::bind(ADDRESS).doing(|| format!("listen on {ADDRESS} inside"))?;
    match sys::fork_into(libc::CLONE_NEWPID).doing(|| "start the forwarder".to_owned())? {
        sys::Forked::Parent(_) => Ok(()),
        sys::Forked::Child => {
            // Numbered 3, below what is closed.
            let run = || {
                // SAFETY: descriptor 3 is replaced on purpose; nothing in this child uses what it was.
                nix::errno::Errno::result(unsafe { libc::dup2(listener.as_raw_fd(), 3) })
                    .doing(|| "place the listener".to_owned())?;
                spawn::confined(ground, 4)
            };
            if run().is_ok() {
                // SAFETY: descriptor 3 was placed above and nothing else owns it.
                serve(&unsafe { <TcpListener as std::os::fd::FromRawFd>::from_raw_fd(3) });
            }
            sys::exit_now(1)
        }
    }
}

fn serve(listener: &TcpListener) {
    let open = Arc::new(AtomicUsize::new(0));
    for client in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let count = open.clone();
        let made = std::thread::Builder::new().stack_size(64 << 10).spawn(move || {
            let _ = connect(client);
            count.fetch_sub(1, Ordering::Relaxed);
        });
        if made.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn connect(client: TcpStream) -> std::io::Result<()> {
    let broker = UnixStream::connect(SOCKET)?;
    let (from_client, to_broker) = (client.try_clone()?, broker.try_clone()?);
    let up = std::thread::Builder::new().stack_size(64 << 10).spawn(move || {
        copy(from_client, &to_broker);
        let _ = to_broker.shutdown(Shutdown::Write);
    })?;
    copy(broker, &client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

fn copy(mut from: impl Read, mut to: impl Write) {
    let mut buffer = [0; 16 << 10];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 || to.write_all(&buffer[..n]).is_err() {
            return;
        }
    }
}
