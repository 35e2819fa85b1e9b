//! An event-driven driver for turmoil-net: packets wait in a heap, and tokio's paused clock jumps to the next one.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep};
use turmoil_net::{EnterGuard, HostId, Packet, Verdict};

thread_local! {
    /// Whether a host may have something to send.
    static DIRTY: Cell<bool> = const { Cell::new(false) };
    static DRIVER: RefCell<Option<Waker>> = const { RefCell::new(None) };
    static CURRENT: Cell<Option<HostId>> = const { Cell::new(None) };
}

fn mark_dirty() {
    if !DIRTY.replace(true) {
        DRIVER.with_borrow(|driver| driver.iter().for_each(Waker::wake_by_ref));
    }
}

/// A future that is polled, and dropped, as a task of its host.
pub(crate) struct OnHost<F> {
    host: HostId,
    future: Option<Pin<Box<F>>>,
}

pub(crate) fn on_host<F: Future>(host: HostId, future: F) -> OnHost<F> {
    OnHost { host, future: Some(Box::pin(future)) }
}

/// Starts a task of the current host.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(on_host(CURRENT.get().unwrap(), future));
}

impl<F: Future> Future for OnHost<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        turmoil_net::set_current(self.host);
        CURRENT.set(Some(self.host));
        mark_dirty();
        self.future.as_mut().unwrap().as_mut().poll(cx)
    }
}

impl<F> Drop for OnHost<F> {
    fn drop(&mut self) {
        turmoil_net::set_current(self.host);
        self.future = None;
        mark_dirty();
    }
}

/// A packet on its way, ordered by arrival.
struct Flight {
    at: Instant,
    sequence: u64,
    packet: Packet,
}

impl Flight {
    fn key(&self) -> (Instant, u64) {
        (self.at, self.sequence)
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// What crossed the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    /// Of every delivery's time, addresses and size.
    pub(crate) hash: u64,
}

/// Ends with the simulated time.
pub(crate) struct Driver<'a> {
    guard: &'a EnterGuard,
    flights: BinaryHeap<Reverse<Flight>>,
    sequence: u64,
    alarm: Pin<Box<Sleep>>,
    leaving: Vec<Packet>,
    start: Instant,
    end: Instant,
    totals: Totals,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(guard: &'a EnterGuard, simulated: Duration) -> Self {
        let start = Instant::now();
        Self {
            guard,
            flights: BinaryHeap::new(),
            sequence: 0,
            alarm: Box::pin(tokio::time::sleep(simulated)),
            leaving: Vec::new(),
            start,
            end: start + simulated,
            totals: Totals { packets: 0, hash: 0xcbf2_9ce4_8422_2325 },
        }
    }

    /// Takes what the hosts have to send.
    fn collect(&mut self, now: Instant) {
        if !DIRTY.replace(false) {
            return;
        }
        self.guard.egress_all(&mut self.leaving);
        for packet in self.leaving.drain(..) {
            let delay = match self.guard.evaluate(&packet) {
                Verdict::Drop => continue,
                Verdict::Deliver(delay) => delay,
                Verdict::Pass => Duration::ZERO,
            };
            self.sequence += 1;
            self.flights.push(Reverse(Flight { at: now + delay, sequence: self.sequence, packet }));
        }
    }

    /// Delivers what is due. False when nothing was.
    fn deliver(&mut self, now: Instant) -> bool {
        let before = self.totals.packets;
        while self.flights.peek().is_some_and(|Reverse(flight)| flight.at <= now) {
            let Some(Reverse(flight)) = self.flights.pop() else { break };
            self.account(&flight);
            self.guard.deliver(flight.packet);
        }
        self.totals.packets > before
    }

    fn account(&mut self, flight: &Flight) {
        self.totals.packets += 1;
        let packet = &flight.packet;
        let addresses = number(packet.src) << 32 | number(packet.dst);
        for value in [(flight.at - self.start).as_nanos() as u64, addresses, packet.size() as u64] {
            let hash = &mut self.totals.hash;
            *hash = (*hash ^ value).wrapping_mul(0x100_0000_01b3).rotate_left(23);
        }
    }

    fn next_at(&self) -> Instant {
        self.flights.peek().map_or(self.end, |Reverse(flight)| flight.at.min(self.end))
    }
}

fn number(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(_) => 0,
    }
}

impl Future for Driver<'_> {
    type Output = Totals;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Totals> {
        let this = self.get_mut();
        DRIVER.with_borrow_mut(|driver| {
            driver.get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker())
        });
        loop {
            let now = Instant::now();
            if now >= this.end {
                return Poll::Ready(this.totals);
            }
            this.collect(now);
            if this.deliver(now) {
                // Answers are queued and tasks woken: they run first, then one pass collects from all.
                DIRTY.set(true);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let next = this.next_at();
            if this.alarm.deadline() != next {
                this.alarm.as_mut().reset(next);
            }
            if this.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
