//! The traffic of W(N) on bach 0.2, which has no TCP: each keepalive is a datagram that is answered with 40 bytes in
//! the place of an acknowledgement. The same number of packets as W, without the work of TCP. Every packet takes
//! 30 ms, the mean of W.

use bach::ext::*;
use bach::net::UdpSocket;
use bach::time::{self, Instant};
use bench_common::plan::{self, Size, Workload};
use bench_common::{count, outcome};
use clap::Parser;
use std::net::SocketAddr;
use std::time::Duration;

const PORT: u16 = 53;
const LATENCY: Duration = Duration::from_millis(30);
const ACKNOWLEDGEMENT_BYTES: usize = 40;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() {
    let Arguments { size } = Arguments::parse();
    let started = std::time::Instant::now();
    run(size);
    let wall = started.elapsed();
    // Each keepalive and each question crossed the network, and so did its answer.
    let packets = 2 * (count::KEEPALIVES.get() + count::QUESTIONS.get());
    outcome::finish("bach/udp", size, wall, Some(packets), None);
}

fn run(size: Size) {
    let queues = bach::environment::net::queue::Fixed::default().with_net_latency(LATENCY);
    let mut runtime = bach::environment::default::Runtime::new()
        .with_rand(Some(bach::rand::Scope::new(1)))
        .with_net_queues(Some(Box::new(queues)));
    runtime.run(|| {
        for i in 0..size.n.into() {
            host(size.ring(), i).group(name(i)).spawn();
        }
        time::sleep(size.simulated()).group("end").primary().spawn();
    });
}

fn name(i: usize) -> String {
    format!("h{i}")
}

async fn host(workload: Workload, i: usize) {
    answer().spawn();
    // Both ends of a connection send: to those that W connects to, and to those that connect from there.
    let hosts = workload.hosts;
    for (k, peer) in [i + 1, i + 7, i + hosts - 1, i + hosts - 7].into_iter().enumerate() {
        keep_alive(peer % hosts, plan::opened_phase(i, k)).spawn();
    }
    ask(workload.server(i), plan::question_phase(i)).await;
}

async fn answer() {
    let socket = UdpSocket::bind(("0.0.0.0", PORT)).await.unwrap();
    let mut received = [0; 1500];
    loop {
        let (bytes, peer) = socket.recv_from(&mut received).await.unwrap();
        let answer_bytes = if bytes == plan::QUESTION_BYTES {
            count::QUESTIONS_RECEIVED.add(1);
            plan::ANSWER_BYTES
        } else {
            count::KEEPALIVE_BYTES_RECEIVED.add(bytes as u64);
            ACKNOWLEDGEMENT_BYTES
        };
        socket.send_to(&[7; plan::ANSWER_BYTES][..answer_bytes], peer).await.unwrap();
    }
}

async fn keep_alive(peer: usize, phase: Duration) {
    let (socket, peer) = connect(peer).await;
    count::ENDS.add(1);
    let mut due = Instant::now() + phase;
    let mut acknowledgement = [0; 1500];
    loop {
        sleep_until(due).await;
        socket.send_to(&[0xff; plan::KEEPALIVE_BYTES], peer).await.unwrap();
        count::KEEPALIVES.add(1);
        socket.recv_from(&mut acknowledgement).await.unwrap();
        due += plan::KEEPALIVE;
    }
}

async fn ask(server: usize, phase: Duration) {
    let (socket, server) = connect(server).await;
    let mut due = Instant::now() + phase;
    let mut answer = [0; 1500];
    loop {
        sleep_until(due).await;
        socket.send_to(&[5; plan::QUESTION_BYTES], server).await.unwrap();
        count::QUESTIONS.add(1);
        match time::timeout(ANSWER_TIMEOUT, socket.recv_from(&mut answer)).await {
            Ok(Ok((plan::ANSWER_BYTES, _))) => count::ANSWERS.add(1),
            _ => count::UNANSWERED.add(1),
        }
        due += plan::QUESTION;
    }
}

/// A socket of its own, and the address of host `i`: bach gives addresses to names.
async fn connect(i: usize) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    let mut addresses = bach::net::lookup_host((name(i), PORT)).await.unwrap();
    (socket, addresses.next().unwrap())
}

async fn sleep_until(due: Instant) {
    time::sleep(due.saturating_duration_since(Instant::now())).await;
}
