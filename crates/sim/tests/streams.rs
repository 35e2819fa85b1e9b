//! Whatever two ends do with a connection, over a bad link: what is read is what was written, and nobody waits for ever.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::net::{TcpListener, TcpStream};
use blackstart_sim::{Time, control, time};
use common::{Net, sock};
use proptest::prelude::*;
use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long an end waits for its peer to do something.
const HOUR: Duration = Duration::from_secs(3600);

/// What one end does next with its connection.
#[derive(Debug, Clone, Copy)]
enum Act {
    Write(u16),
    /// At most so much, for at most a second.
    Read(u16),
    /// Until the peer's end, an error, or an hour is over.
    ReadAll,
    Shutdown,
    Wait(u16),
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_u16..40_000).prop_map(Act::Write),
        4 => (1_u16..40_000).prop_map(Act::Read),
        1 => Just(Act::ReadAll),
        1 => Just(Act::Shutdown),
        2 => (1_u16..5_000).prop_map(Act::Wait),
    ]
}

/// What one end saw. Its acts end with dropping the stream.
#[derive(Debug, Default)]
struct Seen {
    /// Bytes that were taken to be sent.
    written: usize,
    /// Bytes read, all of them right.
    read: usize,
    /// The peer's end of data was read.
    end: bool,
    shutdown: bool,
    error: Option<ErrorKind>,
    done: bool,
}

type Shared = Rc<RefCell<Seen>>;

/// The byte at a place in what an end sends.
fn byte(side: u8, place: usize) -> u8 {
    (place as u8).wrapping_mul(31) ^ (place >> 8) as u8 ^ side
}

struct Player {
    side: u8,
    stream: TcpStream,
    seen: Shared,
}

impl Player {
    async fn play(mut self, acts: Vec<Act>) {
        for act in acts {
            let result = match act {
                Act::Write(length) => self.write(length.into()).await,
                Act::Read(length) => self.read(length.into()).await.map(drop),
                Act::ReadAll => time::timeout(HOUR, self.read_all()).await.unwrap_or(Ok(())),
                Act::Shutdown => self.shutdown().await,
                Act::Wait(ms) => {
                    time::sleep(Duration::from_millis(ms.into())).await;
                    Ok(())
                }
            };
            if let Err(error) = result {
                self.seen.borrow_mut().error = Some(error.kind());
                break;
            }
        }
        drop(self.stream);
        self.seen.borrow_mut().done = true;
    }

    /// A write that the peer holds up is given up after an hour.
    async fn write(&mut self, length: usize) -> std::io::Result<()> {
        if self.seen.borrow().shutdown {
            return Ok(());
        }
        let at = self.seen.borrow().written;
        let bytes: Vec<u8> = (at..at + length).map(|place| byte(self.side, place)).collect();
        let mut left = &bytes[..];
        while !left.is_empty() {
            let Ok(taken) = time::timeout(HOUR, self.stream.write(left)).await else {
                return Ok(());
            };
            let taken = taken?;
            self.seen.borrow_mut().written += taken;
            left = &left[taken..];
        }
        Ok(())
    }

    async fn read(&mut self, length: usize) -> std::io::Result<usize> {
        let mut buffer = vec![0; length];
        let reading = time::timeout(Duration::from_secs(1), self.stream.read(&mut buffer));
        let Ok(length) = reading.await else { return Ok(0) };
        self.note(&buffer[..length?])
    }

    async fn read_all(&mut self) -> std::io::Result<()> {
        let mut buffer = vec![0; 5000];
        while !self.seen.borrow().end {
            let length = self.stream.read(&mut buffer).await?;
            self.note(&buffer[..length])?;
        }
        Ok(())
    }

    fn note(&self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut seen = self.seen.borrow_mut();
        let wrong = bytes.iter().zip(seen.read..).any(|(&got, place)| got != byte(1 - self.side, place));
        assert!(!wrong, "wrong bytes after {}", seen.read);
        seen.read += bytes.len();
        seen.end |= bytes.is_empty();
        Ok(bytes.len())
    }

    async fn shutdown(&mut self) -> std::io::Result<()> {
        self.seen.borrow_mut().shutdown = true;
        self.stream.shutdown().await
    }
}

/// Both ends act; after `give_up` of virtual time everything must be over.
fn play(seed: u64, loss: f64, acts: [Vec<Act>; 2]) -> [Seen; 2] {
    const GIVE_UP: u64 = 30 * 3600;
    let mut net = Net::pair(seed, "10.0.0.1", "10.0.0.2");
    control::set_link_loss(net.link(0), loss).unwrap();
    let seen = [Shared::default(), Shared::default()];
    let [client_acts, server_acts] = acts;
    let server_seen = seen[1].clone();
    net.spawn("b", async move {
        let listener = TcpListener::bind(sock("10.0.0.2:7")).await.unwrap();
        match time::timeout(HOUR, listener.accept()).await {
            Ok(accepted) => {
                let player = Player { side: 1, stream: accepted.unwrap().0, seen: server_seen };
                player.play(server_acts).await;
            }
            Err(_) => server_seen.borrow_mut().done = true,
        }
    });
    let client_seen = seen[0].clone();
    net.spawn("a", async move {
        match TcpStream::connect(sock("10.0.0.2:7")).await {
            Ok(stream) => Player { side: 0, stream, seen: client_seen }.play(client_acts).await,
            Err(error) => {
                let mut seen = client_seen.borrow_mut();
                (seen.error, seen.done) = (Some(error.kind()), true);
            }
        }
    });
    net.sim.run_until(Time::from_secs(GIVE_UP));
    assert!(net.crashes().is_empty(), "{:?}", net.crashes());
    let sockets = ["a", "b"].map(|name| control::socket_count(net.node(name)));
    assert_eq!(sockets, [0, 0], "sockets are left: {seen:?}");
    seen.map(|seen| seen.take())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn what_is_read_is_what_was_written(
        seed in any::<u64>(),
        loss in prop_oneof![Just(0.0), 0.0..0.3],
        client in proptest::collection::vec(any_act(), 0..12),
        server in proptest::collection::vec(any_act(), 0..12),
    ) {
        let seen = play(seed, loss, [client, server]);
        for (own, peer) in [(&seen[0], &seen[1]), (&seen[1], &seen[0])] {
            prop_assert!(own.done, "{:?}", seen);
            prop_assert!(own.read <= peer.written, "more was read than was written: {:?}", seen);
            let cut_off = own.end && own.read < peer.written;
            prop_assert!(!cut_off, "an end before all was read: {:?}", seen);
        }
    }
}
