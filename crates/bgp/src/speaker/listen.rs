//! Sockets that others connect to: neighbours on the BGP port, operators and local services on the control port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use blackstart_rt as rt;
use rt::Set;
use rt::net::{TcpListener, TcpStream};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::run::Inbound;
use crate::config::Config;
use crate::control::read_line;

/// Pause after an accept that failed, so that a lasting failure does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Binds where the neighbours will call: the sessions' own addresses, or all of a family when one has none.
pub(super) async fn bind(config: &Config) -> io::Result<Vec<TcpListener>> {
    let mut addresses: Set<IpAddr> = config
        .neighbours
        .iter()
        .map(|neighbour| neighbour.local_address.unwrap_or(unspecified(neighbour.address)))
        .collect();
    let wildcards: Vec<_> = addresses.iter().copied().filter(IpAddr::is_unspecified).collect();
    addresses.retain(|address| {
        address.is_unspecified() || !wildcards.iter().any(|any| any.is_ipv4() == address.is_ipv4())
    });
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(TcpListener::bind(SocketAddr::new(address, config.port)).await?);
    }
    Ok(listeners)
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Binds the control socket, if there is to be one.
pub(super) async fn bind_control(config: &Config) -> io::Result<Option<TcpListener>> {
    match config.control_port {
        Some(port) => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map(Some),
        None => Ok(None),
    }
}

/// Passes neighbours' calls on.
pub(super) async fn accept(listener: TcpListener, inbox: UnboundedSender<Inbound>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                if inbox.send(Inbound::Accepted(stream, from.ip().to_canonical())).is_err() {
                    return;
                }
            }
            Err(_) => rt::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves control connections, each in its own task.
pub(super) async fn accept_control(listener: TcpListener, inbox: UnboundedSender<Inbound>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let inbox = inbox.clone();
                // A broken control connection concerns only its other end.
                rt::task::spawn("bgp", async move { drop(serve_control(stream, inbox).await) });
            }
            Err(_) => rt::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_control(stream: TcpStream, inbox: UnboundedSender<Inbound>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(line) = read_line(&mut stream).await? {
        let mut reply = match line.parse() {
            Ok(command) => obey(command, &inbox).await,
            Err(why) => format!("error {why}"),
        };
        reply.push('\n');
        stream.get_mut().write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

async fn obey(command: crate::control::Command, inbox: &UnboundedSender<Inbound>) -> String {
    let (answer, answered) = oneshot::channel();
    let sent = inbox.send(Inbound::Control(command, answer));
    match (sent, answered.await) {
        (Ok(()), Ok(reply)) => reply,
        _ => "error the speaker has stopped".to_owned(),
    }
}
