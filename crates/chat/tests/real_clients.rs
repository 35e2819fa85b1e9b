//! The server beside two IRC clients that know nothing of it: WeeChat and ii.
//!
//! WeeChat is written to through its FIFO and logs what it shows; ii has a FIFO and a file for each channel. What is
//! asserted is what the two programs themselves print.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use blackstart_chat::core::Settings;
use blackstart_chat::server;
use blackstart_dns::stub;
use blackstart_rt as rt;
use rt::net::TcpListener;

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// How long a client may take to show something.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that ends with the test, however the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command, package: &str) -> Running {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = silent.spawn();
    Running(started.unwrap_or_else(|error| panic!("{error}; install it with: apt-get install {package}")))
}

/// WeeChat in a home of its own, as `bob`, in #war.
struct WeeChat {
    home: PathBuf,
    _running: Running,
}

impl WeeChat {
    fn start(folder: &Path, port: u16) -> Self {
        let home = folder.join("weechat");
        let commands = format!(
            "/set logger.file.flush_delay 0;/set irc.server_default.capabilities server-time;/server add war 127.0.0.1/{port} -notls -nicks=bob -autojoin=#war;\
             /connect war"
        );
        let mut command = Command::new("weechat-headless");
        command.env("TZ", "UTC").args([
            "--dir",
            home.to_str().unwrap(),
            "--no-script",
            "--run-command",
            &commands,
        ]);
        Self { home, _running: start(&mut command, "weechat-headless weechat-plugins") }
    }

    /// What it showed of #war.
    fn shown(&self) -> String {
        fs::read_to_string(self.home.join("logs/irc.war.#war.weechatlog")).unwrap_or_default()
    }

    /// Types into the window of #war.
    fn types(&self, text: &str) {
        let entries = fs::read_dir(&self.home).unwrap().map(|entry| entry.unwrap().path());
        let mut pipes = entries.filter(|path| path.to_string_lossy().contains("weechat_fifo_"));
        write_line(&pipes.next().unwrap(), &format!("irc.war.#war *{text}"));
    }
}

/// ii in a folder of its own, as `ada`.
struct Ii {
    server: PathBuf,
    _running: Running,
}

impl Ii {
    fn start(folder: &Path, port: u16) -> Self {
        let (home, port) = (folder.join("ii"), port.to_string());
        let mut command = Command::new("ii");
        command.args(["-i", home.to_str().unwrap(), "-s", "127.0.0.1", "-p", &port, "-n", "ada"]);
        Self { server: home.join("127.0.0.1"), _running: start(&mut command, "ii") }
    }

    /// What it showed of the server.
    fn told(&self) -> String {
        fs::read_to_string(self.server.join("out")).unwrap_or_default()
    }

    /// What it showed of #war.
    fn shown(&self) -> String {
        fs::read_to_string(self.server.join("#war/out")).unwrap_or_default()
    }
}

fn write_line(pipe: &Path, line: &str) {
    let mut pipe = fs::OpenOptions::new().append(true).open(pipe).unwrap();
    pipe.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Waits until a client shows these words; the server goes on meanwhile.
async fn until(shown: impl Fn() -> String, words: &str) {
    let looked = rt::time::timeout(PATIENCE, async {
        while !shown().contains(words) {
            rt::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(looked.await.is_ok(), "no {words:?} in:\n{}", shown());
}

async fn serve() -> u16 {
    let listener = TcpListener::bind(ANYWHERE).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = server::Config {
        listen: ANYWHERE,
        settings: Settings { history_shown: 1, ..Settings::default() },
        identity: None,
        resolver: stub::Config::new(Vec::new()),
        ping_s: 60,
        connections_max: 8,
    };
    rt::task::spawn("chat", server::serve(listener, config));
    port
}

#[test]
#[ignore = "needs weechat-headless with its plugins, and ii"]
fn weechat_and_ii_meet_in_a_channel() {
    let folder = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "chat".into(), disk_root: folder.path().join("disk") };
    let _guard = rt::os::enter(options).unwrap();
    let before = "@1633361940250 ada #war all down\n";
    rt::os::block_on(rt::disk::append(blackstart_chat::history::FILE, before.as_bytes())).unwrap();
    rt::os::block_on(meet(folder.path()));
    let history =
        fs::read_to_string(folder.path().join("disk").join(blackstart_chat::history::FILE)).unwrap();
    let said: Vec<&str> = history.lines().map(blackstart_chat::history::untimed).collect();
    let both = ["ada #war all down", "bob #war on my way", "ada #war bring a badge"];
    assert_eq!(said, both, "what both saw is on the disk");
}

async fn meet(folder: &Path) {
    let port = serve().await;
    let bob = WeeChat::start(folder, port);
    until(|| bob.shown(), "has joined #war").await;
    // Said before he came, and shown with the time at which it was.
    until(|| bob.shown(), "ada: all down").await;
    let shown = bob.shown();
    let past = shown.lines().find(|line| line.contains("ada: all down")).unwrap();
    assert!(past.starts_with("2021-10-04 15:39:00"), "{past}");
    let ada = Ii::start(folder, port);
    until(|| ada.told(), "Welcome").await;
    write_line(&ada.server.join("in"), "/j #war");
    // Each sees that the other is there.
    until(|| bob.shown(), "ada").await;
    until(|| ada.told(), "bob").await;
    bob.types("on my way");
    until(|| ada.shown(), "<bob> on my way").await;
    write_line(&ada.server.join("#war/in"), "bring a badge");
    until(|| bob.shown(), "ada\tbring a badge").await;
    write_line(&ada.server.join("#war/in"), "/t doors are shut");
    until(|| bob.shown(), "doors are shut").await;
    bob.types("/part");
    until(|| ada.shown(), "has left #war").await;
}
