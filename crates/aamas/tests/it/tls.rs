//! TLS between the command line and a server: certificates that can't be served, and servers that are not trusted.

use serde_json::Value;

use crate::process::{Live, Ran};
use crate::session::Server;
use crate::world::World;

/// An authority, another one, and a certificate for `localhost` by the first together with its key.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/tests/it/tls");

fn file(name: &str) -> String {
    format!("{FILES}/{name}")
}

/// `aamas serve` with these files.
fn serve<'a>(world: &'a World, data: &str, certificates: &str, key: &str) -> Live<'a> {
    let arguments =
        ["--json", "serve", "--listen", "127.0.0.1:0", "--tls-cert", certificates, "--tls-key", key];
    world.in_words_on(&world.root().join(data), arguments).unwatched().start()
}

/// Exit, code, message and hint of what was refused.
fn told(ran: &Ran) -> [String; 4] {
    let error = &ran.document()["error"];
    let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
    [ran.code.to_string(), text("code"), text("message"), text("hint")]
}

#[test]
fn each_file_that_can_not_be_served_has_a_next_step_of_its_own() {
    let world = World::empty();
    let (whole, lone, none) = (file("localhost.pem"), file("authority.pem"), file("README.md"));
    let gone = file("gone.pem");
    let (certificates, key) = ("name with --tls-cert a", "name with --tls-key a");
    for (given, message, hint) in [
        ([&gone, &whole], "gone.pem: No such file", certificates),
        ([&whole, &gone], "gone.pem: No such file", key),
        ([&none, &whole], "README.md: it has no certificate", certificates),
        ([&whole, &lone], "authority.pem: it has no private key", key),
        ([&lone, &whole], "does not belong to the certificate", "name the key that this certificate"),
    ] {
        let refused = serve(&world, "served", given[0], given[1]).end();
        let [exit, code, said, next] = told(&refused);
        assert_eq!((exit.as_str(), code.as_str()), ("2", "cannot_listen"), "{refused}");
        assert!(said.contains(message) && next.starts_with(hint), "{refused}");
    }
}

#[test]
fn what_is_wrong_with_tls_to_a_server_is_told_with_the_next_step() {
    let world = World::empty();
    let whole = file("localhost.pem");
    let mut live = serve(&world, "served", &whole, &whole);
    let line = live.line("listening on ").expect("it listens");
    let port = line.trim().rsplit_once(':').expect("a port").1.to_owned();
    let mut plain = world
        .in_words_on(&world.root().join("plain"), ["serve", "--listen", "127.0.0.1:0"])
        .unwatched()
        .start();
    let line = plain.line("listening on ").expect("it listens");
    let plain_port = line.trim().rsplit_once(':').expect("a port").1.to_owned();
    let token = Server::token_on(&world, &world.root().join("served"), "owner");
    let ask = |server: &str, authority: &str| {
        let call = world.in_words(["--json", "--server", server, "project", "list"]).unwatched();
        call.env("AAMAS_TOKEN", &token).env("SSL_CERT_FILE", authority).raw()
    };
    let (right, other) = (file("authority.pem"), file("other_authority.pem"));
    let named = format!("https://localhost:{port}");
    let listed = ask(&named, &right);
    assert_eq!((listed.code, &listed.document()["projects"]), (0, &Value::Array(vec![])), "{listed}");
    for (server, authority, code, exit, hint) in [
        (named, &other, "server_untrusted", 1, "SSL_CERT_FILE"),
        (format!("https://127.0.0.1:{port}"), &right, "server_untrusted", 1, "as its certificate does"),
        (format!("http://localhost:{port}"), &right, "tls_required", 2, "https://"),
        (format!("https://localhost:{plain_port}"), &right, "no_tls", 2, "http://"),
    ] {
        let refused = ask(&server, authority);
        refused.refused(exit, code);
        assert!(told(&refused)[3].contains(hint), "{refused}");
    }
}
