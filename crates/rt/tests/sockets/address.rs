//! Who may bind where, and what may stand for an address.

use super::{any_port, foreign, wildcard};
use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream, UdpSocket};
use rt::task::spawn;
use std::collections::BTreeSet;
use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, ConnectionRefused, InvalidInput};
use std::net::{IpAddr, SocketAddr};

pub(crate) async fn a_bound_tcp_port_is_in_use(host: IpAddr) {
    let listener = TcpListener::bind(any_port(host)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let everywhere = (wildcard(host), address.port());
    assert_eq!(TcpListener::bind(address).await.unwrap_err().kind(), AddrInUse);
    assert_eq!(TcpListener::bind(everywhere).await.unwrap_err().kind(), AddrInUse);
    UdpSocket::bind(address).await.expect("UDP has ports of its own");
    drop(listener);
    let listener = TcpListener::bind(everywhere).await.unwrap();
    assert_eq!(TcpListener::bind(address).await.unwrap_err().kind(), AddrInUse);
    drop(listener);
    TcpListener::bind(address).await.unwrap();
}

pub(crate) async fn a_bound_udp_port_is_in_use(host: IpAddr) {
    let socket = UdpSocket::bind(any_port(host)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let everywhere = (wildcard(host), address.port());
    assert_eq!(UdpSocket::bind(address).await.unwrap_err().kind(), AddrInUse);
    assert_eq!(UdpSocket::bind(everywhere).await.unwrap_err().kind(), AddrInUse);
    TcpListener::bind(address).await.expect("TCP has ports of its own");
    drop(socket);
    let socket = UdpSocket::bind(everywhere).await.unwrap();
    assert_eq!(UdpSocket::bind(address).await.unwrap_err().kind(), AddrInUse);
    drop(socket);
    UdpSocket::bind(address).await.unwrap();
}

pub(crate) async fn port_0_is_one_of_its_own(host: IpAddr) {
    let mut listeners = Vec::new();
    let mut sockets = Vec::new();
    for _ in 0..50 {
        listeners.push(TcpListener::bind(any_port(host)).await.unwrap());
        sockets.push(UdpSocket::bind(any_port(wildcard(host))).await.unwrap());
    }
    let tcp: BTreeSet<u16> = listeners.iter().map(|one| one.local_addr().unwrap().port()).collect();
    let udp: BTreeSet<u16> = sockets.iter().map(|one| one.local_addr().unwrap().port()).collect();
    assert_eq!((tcp.len(), udp.len()), (50, 50));
    assert!(!tcp.contains(&0) && !udp.contains(&0));
}

/// A server that has not closed its connections is started again.
pub(crate) async fn a_port_is_free_again_while_connections_last(host: IpAddr) {
    let listener = TcpListener::bind(any_port(host)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let _client = TcpStream::connect(address).await.unwrap();
    let _server = listener.accept().await.unwrap();
    drop(listener);
    TcpListener::bind(address).await.unwrap();
}

pub(crate) async fn an_address_of_others_is_not_available(host: IpAddr) {
    let foreign = SocketAddr::new(foreign(host), 7000);
    assert_eq!(TcpListener::bind(foreign).await.unwrap_err().kind(), AddrNotAvailable);
    assert_eq!(UdpSocket::bind(foreign).await.unwrap_err().kind(), AddrNotAvailable);
    let refused = TcpStream::connect_from(foreign.ip(), (host, 7000).into()).await.unwrap_err();
    assert_eq!(refused.kind(), AddrNotAvailable);
}

pub(crate) async fn connecting_from_an_address_shows_it(host: IpAddr) {
    let listener = TcpListener::bind(any_port(host)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // All of 127.0.0.0/8 is this host; of IPv6 one address is.
    let local: IpAddr = if host.is_ipv4() { "127.0.0.5".parse().unwrap() } else { host };
    let connecting = spawn("connect", async move { TcpStream::connect_from(local, address).await.unwrap() });
    let (_server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer.ip(), local);
    assert_eq!(connecting.await.unwrap().local_addr().unwrap(), peer);
}

pub(crate) async fn the_unspecified_address_is_this_host(host: IpAddr) {
    let listener = TcpListener::bind(any_port(wildcard(host))).await.unwrap();
    let address = listener.local_addr().unwrap();
    assert!(address.ip().is_unspecified());
    let client = TcpStream::connect(address).await.unwrap();
    assert_eq!(client.peer_addr().unwrap(), (host, address.port()).into());
    let (server, _) = listener.accept().await.unwrap();
    assert_eq!(server.local_addr().unwrap().ip(), host, "of the wildcard, the one that was asked");
    let socket = UdpSocket::bind(any_port(wildcard(host))).await.unwrap();
    socket.send_to(b"me", socket.local_addr().unwrap()).await.unwrap();
    assert_eq!(socket.recv_from(&mut [0; 8]).await.unwrap().1.ip(), host);
}

pub(crate) async fn text_spells_an_address_but_no_name(host: IpAddr) {
    let listener = TcpListener::bind(any_port(host).to_string()).await.unwrap();
    let address = listener.local_addr().unwrap();
    TcpStream::connect(address.to_string().as_str()).await.unwrap();
    TcpStream::connect((host.to_string(), address.port())).await.unwrap();
    let name = ("db.example", address.port());
    assert_eq!(TcpStream::connect(name).await.unwrap_err().kind(), InvalidInput);
    assert_eq!(TcpListener::bind("db.example:80").await.unwrap_err().kind(), InvalidInput);
    assert_eq!(UdpSocket::bind("db.example:80").await.unwrap_err().kind(), InvalidInput);
}

pub(crate) async fn of_several_addresses_the_first_that_works(host: IpAddr) {
    let closed = TcpListener::bind(any_port(host)).await.unwrap().local_addr().unwrap();
    let listener = TcpListener::bind(&[(foreign(host), 0).into(), any_port(host)][..]).await.unwrap();
    let open = listener.local_addr().unwrap();
    let stream = TcpStream::connect(&[closed, open][..]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), open);
    assert_eq!(TcpStream::connect(&[closed][..]).await.unwrap_err().kind(), ConnectionRefused);
}
