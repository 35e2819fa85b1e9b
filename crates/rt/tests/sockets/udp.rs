//! Datagrams.

use super::{any_port, foreign, settle, waits, wildcard};
use blackstart_rt as rt;
use rt::net::UdpSocket;
use std::future::poll_fn;
use std::io::ErrorKind::{self, ConnectionRefused, NotConnected, WouldBlock};
use std::net::IpAddr;
use tokio::io::ReadBuf;

async fn bind(host: IpAddr) -> UdpSocket {
    UdpSocket::bind(any_port(host)).await.unwrap()
}

/// Two sockets, the second connected to the first.
async fn pair(host: IpAddr) -> (UdpSocket, UdpSocket) {
    let (server, client) = (bind(host).await, bind(host).await);
    client.connect(server.local_addr().unwrap()).await.unwrap();
    (server, client)
}

pub(crate) async fn a_datagram_goes_and_comes_back(host: IpAddr) {
    let (server, client) = (bind(host).await, bind(host).await);
    let sent = client.send_to(b"ping", server.local_addr().unwrap()).await.unwrap();
    assert_eq!(sent, 4);
    let mut buffer = [0; 64];
    let (length, peer) = server.recv_from(&mut buffer).await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    server.send_to(&buffer[..length], peer).await.unwrap();
    let (length, peer) = client.recv_from(&mut buffer).await.unwrap();
    assert_eq!((&buffer[..length], peer), (&b"ping"[..], server.local_addr().unwrap()));
}

pub(crate) async fn a_datagram_may_be_empty(host: IpAddr) {
    let (server, client) = pair(host).await;
    assert_eq!(client.send(b"").await.unwrap(), 0);
    client.send(b"next").await.unwrap();
    let mut buffer = [0; 8];
    assert_eq!(server.recv_from(&mut buffer).await.unwrap(), (0, client.local_addr().unwrap()));
    assert_eq!(server.recv_from(&mut buffer).await.unwrap().0, 4);
}

pub(crate) async fn a_connected_socket_hears_its_peer_only(host: IpAddr) {
    let (server, client) = (bind(host).await, bind(host).await);
    let stranger = bind(host).await;
    let to = client.local_addr().unwrap();
    stranger.send_to(b"early", to).await.unwrap();
    settle().await;
    client.connect(server.local_addr().unwrap()).await.unwrap();
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    stranger.send_to(b"spoof", to).await.unwrap();
    server.send_to(b"word", to).await.unwrap();
    let mut buffer = [0; 64];
    assert_eq!(client.recv(&mut buffer).await.unwrap(), 5, "what came before stays");
    let length = client.recv(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], b"word");
}

pub(crate) async fn connecting_picks_the_address_to_talk_from(host: IpAddr) {
    let server = bind(host).await;
    let client = bind(wildcard(host)).await;
    assert!(client.local_addr().unwrap().ip().is_unspecified());
    let port = client.local_addr().unwrap().port();
    client.connect(server.local_addr().unwrap()).await.unwrap();
    assert_eq!(client.local_addr().unwrap(), (host, port).into());
    server.send_to(b"found", (host, port)).await.unwrap();
    assert_eq!(client.recv(&mut [0; 8]).await.unwrap(), 5);
}

pub(crate) async fn an_unconnected_socket_cannot_send(host: IpAddr) {
    let socket = bind(host).await;
    // Linux answers EDESTADDRREQ, which std has no kind for: any error will do.
    socket.send(b"whither").await.unwrap_err();
    assert_eq!(socket.peer_addr().unwrap_err().kind(), NotConnected);
}

pub(crate) async fn a_refusal_is_told_to_the_connected_once(host: IpAddr) {
    let (server, client) = pair(host).await;
    let gone = server.local_addr().unwrap();
    drop(server);
    client.send(b"anyone?").await.unwrap();
    assert_eq!(client.recv(&mut [0; 8]).await.unwrap_err().kind(), ConnectionRefused);
    assert!(waits(client.recv(&mut [0; 8])).await, "told once");
    client.send(b"anyone?").await.unwrap();
    settle().await;
    assert_eq!(client.send(b"you?").await.unwrap_err().kind(), ConnectionRefused);
    client.send(b"well?").await.unwrap();
    client.readable().await.unwrap();
    assert_eq!(client.try_recv(&mut [0; 8]).unwrap_err().kind(), ConnectionRefused);
    let server = UdpSocket::bind(gone).await.unwrap();
    client.send(b"there you are").await.unwrap();
    server.recv_from(&mut [0; 64]).await.unwrap();
}

pub(crate) async fn a_refusal_is_not_told_to_others(host: IpAddr) {
    let (server, client) = (bind(host).await, bind(host).await);
    let gone = server.local_addr().unwrap();
    drop(server);
    client.send_to(b"anyone?", gone).await.unwrap();
    assert!(waits(client.recv_from(&mut [0; 8])).await);
    client.send_to(b"anyone?", gone).await.unwrap();
}

pub(crate) async fn a_reply_leaves_from_where_it_was_asked(host: IpAddr) {
    let (server, client) = pair(host).await;
    client.send(b"who").await.unwrap();
    let mut buffer = [0; 64];
    let (_, peer, local) = server.recv_from_to(&mut buffer).await.unwrap();
    assert_eq!(local, host);
    server.reply_from(b"me", local, peer).await.unwrap();
    let length = client.recv(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], b"me");
    let refused = server.reply_from(b"not me", foreign(host), peer).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
}

pub(crate) async fn a_long_datagram_is_cut(host: IpAddr) {
    let (server, client) = pair(host).await;
    client.send(b"too long").await.unwrap();
    client.send(b"next").await.unwrap();
    let mut buffer = [0; 3];
    assert_eq!(server.recv_from(&mut buffer).await.unwrap().0, 3);
    assert_eq!(&buffer, b"too");
    assert_eq!(server.recv_from(&mut [0; 8]).await.unwrap().0, 4, "the rest is lost");
}

pub(crate) async fn a_datagram_has_a_largest_size(host: IpAddr) {
    let (server, client) = pair(host).await;
    // A length of 16 bits less the UDP header, and over IPv4 less the IP header.
    let most = if host.is_ipv4() { 65_507 } else { 65_527 };
    client.send(&vec![1; most]).await.unwrap();
    assert_eq!(server.recv_from(&mut vec![0; 1 << 16]).await.unwrap().0, most);
    // Linux answers EMSGSIZE, which std has no kind for: any error will do.
    client.send(&vec![1; most + 1]).await.unwrap_err();
}

pub(crate) async fn a_peek_leaves_the_datagram(host: IpAddr) {
    let (server, client) = pair(host).await;
    let mut buffer = [0; 8];
    assert!(waits(server.peek_from(&mut buffer)).await);
    client.send(b"word").await.unwrap();
    let from = client.local_addr().unwrap();
    assert_eq!(server.peek_from(&mut buffer[..2]).await.unwrap(), (2, from));
    assert_eq!(server.peek_from(&mut buffer).await.unwrap(), (4, from));
    assert_eq!(server.recv_from(&mut buffer).await.unwrap(), (4, from));
    assert_eq!(&buffer[..4], b"word");
}

pub(crate) async fn what_would_wait_says_so(host: IpAddr) {
    let (server, client) = pair(host).await;
    let mut buffer = [0; 8];
    assert_eq!(server.try_recv_from(&mut buffer).unwrap_err().kind(), WouldBlock);
    assert!(waits(server.readable()).await);
    assert_eq!(client.try_send(b"one").unwrap(), 3);
    client.try_send_to(b"three", server.local_addr().unwrap()).unwrap();
    server.readable().await.unwrap();
    assert_eq!(server.try_recv_from(&mut buffer).unwrap().0, 3);
    server.readable().await.unwrap();
    assert_eq!(server.try_recv(&mut buffer).unwrap(), 5);
}

pub(crate) async fn polls_are_the_same_as_calls(host: IpAddr) {
    let (server, client) = (bind(host).await, bind(host).await);
    let to = server.local_addr().unwrap();
    assert_eq!(poll_fn(|cx| client.poll_send_to(cx, b"poll", to)).await.unwrap(), 4);
    let mut space = [0; 8];
    let mut buffer = ReadBuf::new(&mut space);
    let from = poll_fn(|cx| server.poll_recv_from(cx, &mut buffer)).await.unwrap();
    assert_eq!((from, buffer.filled()), (client.local_addr().unwrap(), &b"poll"[..]));
}

pub(crate) async fn options_are_kept(host: IpAddr) {
    let socket = bind(host).await;
    assert_eq!(socket.ttl().unwrap(), 64);
    socket.set_ttl(3).unwrap();
    assert_eq!(socket.ttl().unwrap(), 3);
    for wrong in [0, 256] {
        assert_eq!(socket.set_ttl(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
