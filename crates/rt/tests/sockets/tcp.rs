//! Connections.

use super::{any_port, pair, settle, waits};
use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use rt::task::spawn;
use std::io::ErrorKind::{self, BrokenPipe, ConnectionRefused, ConnectionReset, NotConnected, WouldBlock};
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn read_kind(stream: &mut TcpStream) -> Result<usize, ErrorKind> {
    stream.read(&mut [0; 64]).await.map_err(|error| error.kind())
}

async fn write_kind(stream: &mut TcpStream) -> Result<usize, ErrorKind> {
    stream.write(b"x").await.map_err(|error| error.kind())
}

pub(crate) async fn a_connection_echoes(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    client.write_all(b"echo").await.unwrap();
    let mut heard = [0; 4];
    server.read_exact(&mut heard).await.unwrap();
    server.write_all(&heard).await.unwrap();
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"echo");
}

pub(crate) async fn half_closed_still_answers(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    client.shutdown().await.unwrap();
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"question");
    assert_eq!(write_kind(&mut client).await, Err(BrokenPipe));
    server.write_all(b"answer").await.unwrap();
    server.shutdown().await.unwrap();
    heard.clear();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"answer");
    assert_eq!(read_kind(&mut client).await, Ok(0), "the end stays the end");
}

pub(crate) async fn a_dropped_stream_ends_the_reader(host: IpAddr) {
    let (client, mut server) = pair(host).await;
    drop(client);
    assert_eq!(read_kind(&mut server).await, Ok(0));
}

pub(crate) async fn what_was_written_arrives_though_the_writer_has_gone(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    client.write_all(&[7; 10_000]).await.unwrap();
    drop(client);
    settle().await;
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard.len(), 10_000);
}

pub(crate) async fn dropping_with_unread_data_resets(host: IpAddr) {
    let (mut client, server) = pair(host).await;
    client.write_all(b"never read").await.unwrap();
    settle().await;
    drop(server);
    assert_eq!(read_kind(&mut client).await, Err(ConnectionReset));
    assert_eq!(read_kind(&mut client).await, Ok(0), "told once");
    assert_eq!(write_kind(&mut client).await, Err(BrokenPipe));
}

pub(crate) async fn a_writer_is_told_of_a_reset(host: IpAddr) {
    let (mut client, server) = pair(host).await;
    server.set_zero_linger().unwrap();
    drop(server);
    settle().await;
    assert_eq!(write_kind(&mut client).await, Err(ConnectionReset));
    assert_eq!(write_kind(&mut client).await, Err(BrokenPipe));
    assert_eq!(read_kind(&mut client).await, Ok(0));
}

pub(crate) async fn data_is_read_before_the_reset_that_followed_it(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    server.write_all(b"bye").await.unwrap();
    settle().await;
    server.set_zero_linger().unwrap();
    drop(server);
    settle().await;
    assert_eq!(read_kind(&mut client).await, Ok(3));
    assert_eq!(read_kind(&mut client).await, Err(ConnectionReset));
}

pub(crate) async fn writing_to_one_who_has_gone_works_once(host: IpAddr) {
    let (mut client, server) = pair(host).await;
    drop(server);
    assert_eq!(read_kind(&mut client).await, Ok(0));
    assert_eq!(write_kind(&mut client).await, Ok(1));
    settle().await;
    assert_eq!(write_kind(&mut client).await, Err(BrokenPipe));
    assert_eq!(read_kind(&mut client).await, Ok(0), "the end came before the reset");
}

pub(crate) async fn a_reset_wakes_reader_and_writer(host: IpAddr) {
    let (client, mut server) = pair(host).await;
    let (mut read, mut write) = client.into_split();
    let reading = spawn("read", async move { read.read(&mut [0; 8]).await.map_err(|error| error.kind()) });
    let writing = spawn("write", async move {
        let flood = vec![0; 1 << 20];
        loop {
            if let Err(error) = write.write_all(&flood).await {
                return error.kind();
            }
        }
    });
    assert_eq!(read_kind(&mut server).await, Ok(64));
    settle().await;
    drop(server);
    // The reset is told to one of them; the other finds the connection gone.
    let told = (reading.await.unwrap(), writing.await.unwrap());
    assert!(matches!(told, (Err(ConnectionReset), BrokenPipe) | (Ok(0), ConnectionReset)), "{told:?}");
}

pub(crate) async fn who_is_gone_has_no_address(host: IpAddr) {
    let (client, server) = pair(host).await;
    server.set_zero_linger().unwrap();
    let local = client.local_addr().unwrap();
    drop(server);
    settle().await;
    assert_eq!(client.peer_addr().unwrap_err().kind(), NotConnected);
    assert_eq!(client.local_addr().unwrap(), local);
    let (mut client, mut server) = pair(host).await;
    client.shutdown().await.unwrap();
    settle().await;
    assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap(), "half a connection is one");
    server.shutdown().await.unwrap();
    settle().await;
    assert_eq!(client.peer_addr().unwrap_err().kind(), NotConnected);
    assert_eq!(server.peer_addr().unwrap_err().kind(), NotConnected);
}

pub(crate) async fn a_peek_leaves_what_it_saw(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    let mut buffer = [0; 4];
    assert!(waits(server.peek(&mut buffer)).await);
    client.write_all(b"word").await.unwrap();
    for _ in 0..2 {
        assert_eq!(server.peek(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"word");
    }
    assert_eq!(server.peek(&mut buffer[..2]).await.unwrap(), 2);
    server.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"word");
    client.shutdown().await.unwrap();
    assert_eq!(server.peek(&mut buffer).await.unwrap(), 0);
    server.set_zero_linger().unwrap();
    drop(server);
    assert_eq!(client.peek(&mut buffer).await.unwrap_err().kind(), ConnectionReset);
}

pub(crate) async fn much_data_arrives_whole(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    let sending = spawn("send", async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    sending.await.unwrap();
    assert!(heard == expected, "{} bytes of {}", heard.len(), expected.len());
}

/// Writes without waiting until there is no room, and gives how much that was.
async fn fill(stream: &TcpStream) -> usize {
    let mut written = 0;
    loop {
        match stream.try_write(&[1; 4096]) {
            Ok(length) => written += length,
            Err(error) => assert_eq!(error.kind(), WouldBlock),
        }
        if waits(stream.writable()).await {
            return written;
        }
    }
}

pub(crate) async fn a_writer_waits_for_its_reader(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    let written = fill(&client).await;
    assert!(waits(client.write(b"more")).await);
    let mut heard = vec![0; written];
    server.read_exact(&mut heard).await.unwrap();
    client.write_all(b"more").await.unwrap();
    server.read_exact(&mut heard[..4]).await.unwrap();
    assert_eq!(&heard[..4], b"more");
}

pub(crate) async fn what_would_wait_says_so(host: IpAddr) {
    let (mut client, server) = pair(host).await;
    let mut buffer = [0; 8];
    assert_eq!(server.try_read(&mut buffer).unwrap_err().kind(), WouldBlock);
    assert!(waits(server.readable()).await);
    client.writable().await.unwrap();
    assert_eq!(client.try_write(b"now").unwrap(), 3);
    server.readable().await.unwrap();
    assert_eq!(server.try_read(&mut buffer).unwrap(), 3);
    client.shutdown().await.unwrap();
    server.readable().await.unwrap();
    assert_eq!(server.try_read(&mut buffer).unwrap(), 0);
}

pub(crate) async fn writing_nothing_is_not_the_end(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    assert_eq!(client.write(b"").await.unwrap(), 0);
    assert!(waits(server.read(&mut [0; 8])).await);
    assert!(waits(server.read(&mut [])).await, "even no room waits for something to read");
}

pub(crate) async fn owned_halves_go_their_own_ways(host: IpAddr) {
    let (client, mut server) = pair(host).await;
    let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let (mut read, mut write) = client.into_split();
    assert_eq!((read.local_addr().unwrap(), write.peer_addr().unwrap()), (local, peer));
    write.write_all(b"last words").await.unwrap();
    drop(write);
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"last words");
    server.write_all(b"heard").await.unwrap();
    drop(server);
    heard.clear();
    read.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"heard");
}

pub(crate) async fn halves_are_reunited_with_their_own(host: IpAddr) {
    let (client, mut server) = pair(host).await;
    let (other, _peer) = pair(host).await;
    let (read, write) = client.into_split();
    let (other_read, other_write) = other.into_split();
    let error = read.reunite(other_write).unwrap_err();
    let (read, other_write) = (error.0, error.1);
    other_write.forget();
    let mut client = write.reunite(read).unwrap();
    client.write_all(b"one again").await.unwrap();
    drop(client);
    let mut heard = Vec::new();
    server.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"one again");
    drop(other_read);
}

pub(crate) async fn a_forgotten_half_closes_nothing(host: IpAddr) {
    let (client, mut server) = pair(host).await;
    let (read, write) = client.into_split();
    write.forget();
    assert!(waits(server.read(&mut [0; 8])).await);
    drop(read);
    assert_eq!(read_kind(&mut server).await, Ok(0));
}

pub(crate) async fn lent_halves_work_at_the_same_time(host: IpAddr) {
    let (mut client, mut server) = pair(host).await;
    let echo = spawn("echo", async move {
        let (mut read, mut write) = server.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let (mut read, mut write) = client.split();
    let sending = async {
        write.write_all(&[9; 300_000]).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, read) = tokio::join!(sending, read.read_to_end(&mut heard));
    assert_eq!(read.unwrap(), 300_000);
    echo.await.unwrap();
}

pub(crate) async fn options_are_kept(host: IpAddr) {
    let (client, server) = pair(host).await;
    for stream in [&client, &server] {
        assert!(stream.nodelay().unwrap(), "small writes leave at once");
        stream.set_nodelay(false).unwrap();
        assert!(!stream.nodelay().unwrap());
        assert_eq!(stream.ttl().unwrap(), 64);
        stream.set_ttl(3).unwrap();
        assert_eq!(stream.ttl().unwrap(), 3);
        for wrong in [0, 256] {
            assert_eq!(stream.set_ttl(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}

pub(crate) async fn a_closed_port_refuses(host: IpAddr) {
    let listener = TcpListener::bind(any_port(host)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ConnectionRefused);
    assert_eq!(TcpStream::connect((host, 0)).await.unwrap_err().kind(), ConnectionRefused);
}

pub(crate) async fn a_closed_listener_resets_who_waited(host: IpAddr) {
    let listener = TcpListener::bind(any_port(host)).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    drop(listener);
    assert_eq!(read_kind(&mut client).await, Err(ConnectionReset));
}

pub(crate) async fn a_burst_of_500_is_never_refused(host: IpAddr) {
    let listener = TcpListener::bind(any_port(host)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let connect = |n: u32| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_u32(n).await.unwrap();
        stream.read_u32().await.unwrap()
    };
    let clients: Vec<_> = (0..500).map(|n| spawn("client", connect(n))).collect();
    settle().await;
    let mut ports = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let (mut stream, peer) = listener.accept().await.unwrap();
        ports.insert(peer.port());
        let n = stream.read_u32().await.unwrap();
        stream.write_u32(n + 1).await.unwrap();
    }
    assert_eq!(ports.len(), 500, "ephemeral ports are distinct");
    for (n, client) in clients.into_iter().enumerate() {
        assert_eq!(client.await.unwrap(), n as u32 + 1);
    }
}
