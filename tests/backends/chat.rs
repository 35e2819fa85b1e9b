//! A chat server and the people who use it.

use std::net::SocketAddr;
use std::time::Duration;

use blackstart_chat::client::{Client, Incoming, connect};
use blackstart_chat::core::Settings;
use blackstart_chat::server;
use blackstart_dns::stub;

use crate::net::{Net, start, tell};

pub(crate) const SERVER: &str = "chat";
pub(crate) const PEOPLE: &str = "people";

/// Answers where the server is.
pub(crate) fn start_server(net: &mut dyn Net) -> SocketAddr {
    let listen = SocketAddr::new(net.host(SERVER), net.port(6667));
    net.host(PEOPLE);
    start(net, SERVER, move || {
        server::run(server::Config {
            listen,
            settings: Settings::default(),
            identity: None,
            resolver: stub::Config::new(Vec::new()),
            ping_s: 60,
            connections_max: 8,
        })
    });
    net.pause(Duration::from_millis(10));
    listen
}

/// Somebody in the channel.
pub(crate) async fn join(server: SocketAddr, nick: &str) -> Client {
    let resolver = stub::Resolver::new(Vec::new());
    let host = server.ip().to_string();
    let mut client = connect(&resolver, &host, server.port(), nick, None).await.unwrap();
    client.join("#war").await.unwrap();
    client
}

/// The next thing that somebody says in the channel.
pub(crate) async fn heard(client: &mut Client) -> String {
    loop {
        if let Incoming::Said { text, .. } = client.recv().await.unwrap() {
            return text;
        }
    }
}

/// Ada and Bob meet, and Ada hears what Bob says.
async fn meet(server: SocketAddr, text: &str) -> (Client, Client) {
    let (mut ada, mut bob) = (join(server, "ada").await, join(server, "bob").await);
    bob.say("#war", text).await.unwrap();
    assert_eq!(heard(&mut ada).await, text);
    (ada, bob)
}

pub(crate) fn clients_hear_each_other(net: &mut dyn Net) {
    let server = start_server(net);
    tell(net, PEOPLE, async move {
        let (mut ada, mut bob) = meet(server, "on my way").await;
        ada.say("#war", "bring a badge").await.unwrap();
        assert_eq!(heard(&mut bob).await, "bring a badge");
        bob.quit("driving").await;
        loop {
            if let Incoming::Left { nick, why, .. } = ada.recv().await.unwrap() {
                return assert_eq!((nick.as_str(), why.as_str()), ("bob", "Quit: driving"));
            }
        }
    });
}

/// It keeps nothing on its disk: not the lines, which those who heard them have, nor the names.
pub(crate) fn a_rebooted_server_lets_everybody_in_again(net: &mut dyn Net) {
    let server = start_server(net);
    let before = tell(net, PEOPLE, meet(server, "before"));
    net.stop(SERVER);
    net.boot(SERVER);
    net.pause(Duration::from_millis(100));
    tell(net, PEOPLE, async move {
        meet(server, "after").await;
        let (mut ada, _) = before;
        // The old connection is of no use any more, however the server went.
        while ada.say("#war", "anybody?").await.is_ok() && ada.recv().await.is_ok() {}
    });
}
