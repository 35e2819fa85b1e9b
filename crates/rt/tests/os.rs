//! The operating system's backend: how it is entered and left.

use blackstart_rt as rt;
use rt::time::{sleep, timeout};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn options(folder: &tempfile::TempDir) -> rt::os::Options {
    rt::os::Options { host_name: "here".to_owned(), disk_root: folder.path().join("disk") }
}

#[test]
fn a_service_answers_on_real_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let _guard = rt::os::enter(options(&folder)).unwrap();
    let answer = rt::os::block_on(async {
        let listener = rt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        rt::task::spawn("greeter", async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"hello").await.unwrap();
        });
        let mut stream = rt::net::TcpStream::connect(address).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert_eq!(answer, "hello");
    assert_eq!(rt::host_name(), "here");
}

#[test]
fn entering_twice_is_an_error_and_leaving_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let guard = rt::os::enter(options(&folder)).unwrap();
    assert_eq!(rt::os::enter(options(&folder)).unwrap_err().kind(), ErrorKind::AlreadyExists);
    drop(guard);
    drop(rt::os::enter(options(&folder)).unwrap());
}

#[test]
fn routes_and_ports_are_inert() {
    let folder = tempfile::tempdir().unwrap();
    let _guard = rt::os::enter(options(&folder)).unwrap();
    let prefix = "192.0.2.0/24".parse().unwrap();
    rt::fib::install(rt::fib::Protocol::Ebgp, prefix, rt::fib::Target::Discard, 7);
    assert_eq!(rt::fib::lookup("192.0.2.1".parse().unwrap()).unwrap().metric, 0);
    assert!(rt::link::interfaces().is_empty());
    assert_eq!(rt::link::set_admin_up("eth0", false).unwrap_err().kind(), ErrorKind::NotFound);
    rt::os::block_on(async {
        let mut routes = rt::fib::watch();
        assert!(timeout(Duration::from_millis(5), routes.changed()).await.is_err());
    });
}

/// The kernel's word for a full disk; a simulated one says the same (`crates/sim/tests/hosts.rs`).
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let _guard = rt::os::enter(options(&folder)).unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("disk/full")).unwrap();
    rt::os::block_on(async {
        let errors = [rt::disk::write("full", b"x").await, rt::disk::append("full", b"x").await];
        assert!(errors.into_iter().all(|error| error.unwrap_err().kind() == ErrorKind::StorageFull));
    });
}

#[test]
fn select_polls_from_top_to_bottom() {
    let folder = tempfile::tempdir().unwrap();
    let _guard = rt::os::enter(options(&folder)).unwrap();
    rt::os::block_on(async {
        for _ in 0..50 {
            let first = rt::select! {
                () = std::future::ready(()) => true,
                () = std::future::ready(()) => false,
            };
            assert!(first);
        }
        sleep(Duration::from_millis(1)).await;
    });
}

#[derive(Debug, Serialize, Deserialize)]
enum Event {
    Refused { reason: String },
}

impl rt::Event for Event {
    const KIND: &'static str = "os-test";
}

/// Where a test's log goes.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn events_go_to_tracing() {
    let folder = tempfile::tempdir().unwrap();
    let _guard = rt::os::enter(options(&folder)).unwrap();
    let page = Page::default();
    let writer = page.clone();
    let listener = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let event = Event::Refused { reason: "no route".to_owned() };
    tracing::subscriber::with_default(listener, || rt::emit(&event));
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    for part in ["INFO", "blackstart::event", "os-test", "here", "Refused { reason: \"no route\" }"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn a_user_timeout_is_only_traced() {
    let folder = tempfile::tempdir().unwrap();
    let _guard = rt::os::enter(options(&folder)).unwrap();
    let page = Page::default();
    let writer = page.clone();
    let listener = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    let listener = listener.with_ansi(false).with_writer(move || writer.clone()).finish();
    let _default = tracing::subscriber::set_default(listener);
    rt::os::block_on(async {
        let listener = rt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = rt::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        stream.set_user_timeout(Some(Duration::from_secs(1)));
    });
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("user timeout left to the stack"), "{text}");
}

#[test]
fn leaving_drops_the_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let guard = rt::os::enter(options(&folder)).unwrap();
    let held = Arc::new(());
    let kept = held.clone();
    rt::os::block_on(async {
        rt::task::spawn("forever", async move {
            let _kept = kept;
            let _listener = rt::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            std::future::pending::<()>().await;
        });
        sleep(Duration::from_millis(5)).await;
    });
    assert_eq!(Arc::strong_count(&held), 2);
    drop(guard);
    assert_eq!(Arc::strong_count(&held), 1);
}
