//! Datagrams: who gets them, from which address, and what their senders learn.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::net::{TcpListener, UdpSocket};
use blackstart_sim::{DropCause, control, task, time};
use common::{Net, ip, sock};
use std::io::ErrorKind;
use std::time::Duration;

#[test]
fn a_connected_socket_is_told_of_a_refusal_and_others_are_not() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.run("a", 10, async {
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        socket.send_to(b"x", sock("10.0.0.2:9")).await.unwrap();
        let quiet = time::timeout(Duration::from_secs(1), socket.recv_from(&mut [0; 8])).await;
        assert!(quiet.is_err());
        socket.connect(sock("10.0.0.2:9")).await.unwrap();
        socket.send(b"x").await.unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        socket.send(b"told once").await.unwrap();
    });
}

#[test]
fn a_connected_socket_hears_only_its_peer() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.run("a", 10, async {
        let ear = UdpSocket::bind(sock("10.0.0.1:1000")).await.unwrap();
        let peer = UdpSocket::bind(sock("127.0.0.1:2000")).await.unwrap();
        let other = UdpSocket::bind(sock("0.0.0.0:3000")).await.unwrap();
        ear.connect(sock("10.0.0.1:3000")).await.unwrap();
        assert_eq!(peer.send_to(b"no", sock("10.0.0.1:1000")).await.unwrap(), 2);
        other.send_to(b"yes", sock("10.0.0.1:1000")).await.unwrap();
        let mut buffer = [0; 8];
        let (n, from) = ear.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..n], from), (&b"yes"[..], sock("10.0.0.1:3000")));
    });
}

#[test]
fn binding_follows_linux() {
    let mut net = Net::new(1);
    net.host("a", &["10.0.0.1", "192.0.2.1", "2001:db8::1"]);
    net.run("a", 10, async {
        let bind = |address| UdpSocket::bind(sock(address));
        let kind = |result: std::io::Result<UdpSocket>| result.map(drop).unwrap_err().kind();
        let _one = bind("10.0.0.1:53").await.unwrap();
        let _two = bind("192.0.2.1:53").await.unwrap();
        let _six = bind("[::]:53").await.unwrap();
        assert_eq!(kind(bind("10.0.0.1:53").await), ErrorKind::AddrInUse);
        assert_eq!(kind(bind("0.0.0.0:53").await), ErrorKind::AddrInUse);
        assert_eq!(kind(bind("[2001:db8::1]:53").await), ErrorKind::AddrInUse);
        assert_eq!(kind(bind("10.0.0.7:54").await), ErrorKind::AddrNotAvailable);
        let free = bind("0.0.0.0:0").await.unwrap().local_addr().unwrap();
        assert!(free.port() >= 49_152);

        let listen = |address| TcpListener::bind(sock(address));
        let web = listen("0.0.0.0:80").await.unwrap();
        assert_eq!(listen("10.0.0.1:80").await.unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(web);
        listen("10.0.0.1:80").await.unwrap();
    });
}

#[test]
fn what_cannot_be_sent_is_an_error() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.run("a", 10, async {
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        let kind = |result: std::io::Result<usize>| result.unwrap_err().kind();
        assert_eq!(kind(socket.send_to(b"x", sock("10.9.9.9:9")).await), ErrorKind::NetworkUnreachable);
        assert_eq!(kind(socket.send_to(b"x", sock("[2001:db8::2]:9")).await), ErrorKind::InvalidInput);
        assert_eq!(kind(socket.send_to(b"x", sock("10.0.0.2:0")).await), ErrorKind::InvalidInput);
        let too_long = socket.send_to(&[0; 65_508], sock("10.0.0.2:9")).await.unwrap_err();
        assert_eq!(too_long.raw_os_error(), Some(90), "EMSGSIZE");
        assert_eq!(
            kind(socket.reply_from(b"x", ip("10.0.0.2"), sock("10.0.0.2:9")).await),
            ErrorKind::AddrNotAvailable
        );
        assert_eq!(kind(socket.send(b"x").await), ErrorKind::NotConnected);
    });
}

#[test]
fn a_full_queue_drops_and_a_short_buffer_truncates() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    net.program("b", || {
        task::spawn("slow", async {
            let socket = UdpSocket::bind(sock("0.0.0.0:9")).await.unwrap();
            time::sleep(Duration::from_secs(5)).await;
            let mut buffer = [0; 10];
            assert_eq!(socket.recv_from(&mut buffer).await.unwrap().0, 10);
            std::future::pending::<()>().await;
        });
    });
    net.run("a", 10, async {
        let socket = UdpSocket::bind(sock("0.0.0.0:0")).await.unwrap();
        for _ in 0..300 {
            socket.send_to(&[1; 1000], sock("10.0.0.2:9")).await.unwrap();
        }
        time::sleep(Duration::from_secs(6)).await;
    });
    assert_eq!(control::drops(DropCause::QueueFull), 300 - 212_992 / 1028);
    assert!(net.crashes().is_empty());
}

#[test]
fn two_tasks_may_share_a_socket() {
    let mut net = Net::pair(1, "10.0.0.1", "10.0.0.2");
    let got = net.run("a", 10, async {
        let socket = std::rc::Rc::new(UdpSocket::bind(sock("10.0.0.1:9")).await.unwrap());
        let reader = |socket: std::rc::Rc<UdpSocket>| {
            task::spawn("reader", async move { socket.recv_from(&mut [0; 8]).await.unwrap().0 })
        };
        let (one, two) = (reader(socket.clone()), reader(socket.clone()));
        time::sleep(Duration::from_millis(1)).await;
        socket.send_to(b"1", sock("10.0.0.1:9")).await.unwrap();
        time::sleep(Duration::from_millis(1)).await;
        socket.send_to(b"22", sock("10.0.0.1:9")).await.unwrap();
        one.await.unwrap() + two.await.unwrap()
    });
    assert_eq!(got, 3);
}
