//! The chat server and its client on real sockets.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;

use blackstart_chat::client::{self, Client, Error, Incoming};
use blackstart_chat::core::Settings;
use blackstart_chat::server;
use blackstart_dns::endpoint::Endpoint;
use blackstart_dns::stub::{self, Resolver};
use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn on_real_sockets(test: impl Future<Output = ()>) {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "chat".into(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(test);
}

async fn start(identity: Option<Endpoint>) -> SocketAddr {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = server::Config {
        listen: ANYWHERE,
        settings: Settings::default(),
        identity,
        resolver: stub::Config::new(Vec::new()),
        ping_s: 60,
        connections_max: 8,
    };
    rt::task::spawn("chat", server::serve(listener, config));
    address
}

async fn connect(server: SocketAddr, nick: &str, token: Option<&str>) -> Result<Client, Error> {
    let resolver = Resolver::new(Vec::new());
    client::connect(&resolver, &server.ip().to_string(), server.port(), nick, token).await
}

#[test]
fn two_clients_talk_and_see_each_other_leave() {
    on_real_sockets(async {
        let server = start(None).await;
        let mut ada = connect(server, "ada", None).await.unwrap();
        let mut bob = connect(server, "bob", None).await.unwrap();
        ada.join("#war").await.unwrap();
        bob.join("#war").await.unwrap();
        bob.say("#war", "on my way\nto Santa Clara").await.unwrap();
        bob.quit("driving").await;
        let mut heard = Vec::new();
        while !matches!(heard.last(), Some(Incoming::Left { .. })) {
            heard.push(ada.recv().await.unwrap());
        }
        heard.retain(|incoming| !matches!(incoming, Incoming::Other(_)));
        let said =
            |text: &str| Incoming::Said { from: "bob".into(), target: "#war".into(), text: text.into() };
        let joined = Incoming::Joined { nick: "bob".into(), channel: "#war".into() };
        let left = Incoming::Left { nick: "bob".into(), channel: None, why: "Quit: driving".into() };
        assert_eq!(heard, [joined, said("on my way"), said("to Santa Clara"), left]);
    });
}

#[test]
fn refusals_are_typed() {
    on_real_sockets(async {
        let server = start(None).await;
        let mut ada = connect(server, "ada", None).await.unwrap();
        assert!(matches!(connect(server, "ada", None).await, Err(Error::Refused(_))));
        assert!(matches!(ada.join("war").await, Err(Error::Refused(_))));
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(matches!(connect(nobody, "ada", None).await, Err(Error::Connect(_))));
    });
}

/// A sign-in service that knows the token "9f" for as long as `up` holds.
async fn start_sign_in(up: Rc<Cell<bool>>) -> Endpoint {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let address = listener.local_addr().unwrap();
    rt::task::spawn("sign-in", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            if up.get() && stream.read_line(&mut line).await.is_ok() {
                let known = line == "{\"verify\":{\"token\":\"9f\"}}\n";
                let answer = if known {
                    r#"{"verified":{"account":"lovelace","groups":[],"expires-unix-s":1}}"#
                } else {
                    r#"{"refused":{"reason":"unknown"}}"#
                };
                stream.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
            }
        }
    });
    address.to_string().parse().unwrap()
}

#[test]
fn without_sign_in_nobody_new_comes_in_and_whoever_is_in_stays() {
    on_real_sockets(async {
        let up = Rc::new(Cell::new(true));
        let server = start(Some(start_sign_in(Rc::clone(&up)).await)).await;
        let mut ada = connect(server, "ada", Some("9f")).await.unwrap();
        ada.join("#war").await.unwrap();
        let refused = |result: Result<Client, Error>| match result {
            Err(Error::Refused(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(connect(server, "bob", None).await), "sign in first");
        assert_eq!(refused(connect(server, "bob", Some("xx")).await), "session refused: unknown token");
        up.set(false);
        let text = refused(connect(server, "bob", Some("9f")).await);
        assert!(text.starts_with("nobody vouches"), "{text}");
        ada.say("ada", "still here").await.unwrap();
        loop {
            if let Incoming::Said { text, .. } = ada.recv().await.unwrap() {
                return assert_eq!(text, "still here");
            }
        }
    });
}

#[test]
fn rubbish_harms_only_its_sender() {
    on_real_sockets(async {
        let server = start(None).await;
        let mut rude = TcpStream::connect(server).await.unwrap();
        rude.write_all(&[0xff; 5000]).await.unwrap();
        rude.write_all(b"\r\n:\r\n\0\r\nQUIT\r\n").await.unwrap();
        let mut answer = Vec::new();
        rude.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains(" 417 ") && answer.contains("ERROR :Closing link"), "{answer}");
        assert!(connect(server, "ada", None).await.is_ok());
    });
}
