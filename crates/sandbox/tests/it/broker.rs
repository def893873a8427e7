//! The way out through the broker, from inside a session.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};

use sandbox::broker::{AllowedHost, Broker, BrokerOptions, HelloError, Refused};
use sandbox::{Command, Exec};

use crate::ground::Ground;

/// Asks the proxy for a tunnel, sends what is on standard input, and prints what comes back.
const ASK: &str = "exec 3<>/dev/tcp/127.0.0.1/3128; printf 'CONNECT %s HTTP/1.1\\r\\n\\r\\n' \"$TARGET\" >&3; cat >&3; timeout 20 cat <&3";

/// A greeting for a host, as a client sends it.
fn greeting(name: &str) -> Vec<u8> {
    let sized = |bytes: usize, body: &[u8]| [&(body.len() as u32).to_be_bytes()[4 - bytes..], body].concat();
    let list = sized(2, &[&[0][..], &sized(2, name.as_bytes())].concat());
    let extension = [&[0, 0][..], &sized(2, &list)].concat();
    let hello =
        [&[3, 3][..], &[7; 32], &[0], &sized(2, &[0x13, 1]), &sized(1, &[0]), &sized(2, &extension)].concat();
    [&[22, 3, 1][..], &sized(2, &[&[1][..], &sized(3, &hello)].concat())].concat()
}

/// A server that takes one connection, reads a greeting's worth, and answers with a word.
fn server(expected: usize) -> (u16, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut got = vec![0; expected];
        client.read_exact(&mut got).unwrap();
        client.write_all(b"welcome").unwrap();
        got
    });
    (port, thread)
}

#[tokio::test]
async fn listed_hosts_are_reached_and_nothing_else() {
    let hello = greeting("mirror.test");
    let (port, served) = server(hello.len());
    let mut ground = Ground::new();
    let rule = |text: String| AllowedHost::parse(&text).unwrap();
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let options = BrokerOptions {
        allow: vec![rule(format!("mirror.test:{port}")).private(), rule(format!("rebound.test:{port}"))],
        fixed: vec![
            ("mirror.test".into(), loopback),
            ("rebound.test".into(), loopback),
            ("other.test".into(), loopback),
        ],
        ..BrokerOptions::default()
    };
    let broker = Broker::start(ground.dir.path().join("broker.sock"), options).unwrap();
    ground.plan.broker = Some(broker.path().to_owned());
    let session = ground.session().await;
    let ask = async |target: String, sent: Vec<u8>| {
        session.exec(Command::shell(ASK).env("TARGET", target).stdin(sent)).await.unwrap().stdout.text()
    };
    let established = "HTTP/1.1 200 Connection established\r\n\r\n";

    let refused = [
        (format!("other.test:{port}"), Refused::NotAllowed(format!("other.test:{port}"))),
        (format!("127.0.0.1:{port}"), Refused::NotAllowed("127.0.0.1".into())),
        (format!("rebound.test:{port}"), Refused::NotPublic("rebound.test".into())),
    ];
    for (target, _) in &refused {
        assert!(ask(target.clone(), hello.clone()).await.starts_with("HTTP/1.1 403"), "{target}");
    }
    assert_eq!(broker.refusals(), refused.map(|(_, why)| why));
    assert_eq!(broker.passed_bytes(), 0);

    assert_eq!(ask(format!("mirror.test:{port}"), hello.clone()).await, format!("{established}welcome"));
    assert_eq!(served.join().unwrap(), hello);
    assert_eq!(broker.passed_bytes(), (hello.len() + "welcome".len()) as u64);

    let env = session.exec(Command::shell("echo $https_proxy $HTTPS_PROXY")).await.unwrap();
    assert_eq!(env.stdout.text(), "http://127.0.0.1:3128 http://127.0.0.1:3128\n");
    let direct = session.exec(Command::shell(format!("exec 3<>/dev/tcp/127.0.0.1/{port}"))).await.unwrap();
    assert!(direct.stderr.text().contains("Connection refused"), "{}", direct.stderr.text());
    session.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_greeting_for_another_host_goes_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut ground = Ground::new();
    let options = BrokerOptions {
        allow: vec![AllowedHost::parse(&format!("mirror.test:{port}")).unwrap().private()],
        fixed: vec![("mirror.test".into(), IpAddr::V4(Ipv4Addr::LOCALHOST))],
        budget_bytes: 1000,
        ..BrokerOptions::default()
    };
    let broker = Broker::start(ground.dir.path().join("broker.sock"), options).unwrap();
    ground.plan.broker = Some(broker.path().to_owned());
    let session = ground.session().await;
    let cases = [
        (greeting("evil.test"), HelloError::OtherName),
        (b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n".to_vec(), HelloError::NotTls),
    ];
    for (sent, _) in &cases {
        let command = Command::shell(ASK).env("TARGET", format!("mirror.test:{port}")).stdin(sent.clone());
        session.exec(command).await.unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut got = Vec::new();
        server.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"", "nothing was passed on");
    }
    let want = cases.map(|(_, why)| Refused::Greeting { host: "mirror.test".into(), why });
    assert_eq!(broker.refusals(), want);

    // Past the budget the connection ends.
    let sent = [greeting("mirror.test"), vec![b'x'; 5000]].concat();
    let command = Command::shell(ASK).env("TARGET", format!("mirror.test:{port}")).stdin(sent);
    session.exec(command).await.unwrap();
    assert_eq!(broker.refusals().last(), Some(&Refused::Budget(1000)));
    let plain =
        "exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://evil.test/ HTTP/1.1\\r\\n\\r\\n' >&3; cat <&3";
    session.exec(Command::shell(plain)).await.unwrap();
    assert_eq!(broker.refusals().last(), Some(&Refused::NotConnect));
}
