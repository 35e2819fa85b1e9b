//! The loop that reader, controller and server share: accept, read a line, answer it, until the peer goes.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{TcpListener, TcpStream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt, BufReader};

use crate::wire;

/// What a listening part of the chain grants its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// A connection silent for so long is closed, seconds.
    pub idle_s: u64,
    /// More connections at once than this are closed unheard.
    pub connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle_s: 30, connections_max: 256 }
    }
}

/// One part of the chain: what it is asked and what it answers.
pub(crate) trait Respond: 'static {
    type Request: DeserializeOwned;
    type Answer: Serialize;

    /// What a peer is told before it has asked anything.
    fn greeting(&self) -> Option<String> {
        None
    }

    /// The answer, or `None` to hang up.
    async fn respond(&self, peer: SocketAddr, request: Self::Request) -> Option<Self::Answer>;
}

/// Serves until the host or the task dies; each connection is a task named `name`.
pub(crate) async fn serve<S: Respond>(name: &str, listener: TcpListener, limits: Limits, service: Rc<S>) {
    let connections = Rc::new(());
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // A peer that gave up, or no descriptor left: neither is a reason to stop serving the others.
            rt::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Each connection's task holds one count, `connections` here the last.
        if Rc::strong_count(&connections) <= limits.connections_max {
            let (service, count) = (Rc::clone(&service), Rc::clone(&connections));
            rt::task::spawn(name, async move {
                converse(&*service, limits, stream, peer).await;
                drop(count);
            });
        }
    }
}

async fn converse<S: Respond>(service: &S, limits: Limits, stream: TcpStream, peer: SocketAddr) {
    let idle = Duration::from_secs(limits.idle_s);
    let mut stream = BufReader::new(stream);
    if let Some(greeting) = service.greeting()
        && stream.write_all(format!("{greeting}\n").as_bytes()).await.is_err()
    {
        return;
    }
    // Silence, rubbish and a broken connection end it alike: the peer sees it closed.
    while let Ok(Ok(Some(request))) = rt::time::timeout(idle, wire::read(&mut stream)).await {
        // On a part that ails a fault decides: any other answer than the right one is none.
        let ails = rt::task::instead().await.is_some();
        let Some(answer) = service.respond(peer, request).await.filter(|_| !ails) else { return };
        if wire::write(&mut stream, &answer).await.is_err() {
            return;
        }
    }
}
