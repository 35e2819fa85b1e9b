//! What sockets do on every backend, told by functions that are given the loopback address of a family.

pub(crate) mod address;
pub(crate) mod tcp;
pub(crate) mod udp;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use rt::task::spawn;
use rt::time::timeout;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Long enough for everything on its way over loopback to arrive.
const SETTLING: Duration = Duration::from_millis(20);

pub(crate) fn any_port(host: IpAddr) -> SocketAddr {
    SocketAddr::new(host, 0)
}

/// All addresses of the family.
pub(crate) fn wildcard(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// An address that nobody owns: for documentation (RFC 5737, RFC 3849).
pub(crate) fn foreign(host: IpAddr) -> IpAddr {
    let text = if host.is_ipv4() { "192.0.2.77" } else { "2001:db8::77" };
    text.parse().unwrap()
}

pub(crate) async fn settle() {
    rt::time::sleep(SETTLING).await;
}

/// Whether `future` is still not done when everything has settled.
pub(crate) async fn waits(future: impl Future) -> bool {
    timeout(SETTLING, future).await.is_err()
}

/// Client and server end of one connection.
pub(crate) async fn pair(host: IpAddr) -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(any_port(host)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let connecting = spawn("connect", async move { TcpStream::connect(address).await.unwrap() });
    let (server, peer) = listener.accept().await.unwrap();
    let client = connecting.await.unwrap();
    assert_eq!(client.local_addr().unwrap(), peer);
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    (client, server)
}
