//! What operators try first at any prompt: `ping` and `traceroute`, in the words of the tools of those names.

use std::net::IpAddr;
use std::time::Duration;

use blackstart_rt as rt;
use rt::net::{Answer, Echo, Ping};

/// Requests of one `ping`, a second apart.
const PINGS: u16 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// As far as `traceroute` looks, and how long it waits for each router.
const HOPS_MAX: u8 = 30;
const HOP_PATIENCE: Duration = Duration::from_secs(1);
/// The headers of an IPv4 echo request.
const HEADERS_BYTES: usize = 28;

/// Asks [`PINGS`] times and says what came back.
pub(super) async fn ping(to: IpAddr) -> String {
    let options = Ping::default();
    let data = options.payload_bytes;
    let mut said = match to {
        IpAddr::V4(_) => format!("PING {to} ({to}) {data}({}) bytes of data.\n", data + HEADERS_BYTES),
        IpAddr::V6(_) => format!("PING {to} ({to}) {data} data bytes\n"),
    };
    let mut received = 0;
    for sequence in 1..=PINGS {
        let asked_at = rt::time::Instant::now();
        match rt::net::ping(to, &options).await {
            Ok(echo) => {
                received += u16::from(echo.is_some_and(|echo| echo.answer == Answer::Reply));
                said.extend(echo.map(|echo| ping_line(&echo, sequence, data)));
            }
            Err(error) => return format!("ping: connect: {error}\n"),
        }
        if sequence < PINGS {
            rt::time::sleep_until(asked_at + PAUSE).await;
        }
    }
    let lost = (PINGS - received) * 100 / PINGS;
    said.push_str(&format!("--- {to} ping statistics ---\n"));
    said.push_str(&format!("{PINGS} packets transmitted, {received} received, {lost}% packet loss\n"));
    said
}

fn ping_line(echo: &Echo, sequence: u16, data: usize) -> String {
    let Echo { answer, from, ttl, rtt } = echo;
    let why = match answer {
        Answer::Reply => {
            let time = ms(*rtt);
            return format!("{} bytes from {from}: icmp_seq={sequence} ttl={ttl} time={time} ms\n", data + 8);
        }
        Answer::TimeExceeded => "Time to live exceeded".to_owned(),
        Answer::NetUnreachable => "Destination Net Unreachable".to_owned(),
        Answer::HostUnreachable => "Destination Host Unreachable".to_owned(),
        Answer::TooBig { mtu } => format!("Frag needed and DF set (mtu = {mtu})"),
    };
    format!("From {from} icmp_seq={sequence} {why}\n")
}

/// Names the routers on the way, one request for each.
pub(super) async fn traceroute(to: IpAddr) -> String {
    let mut said = format!("traceroute to {to} ({to}), {HOPS_MAX} hops max\n");
    match rt::net::traceroute(to, HOPS_MAX, HOP_PATIENCE).await {
        Ok(hops) => said.extend((1..).zip(hops).map(|(n, hop)| hop_line(n, hop))),
        Err(error) => return format!("traceroute: connect: {error}\n"),
    }
    said
}

fn hop_line(n: u32, hop: Option<Echo>) -> String {
    let Some(Echo { answer, from, rtt, .. }) = hop else { return format!("{n:2}  *\n") };
    let mark = match answer {
        Answer::Reply | Answer::TimeExceeded => "",
        Answer::NetUnreachable => " !N",
        Answer::HostUnreachable => " !H",
        Answer::TooBig { .. } => " !F",
    };
    format!("{n:2}  {from}  {} ms{mark}\n", ms(rtt))
}

fn ms(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1000.0)
}
