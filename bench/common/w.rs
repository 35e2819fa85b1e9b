//! The workload W(N). Each of N hosts keeps TCP connections to two others, with a keepalive every 30 s both ways, and
//! asks a third one question every 5 s over UDP.
//!
//! Every engine includes this file unchanged, after it has provided `crate::net` (`UdpSocket`, `TcpListener`,
//! `TcpStream`), `crate::time` (`Instant`, `interval_at`, `sleep`, `timeout`), `crate::spawn`, and
//! `crate::on_message`, which is told about every message received.

use crate::{net, on_message, spawn, time};
use bench_common::count;
use bench_common::plan::{self, Workload};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TCP_PORT: u16 = 179;
const UDP_PORT: u16 = 53;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// All that host `i` does, for ever.
pub(crate) async fn host(workload: Workload, i: usize) {
    let listener = net::TcpListener::bind(plan::any(TCP_PORT)).await.unwrap();
    spawn(accept(listener, i));
    let socket = net::UdpSocket::bind(plan::any(UDP_PORT)).await.unwrap();
    spawn(answer(socket));
    for (k, peer) in workload.peers(i).into_iter().enumerate() {
        spawn(open(i, k, peer));
    }
    ask(i, workload.server(i)).await;
}

async fn accept(listener: net::TcpListener, i: usize) {
    for k in 1.. {
        let (stream, _peer) = listener.accept().await.unwrap();
        spawn(keep_alive(stream, plan::accepted_phase(i, k)));
    }
}

async fn open(i: usize, k: usize, peer: usize) {
    time::sleep(plan::connects_after(i, k)).await;
    match net::TcpStream::connect(plan::socket_address(peer, TCP_PORT)).await {
        Ok(stream) => keep_alive(stream, plan::opened_phase(i, k)).await,
        Err(_) => count::TCP_ERRORS.add(1),
    }
}

/// Sends and receives keepalives until the connection ends, which it should not.
async fn keep_alive(mut stream: net::TcpStream, phase: Duration) {
    count::ENDS.add(1);
    let mut ticks = time::interval_at(time::Instant::now() + phase, plan::KEEPALIVE);
    let mut received = [0; 256];
    let keepalive = bgp_keepalive();
    loop {
        tokio::select! { biased;
            read = stream.read(&mut received) => match read {
                Ok(0) | Err(_) => break,
                Ok(bytes) => {
                    count::KEEPALIVE_BYTES_RECEIVED.add(bytes as u64);
                    on_message(bytes);
                }
            },
            _ = ticks.tick() => {
                if stream.write_all(&keepalive).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
                count::KEEPALIVES.add(1);
            }
        }
    }
    count::TCP_ERRORS.add(1);
}

/// RFC 4271 section 4.4: a marker, the length, the type.
fn bgp_keepalive() -> [u8; plan::KEEPALIVE_BYTES] {
    let mut message = [0xff; plan::KEEPALIVE_BYTES];
    message[16..].copy_from_slice(&[0, plan::KEEPALIVE_BYTES as u8, 4]);
    message
}

async fn answer(socket: net::UdpSocket) {
    let mut question = [0; 1500];
    loop {
        let (bytes, peer) = socket.recv_from(&mut question).await.unwrap();
        assert_eq!(bytes, plan::QUESTION_BYTES);
        count::QUESTIONS_RECEIVED.add(1);
        on_message(bytes);
        socket.send_to(&[7; plan::ANSWER_BYTES], peer).await.unwrap();
    }
}

async fn ask(i: usize, server: usize) {
    let socket = net::UdpSocket::bind(plan::any(0)).await.unwrap();
    let server = plan::socket_address(server, UDP_PORT);
    let mut answer = [0; 1500];
    let mut ticks = time::interval_at(time::Instant::now() + plan::question_phase(i), plan::QUESTION);
    loop {
        ticks.tick().await;
        socket.send_to(&[5; plan::QUESTION_BYTES], server).await.unwrap();
        count::QUESTIONS.add(1);
        match time::timeout(ANSWER_TIMEOUT, socket.recv_from(&mut answer)).await {
            Ok(Ok((plan::ANSWER_BYTES, _))) => {
                count::ANSWERS.add(1);
                on_message(plan::ANSWER_BYTES);
            }
            _ => count::UNANSWERED.add(1),
        }
    }
}
