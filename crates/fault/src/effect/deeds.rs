//! What somebody does wrong over the simulated systems: commands at consoles and speakers, files, too many requests.
//!
//! A deed takes its time and may fail like anybody's: a router that is dark takes no command.

use crate::kind::Kind;
use crate::layers::{Refusal, node};
use blackstart_bgp::control as speaker;
use blackstart_identity::code;
use blackstart_manage::client::{Cli, Error};
use blackstart_manage::router::SAVED_FILE;
use blackstart_manage::router::command::{port_key, state_word};
use blackstart_manage::router::core::{parse_settings, setting_lines};
use blackstart_rt as rt;
use blackstart_sim::control;
use blackstart_sim::task::JoinHandle;
use blackstart_world::settings::Speaks;
use blackstart_world::{Account, AccountKind, World};
use ipnet::IpNet;
use rt::net::{TcpStream, UdpSocket};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Control socket of every speaker, on its own machine.
const SPEAKER_PORT: u16 = 1179;
/// How long somebody waits for a console, and a client for a page.
const PATIENCE: Duration = Duration::from_secs(30);
/// Who signs.
const SOMEBODY: &str = "somebody";

/// Tells a speaker to announce a prefix, or to withdraw it.
pub(crate) fn announce(world: &World, machine: &str, prefix: &str, on: bool) -> Result<(), Refusal> {
    let prefix: IpNet = prefix.parse().map_err(|_| Refusal::Unknown(format!("prefix {prefix}")))?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, SPEAKER_PORT));
    let _detached = control::spawn_on(node(world, machine)?, SOMEBODY, async move {
        // A speaker that is not there has nothing to say.
        let _ = match on {
            true => speaker::announce(at, prefix).await,
            false => speaker::withdraw(at, prefix).await,
        };
    });
    Ok(())
}

/// Commits a port shut or open at a router's console, by the cable of a machine on site.
pub(crate) fn command(world: &World, router: &str, port: &str, up: bool) -> Result<(), Refusal> {
    let unknown = || Refusal::Unknown(format!("console of {router}"));
    let site = world.wiring.machine(router).map(|machine| machine.site.clone()).ok_or_else(unknown)?;
    let (host, cable) = world.wiring.cable_at(&site, router).ok_or_else(unknown)?;
    let mut accounts = world.people.accounts.values();
    let account = accounts.find(|account| account.kind == AccountKind::Local).cloned().ok_or_else(unknown)?;
    control::set_link_cut(cable.link, false)?;
    let (console, port) = (cable.console, port.to_owned());
    let typing = async move { drop(commit(console, &account, &port, up).await) };
    let _detached = control::spawn_on(node(world, host)?, SOMEBODY, typing);
    Ok(())
}

async fn commit(console: SocketAddr, account: &Account, port: &str, up: bool) -> Result<(), Error> {
    let mut cli = Cli::connect(console, PATIENCE).await?;
    let code = code::at(&account.code_seed.clone().unwrap_or_default(), rt::time::unix_now());
    cli.login_local(&account.name, &account.secret, &code).await?;
    cli.stage(port, up).await?;
    cli.commit(SOMEBODY).await
}

/// Edits the saved configuration, which the router takes at its next boot.
pub(crate) fn save(world: &World, router: &str, port: &str, up: bool) -> Result<(), Refusal> {
    let port = port.to_owned();
    let edit = async move { drop(edit_saved(&port, up).await) };
    let _detached = control::spawn_on(node(world, router)?, SOMEBODY, edit);
    Ok(())
}

async fn edit_saved(port: &str, up: bool) -> io::Result<()> {
    let text = String::from_utf8_lossy(&rt::disk::read(SAVED_FILE).await?).into_owned();
    let mut settings = parse_settings(&text).ok_or(io::ErrorKind::InvalidData)?;
    settings.insert(port_key(port), state_word(up).to_owned());
    rt::disk::write(SAVED_FILE, setting_lines(&settings).as_bytes()).await?;
    rt::disk::fsync(SAVED_FILE).await
}

/// Asks a service from a machine, all layers together, until it is aborted.
pub(crate) fn load(
    world: &World,
    machine: &str,
    service: &str,
    layers: &[Kind],
) -> Result<JoinHandle<()>, Refusal> {
    let asked = world.wiring.settings.asked.get(service);
    let (_, to, speaks) = *asked.ok_or_else(|| Refusal::Unknown(format!("way to ask {service}")))?;
    let per_s: u32 = layers.iter().map(|l| if let Kind::Load { per_s, .. } = l { *per_s } else { 0 }).sum();
    let pause = Duration::from_secs(1) / per_s.max(1);
    Ok(control::spawn_on(node(world, machine)?, "load", async move {
        let mut next = rt::time::Instant::now();
        loop {
            rt::task::spawn("load", async move { drop(rt::time::timeout(PATIENCE, ask(to, speaks)).await) });
            next += pause;
            rt::time::sleep_until(next).await;
        }
    }))
}

/// One request, in the words of the service.
async fn ask(to: SocketAddr, speaks: Speaks) -> io::Result<()> {
    match speaks {
        Speaks::Names => {
            let socket = UdpSocket::bind("0.0.0.0:0").await?;
            // A query for the addresses of the root (RFC 1035 4.1): no server has them at hand.
            let query = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];
            socket.send_to(&query, to).await?;
            socket.recv_from(&mut [0; 512]).await.map(drop)
        }
        Speaks::Pages | Speaks::Lines => {
            let mut stream = TcpStream::connect(to).await?;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: load\r\nconnection: close\r\n\r\n").await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        }
    }
}
