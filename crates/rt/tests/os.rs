//! The operating system's backend: how it is entered and left.

use blackstart_rt as rt;
use rt::time::{sleep, timeout};
use std::io::ErrorKind;
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
        let listener = rt::net::TcpListener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
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
