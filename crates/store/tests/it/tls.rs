//! TLS to PostgreSQL: the certificate is checked, and nothing is sent in the clear where that was not said.
//!
//! In front of the tests' server stands a proxy that speaks PostgreSQL's TLS greeting, with a certificate for
//! `localhost`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use store::{OpenOptions, Page, StoreError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::on_postgres::fixture::{Fixture, TENANT, task};
use crate::place::Place;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(name)
}

fn acceptor() -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![CertificateDer::from_pem_file(file("localhost.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(file("localhost.pem")).expect("a key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

/// Starts the proxy; its port. It ends with the runtime.
fn start(runtime: &Runtime, server: String) -> u16 {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let acceptor = acceptor();
    let _proxy = runtime.spawn(async move {
        let mut carried = tokio::task::JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            carried.spawn(carry(client, server.clone(), acceptor.clone()));
        }
    });
    port
}

/// SSLRequest, `S`, the handshake, and then what the two say (PostgreSQL's manual, section 55.2.11).
async fn carry(mut client: TcpStream, server: String, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "it asks for TLS before anything else");
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(server).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

#[test]
fn on_postgres_tls_is_used_and_its_certificate_checked() {
    let f = Fixture::new();
    let plain = f.place().url.clone().expect("it is on PostgreSQL");
    let (_, rest) = plain.split_once('@').expect("a user");
    let (server, rest) = rest.split_once('/').expect("a name");
    let name = rest.split('?').next().expect("a name");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let port = start(&runtime, server.to_owned());
    let open = |host: &str, options: &str| {
        let url = Some(format!("postgres://aamas@{host}:{port}/{name}?{options}"));
        Place { url, ..f.place().clone() }.try_open(OpenOptions::default())
    };
    let ours = format!("sslrootcert={}", file("authority.pem").display());
    let other = format!("sslrootcert={}", file("other_authority.pem").display());

    let store = open("localhost", &format!("sslmode=require&{ours}")).expect("the certificate is good");
    store.write_blocking(TENANT, |tx| tx.insert_task(&task())).expect("a new task");
    assert_eq!(f.read(|tx| tx.tasks(None, Page::newest(9))).expect("a look").len(), 1);

    let refused = [
        ("localhost", format!("sslmode=verify-full&{other}"), "UnknownIssuer"),
        ("localhost", format!("sslmode=prefer&{other}"), "UnknownIssuer"),
        ("localhost", "sslmode=require".to_owned(), "certificate"),
        ("127.0.0.1", format!("sslmode=require&{ours}"), "not valid for"),
    ];
    for (host, options, why) in refused {
        let refused = open(host, &options);
        assert!(
            matches!(&refused, Err(StoreError::Unreachable { detail, .. }) if detail.contains(why)),
            "{options}: {refused:?}"
        );
    }
    // The server itself has no TLS.
    let refused = Place { url: Some(format!("{plain}&sslmode=require&{ours}")), ..f.place().clone() };
    let refused = refused.try_open(OpenOptions::default());
    assert!(
        matches!(&refused, Err(StoreError::Unreachable { detail, .. }) if detail.contains("TLS")),
        "{refused:?}"
    );
}
