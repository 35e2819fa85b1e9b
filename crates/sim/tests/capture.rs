//! Captures of a run in which everything happens, read back as Wireshark would.
#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use blackstart_sim::Direction::AToB;
use blackstart_sim::capture::{Capture, CaptureAt, Captured};
use blackstart_sim::net::{TcpListener, TcpStream, UdpSocket};
use blackstart_sim::{
    Bandwidth, Config, GilbertElliott, Latency, LinkSpec, Loss, Sim, Time, WaySpec, control, task, time,
};
use common::{Net, sock};
use pcap_file::DataLink;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const EPOCH_S: u64 = 1_633_360_000;
const SECONDS: u64 = 60;

/// Client, router and server, with one address of each family. What the link to the server does to packets, anything
/// can happen to one.
fn net(seed: u64) -> Net {
    let sim = Sim::new(Config { seed, epoch: Duration::from_secs(EPOCH_S), ..Config::default() }).unwrap();
    let net = Net { sim };
    for (n, name) in [(1, "client"), (2, "router"), (3, "server")] {
        net.add(name, &[&format!("10.0.0.{n}"), &format!("2001:db8::{n}")], name == "router");
    }
    net.sim.add_link(LinkSpec::new(net.node("client"), net.node("router"))).unwrap();
    net.sim.add_link(LinkSpec::new(net.node("router"), net.node("server")).both(rough())).unwrap();
    for (from, to) in [("client", 3), ("server", 1)] {
        net.route(from, &format!("10.0.0.{to}/32"), &["10.0.0.2"]);
        net.route(from, &format!("2001:db8::{to}/128"), &["2001:db8::2"]);
    }
    net.program("client", || {
        for server in ["10.0.0.3", "[2001:db8::3]"] {
            task::spawn("datagrams", ask(sock(&format!("{server}:40053"))));
            task::spawn("nobody", ask(sock(&format!("{server}:40054"))));
            task::spawn("stream", fetch(sock(&format!("{server}:40080"))));
        }
        task::spawn("nowhere", ask(sock("10.9.9.9:40053")));
        task::spawn("itself", ask(sock("127.0.0.1:40053")));
    });
    net.program("server", || {
        for server in ["0.0.0.0", "[::]"] {
            task::spawn("datagrams", answer(sock(&format!("{server}:40053"))));
            task::spawn("stream", serve(sock(&format!("{server}:40080"))));
        }
    });
    let link = net.link(1);
    net.sim.spawn("faults", async move {
        time::sleep(Duration::from_secs(40)).await;
        for _ in 0..10 {
            control::set_link_cut(link, true).unwrap();
            time::sleep(Duration::from_millis(500)).await;
            control::set_link_cut(link, false).unwrap();
            time::sleep(Duration::from_millis(500)).await;
        }
        control::set_link_blocked(link, AToB, true).unwrap();
    });
    net
}

fn rough() -> WaySpec {
    let bursts = GilbertElliott { good_to_bad: 0.01, bad_to_good: 0.3, loss_in_good: 0.01, loss_in_bad: 0.7 };
    let ms = Duration::from_millis;
    WaySpec {
        latency: Latency::Uniform { min: ms(1), max: ms(8) },
        overtaking: true,
        loss: Loss::Bursty(bursts),
        duplication: 0.03,
        corruption: 0.03,
        bandwidth: Some(Bandwidth { bits_per_s: 2_000_000, queue_bytes: 8_000 }),
        mtu: 1400,
        black_hole: false,
    }
}

async fn ask(server: SocketAddr) {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(sock(any)).await.unwrap();
    for n in 0.. {
        let _unreachable = socket.send_to(&vec![n as u8; 100 + 131 * (n % 11)], server).await;
        let _lost = time::timeout(Duration::from_millis(100), socket.recv_from(&mut [0; 1500])).await;
    }
}

async fn answer(at: SocketAddr) {
    let socket = UdpSocket::bind(at).await.unwrap();
    let mut room = [0; 1500];
    loop {
        if let Ok((length, peer)) = socket.recv_from(&mut room).await {
            let _unreachable = socket.send_to(&room[..length], peer).await;
        }
    }
}

async fn fetch(server: SocketAddr) {
    loop {
        let talk = async {
            let mut stream = TcpStream::connect(server).await?;
            stream.write_all(&[1; 5000]).await?;
            stream.read_exact(&mut vec![0; 60_000]).await
        };
        let _failed = time::timeout(Duration::from_secs(20), talk).await;
        time::sleep(Duration::from_millis(500)).await;
    }
}

async fn serve(at: SocketAddr) {
    let listener = TcpListener::bind(at).await.unwrap();
    while let Ok((mut stream, _)) = listener.accept().await {
        task::spawn("answer", async move {
            let _closed = stream.read_exact(&mut [0; 5000]).await;
            let _closed = stream.write_all(&[2; 60_000]).await;
        });
    }
}

fn capture(at: CaptureAt) -> Capture {
    control::capture(at, 64 << 20).unwrap()
}

/// The whole run as the client, the server and their rough link see it.
fn captured(seed: u64) -> [Captured; 3] {
    let mut net = net(seed);
    let (client, server) = (CaptureAt::Node(net.node("client")), CaptureAt::Node(net.node("server")));
    let captures = [client, server, CaptureAt::Link(net.link(1))].map(capture);
    net.sim.run_until(Time::from_secs(SECONDS));
    assert_eq!(net.crashes(), []);
    captures.map(|capture| capture.finish().unwrap())
}

/// A packet of a file.
struct Seen {
    at: Duration,
    interface: String,
    bytes: Vec<u8>,
    comment: Option<String>,
}

fn read(pcapng: &[u8]) -> Vec<Seen> {
    let mut reader = PcapNgReader::new(pcapng).unwrap();
    let (mut seen, mut names) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        match block.unwrap().0.into_owned() {
            Block::InterfaceDescription(interface) => {
                assert_eq!(interface.linktype, DataLink::RAW);
                names.push(format!("{:?}", interface.options[0]));
            }
            Block::EnhancedPacket(packet) => {
                let comment = |option: &EnhancedPacketOption<'_>| match option {
                    EnhancedPacketOption::Common(common) => Some(format!("{common:?}")),
                    _ => None,
                };
                seen.push(Seen {
                    at: packet.timestamp,
                    interface: names[packet.interface_id as usize].clone(),
                    comment: packet.options.iter().find_map(comment),
                    bytes: packet.data.into_owned(),
                });
            }
            _ => {}
        }
    }
    seen
}

fn comments<'a>(seen: &'a [Seen], text: &'a str) -> impl Iterator<Item = &'a Seen> {
    seen.iter().filter(move |seen| seen.comment.as_deref().is_some_and(|comment| comment.contains(text)))
}

#[test]
fn watching_changes_nothing() {
    let run = |watch: bool| {
        let mut net = net(7);
        let captures = watch.then(|| {
            [CaptureAt::Node(net.node("client")), CaptureAt::Link(net.link(1)), CaptureAt::Link(net.link(0))]
                .map(capture)
        });
        net.sim.run_until(Time::from_secs(SECONDS));
        (net.sim.log_hash(), net.sim.packets(), captures.is_some())
    };
    let (seen, unseen) = (run(true), run(false));
    assert_eq!((seen.0, seen.1), (unseen.0, unseen.1));
}

#[test]
fn captures_read_back_and_say_what_faults_did() {
    let [client, server, link] = captured(1).map(|captured| {
        assert_eq!(captured.left_out, 0);
        let seen = read(&captured.pcapng);
        assert_eq!(seen.len() as u64, captured.packets);
        assert!(seen.is_sorted_by_key(|packet| packet.at));
        seen
    });
    let epoch = Duration::from_secs(EPOCH_S);
    assert!(
        client.iter().all(|packet| packet.at >= epoch && packet.at <= epoch + Duration::from_secs(SECONDS))
    );
    assert!(client.iter().any(|packet| packet.at.subsec_nanos() % 1000 != 0), "nanoseconds");
    let loopback = client.iter().filter(|packet| packet.interface.contains("client:lo")).count();
    assert!(loopback > 0, "what a host tells itself");
    for (what, least) in [
        ("lost on the link", 20),
        ("a copy that the link made", 20),
        ("the link flipped bit", 20),
        ("reordered", 20),
        ("the queue before the link is full", 20),
        ("over the link's MTU of 1400", 2),
        ("not sent: the link is cut in this direction", 2),
        ("does not arrive: the link was cut", 1),
    ] {
        assert!(comments(&link, what).count() >= least, "{what}: {}", comments(&link, what).count());
    }
    for what in ["lost on the link", "a copy that the link made", "the link flipped bit"] {
        assert!(comments(&server, what).count() > 0, "{what}");
    }
    let clean = server.iter().filter(|packet| packet.comment.is_none()).count();
    assert!(clean > server.len() / 2);
}

#[test]
fn a_full_capture_keeps_what_it_has_and_counts_the_rest() {
    let mut net = net(1);
    let all = capture(CaptureAt::Link(net.link(1)));
    let some = control::capture(CaptureAt::Link(net.link(1)), 50_000).unwrap();
    net.sim.run_until(Time::from_secs(SECONDS));
    let (all, some) = (all.finish().unwrap(), some.finish().unwrap());
    assert_eq!((all.left_out, all.packets), (0, some.packets + some.left_out));
    assert!(some.pcapng.len() < 50_500 && some.pcapng.len() > 45_000, "{}", some.pcapng.len());
    let (all, some) = (read(&all.pcapng), read(&some.pcapng));
    assert!(all.iter().zip(&some).all(|(all, some)| all.bytes == some.bytes && all.at == some.at));
}

#[test]
fn a_capture_ends_with_its_handle_and_not_after_its_run() {
    let mut net = net(1);
    let capture = capture(CaptureAt::Link(net.link(0)));
    net.sim.run_until(Time::from_secs(1));
    drop(net);
    assert_eq!(capture.finish(), Err(blackstart_sim::Error::NoSimulation));
}

/// What tshark says about each packet of a file.
struct Verdict {
    protocols: String,
    comment: String,
    /// Malformed, or with a checksum that is wrong.
    bad: bool,
    /// What a router said about the next link.
    mtu: String,
}

fn tshark(file: &std::path::Path) -> Vec<Verdict> {
    let checksums = ["ip", "tcp", "udp", "icmp", "icmpv6"];
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=|", "-r"]).arg(file);
    for protocol in ["ip", "tcp", "udp"] {
        command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    for field in ["frame.protocols", "frame.comment", "icmp.mtu", "_ws.malformed"] {
        command.args(["-e", field]);
    }
    for protocol in checksums {
        command.args(["-e", &format!("{protocol}.checksum.status")]);
    }
    let output = command.output().expect("tshark is installed: apt-get install tshark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let judge = |line: &str| {
        let fields: Vec<&str> = line.split('|').collect();
        // A bit may have flipped in a packet that an ICMP error quotes: only the error's own checksums count then.
        let quotes = ["icmp:ip", "icmpv6:ipv6"].iter().any(|error| fields[0].contains(error));
        let wrong = |(protocol, statuses): (&str, &&str)| match quotes {
            true if matches!(protocol, "tcp" | "udp") => false,
            true => statuses.starts_with('0'),
            false => statuses.split(',').any(|status| status == "0"),
        };
        Verdict {
            protocols: fields[0].to_owned(),
            comment: fields[1].to_owned(),
            mtu: fields[2].to_owned(),
            bad: !fields[3].is_empty() || checksums.into_iter().zip(&fields[4..]).any(wrong),
        }
    };
    String::from_utf8(output.stdout).unwrap().lines().map(judge).collect()
}

#[test]
#[ignore = "needs tshark"]
fn tshark_finds_no_fault_but_those_that_were_made() {
    let folder = std::env::temp_dir().join(format!("blackstart-capture-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, captured) in ["client", "server", "link"].into_iter().zip(captured(1)) {
        let file = folder.join(format!("{name}.pcapng"));
        std::fs::write(&file, &captured.pcapng).unwrap();
        let verdicts = tshark(&file);
        assert_eq!(verdicts.len() as u64, captured.packets, "{name}");
        for protocol in ["ip:tcp", "ip:udp", "ip:icmp", "ipv6:tcp", "ipv6:udp", "ipv6:icmpv6"] {
            let count = verdicts.iter().filter(|verdict| verdict.protocols.contains(protocol)).count();
            assert!(count > 0, "{name}: no {protocol}");
        }
        let flipped = |verdict: &&Verdict| verdict.comment.contains("flipped");
        let blameless = verdicts.iter().position(|verdict| verdict.bad && !flipped(&verdict));
        assert_eq!(blameless, None, "{name}: bad without a reason");
        let mtus: Vec<&str> =
            verdicts.iter().map(|verdict| verdict.mtu.as_str()).filter(|mtu| !mtu.is_empty()).collect();
        assert!(mtus.iter().all(|mtu| *mtu == "1400"), "{mtus:?}");
        if name == "link" {
            let spoiled = verdicts.iter().filter(flipped).count();
            let found = verdicts.iter().filter(|verdict| verdict.bad).count();
            assert!(found * 10 > spoiled * 9, "most flips are found: {found} of {spoiled}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
