//! The services over real loopback sockets: HTTP helpers, edge, admission, backend, reports, posts.
#![expect(clippy::unwrap_used, reason = "in a test that is the assertion")]

use blackstart_app::http::{self, Connection, Upstream};
use blackstart_app::{Percent, admission, backend, edge, posts, reports, site};
use blackstart_rt as rt;
use blackstart_rt::os::unused_address;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use rt::net::{TcpListener, TcpStream};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMIT: Duration = Duration::from_secs(5);

fn on_disk<F: Future>(disk_root: &Path, test: F) -> F::Output {
    let options = rt::os::Options { host_name: "test".to_owned(), disk_root: disk_root.to_owned() };
    let _os = rt::os::enter(options).unwrap();
    rt::os::block_on(test)
}

fn on_os<F: Future>(test: F) -> F::Output {
    let disk = tempfile::tempdir().unwrap();
    on_disk(disk.path(), test)
}

/// A configuration in TOML, as a scenario has it.
fn config<C: serde::de::DeserializeOwned>(listen: SocketAddr, rest: &str) -> C {
    toml::from_str(&format!("listen = [\"{listen}\"]\n{rest}")).unwrap()
}

/// Starts a service and waits until it listens.
async fn start(address: SocketAddr, service: impl Future<Output = io::Result<()>> + 'static) {
    let service = rt::task::spawn("service", service);
    while TcpStream::connect(address).await.is_err() {
        assert!(!service.is_finished(), "the service ended: {:?}", service.await);
        rt::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn start_backend(rest: &str) -> SocketAddr {
    let address = unused_address();
    let named = format!("product = \"Facebook\"\ndata-centre = \"Santa Clara\"\nservice-ms = [0, 1]\n{rest}");
    start(address, backend::run(config(address, &named))).await;
    address
}

async fn start_edge(backends: &[SocketAddr], rest: &str) -> SocketAddr {
    let address = unused_address();
    let backends: Vec<String> = backends.iter().map(|backend| format!("\"{backend}\"")).collect();
    let pools =
        format!("pools = [{{ hosts = [\"www.facebook.com\"], backends = [{}] }}]", backends.join(", "));
    start(address, edge::run(config(address, &format!("{pools}\n{rest}")))).await;
    address
}

async fn get(address: SocketAddr, host: &str) -> (u16, String) {
    let response = http::get(address, host, "/", LIMIT).await.unwrap();
    (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
}

/// Waits for something that comes with the next check or poll.
async fn until(condition: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if condition().await {
            return;
        }
        rt::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came");
}

async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn start_site(rest: &str) -> SocketAddr {
    let address = unused_address();
    start(address, site::run(config(address, rest))).await;
    address
}

#[test]
fn no_clock_leaks_into_the_bytes() {
    on_os(async {
        let address = start_site("content = \"all well\"").await;
        let answer = raw(address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert_eq!(answer, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 8\r\n\r\nall well");
    });
}

#[test]
fn nonsense_gets_an_error_and_the_server_lives_on() {
    on_os(async {
        let address = start_site("content = \"all well\"").await;
        for nonsense in ["GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\r\n\r\n"] {
            let answer = raw(address, nonsense).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{nonsense:?}: {answer}");
        }
        assert_eq!(get(address, "a").await, (200, "all well".to_owned()));
    });
}

#[test]
fn a_site_serves_its_hosts_only() {
    on_os(async {
        let address = start_site("hosts = [\"status.example\"]\ncontent = \"all well\"").await;
        assert_eq!(get(address, "status.example").await.0, 200);
        assert_eq!(get(address, "other.example").await.0, 421);
    });
}

#[test]
fn bodies_are_bounded_in_both_directions() {
    on_os(async {
        let address = unused_address();
        let listener = TcpListener::bind(address).await.unwrap();
        rt::task::spawn("large", async move {
            http::serve("large", listener, async |_, _| {
                http::response(StatusCode::OK, vec![b'x'; http::BODY_BYTES_MAX + 1])
            })
            .await
        });
        let body = vec![b'x'; http::BODY_BYTES_MAX + 1];
        let answer = http::put(address, "a", "/", body, LIMIT).await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(matches!(http::get(address, "a", "/", LIMIT).await, Err(http::Error::TooLarge)));
    });
}

#[test]
fn a_connection_serves_one_request_after_another() {
    on_os(async {
        let address = start_site("content = \"all well\"").await;
        let mut connection = Connection::open(address, LIMIT).await.unwrap();
        for _ in 0..3 {
            let request = http::request(Method::GET, "a", "/", Bytes::new()).unwrap();
            assert_eq!(connection.send(request, LIMIT).await.unwrap().status(), StatusCode::OK);
        }
    });
}

#[test]
fn an_upstream_gets_over_a_server_that_closes() {
    on_os(async {
        let address = unused_address();
        let listener = TcpListener::bind(address).await.unwrap();
        rt::task::spawn("closing", async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _read = stream.read(&mut request).await.unwrap();
                // Says nothing about closing, and closes.
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        });
        let upstream = Upstream::new(address);
        for _ in 0..3 {
            let request = http::request(Method::GET, "a", "/", Bytes::new()).unwrap();
            assert_eq!(upstream.send(request, LIMIT).await.unwrap().status(), StatusCode::OK);
        }
    });
}

#[test]
fn silence_and_refusal_are_told_apart() {
    on_os(async {
        let refused = http::get(unused_address(), "a", "/", LIMIT).await.unwrap_err();
        assert!(
            matches!(&refused, http::Error::Connect(error) if error.kind() == io::ErrorKind::ConnectionRefused)
        );
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let timeout = http::get(address, "a", "/", Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(timeout, http::Error::Timeout));
    });
}

#[test]
fn a_request_passes_the_edge() {
    on_os(async {
        let backend = start_backend("hosts = [\"www.facebook.com\"]").await;
        let edge = start_edge(&[backend], "").await;
        assert_eq!(get(edge, "www.facebook.com").await, (200, "Facebook from Santa Clara\n".to_owned()));
        assert_eq!(get(edge, "www.example.com").await.0, 421);
        assert_eq!(get(backend, "www.example.com").await.0, 421);
    });
}

#[test]
fn an_edge_without_backends_says_no_server_available() {
    on_os(async {
        let edge = start_edge(&[unused_address()], "health = { fall = 1 }").await;
        // The first request meets the refusal; from then on the edge knows.
        assert_eq!(get(edge, "www.facebook.com").await.0, 502);
        let response = http::get(edge, "www.facebook.com", "/", LIMIT).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["proxy-status"], "no_server_available");
    });
}

#[test]
fn a_silent_backend_is_a_gateway_timeout() {
    on_os(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let edge = start_edge(&[silent.local_addr().unwrap()], "timeout-s = 0.05").await;
        assert_eq!(get(edge, "www.facebook.com").await.0, 504);
    });
}

#[test]
fn health_checks_take_a_backend_out_and_bring_it_back() {
    on_os(async {
        let (first, second) = (start_backend("").await, unused_address());
        let health = "health = { interval-s = 0.01, fall = 2, rise = 1 }";
        let (both, alone) = (start_edge(&[first, second], health).await, start_edge(&[second], health).await);
        until(async || get(alone, "www.facebook.com").await.0 == 503).await;
        until(async || get(both, "www.facebook.com").await.0 == 200).await;
        start(second, backend::run(config(second, "product = \"F\"\ndata-centre = \"D\""))).await;
        until(async || get(alone, "www.facebook.com").await.0 == 200).await;
    });
}

#[test]
fn a_full_queue_sheds_load() {
    on_os(async {
        let address = start_backend("workers = 1\nqueue = 1\nwindow-s = 9").await;
        let slow = unused_address();
        let limits = "product = \"F\"\ndata-centre = \"D\"\nworkers = 1\nqueue = 1\nservice-ms = [300, 301]";
        start(slow, backend::run(config(slow, limits))).await;
        let requests: Vec<_> = (0..6)
            .map(|n| rt::task::spawn(&format!("request {n}"), async move { get(slow, "a").await.0 }))
            .collect();
        let mut statuses = Vec::new();
        for request in requests {
            statuses.push(request.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 503, 503, 503, 503]);
        assert_eq!(get(address, "a").await.0, 200);
    });
}

#[test]
fn a_backend_fails_with_what_it_needs() {
    on_os(async {
        let store = start_backend("").await;
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = silent.local_addr().map(|address| (address, silent)).unwrap();
        for (need, expected) in [(store, 200), (unused_address(), 500), (silent.0, 504)] {
            let backend = start_backend(&format!("needs = [\"{need}\"]\nneed-timeout-s = 0.3")).await;
            assert_eq!(get(backend, "a").await.0, expected, "{need}");
            assert_eq!(http::get(backend, "a", "/health", LIMIT).await.unwrap().status(), StatusCode::OK);
        }
    });
}

#[test]
fn admission_reaches_the_edge_in_steps_and_survives_silence() {
    on_os(async {
        let service = unused_address();
        let running = rt::task::spawn("admission", admission::run(config(service, "token = \"s3cret\"")));
        let backend = start_backend("").await;
        let source = format!("admission = {{ address = \"{service}\", interval-s = 0.01 }}");
        let edge = start_edge(&[backend], &source).await;
        let admitted = async || {
            let mut admitted = 0;
            for device in 0..40 {
                let mut request = http::request(Method::GET, "www.facebook.com", "/", Bytes::new()).unwrap();
                request.headers_mut().insert("cookie", format!("device={device}").parse().unwrap());
                let response = http::send(edge, request, LIMIT).await.unwrap();
                let later = response.headers().contains_key("retry-after");
                assert_eq!(later, response.status() == StatusCode::SERVICE_UNAVAILABLE);
                admitted += usize::from(response.status() == StatusCode::OK);
            }
            admitted
        };
        assert_eq!(admitted().await, 40);
        for (percent, expected) in [(0, 0..=0), (40, 5..=30), (100, 40..=40)] {
            admission::set(service, "s3cret", Percent::whole(percent), LIMIT).await.unwrap();
            until(async || expected.contains(&admitted().await)).await;
        }
        running.abort();
        rt::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(admitted().await, 40);
    });
}

#[test]
fn admission_survives_a_restart_and_refuses_strangers() {
    let disk = tempfile::tempdir().unwrap();
    on_disk(disk.path(), async {
        let service = unused_address();
        start(service, admission::run(config(service, "token = \"s3cret\""))).await;
        let ask = async || admission::ask(&Upstream::new(service), LIMIT).await.unwrap();
        assert_eq!(ask().await, Percent::ALL);
        let refused = admission::set(service, "guess", Percent::NONE, LIMIT).await.unwrap_err();
        assert_eq!(refused.to_string(), "401 Unauthorized: wrong or missing token");
        assert_eq!(ask().await, Percent::ALL);
        admission::set(service, "s3cret", "12.5".parse().unwrap(), LIMIT).await.unwrap();
    });
    on_disk(disk.path(), async {
        let service = unused_address();
        start(service, admission::run(config(service, "token = \"s3cret\""))).await;
        let percent = admission::ask(&Upstream::new(service), LIMIT).await.unwrap();
        assert_eq!(percent.to_string(), "12.5");
    });
    on_disk(disk.path(), async {
        rt::disk::write("admission/percent", b"lots").await.unwrap();
        let service = unused_address();
        let error = admission::run(config(service, "token = \"s3cret\"")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    });
}

#[test]
fn the_public_complains_and_posts() {
    on_os(async {
        let (counter, board) = (unused_address(), unused_address());
        start(counter, reports::run(config(counter, ""))).await;
        start(board, posts::run(config(board, ""))).await;
        for _ in 0..2 {
            let answer = reports::report(counter, "allestoringen.nl", "whatsapp", LIMIT).await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
        }
        let shown = http::get(counter, "allestoringen.nl", "/report/whatsapp", LIMIT).await.unwrap();
        assert!(shown.body().ends_with(b" 2\n"));
        let post = posts::Post { author: "whatsapp".to_owned(), text: "We're aware.".to_owned() };
        let answer = posts::post(board, "twitter.com", &post, LIMIT).await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let latest = http::get(board, "twitter.com", "/posts", LIMIT).await.unwrap();
        assert_eq!(&latest.body()[..], br#"[{"author":"whatsapp","text":"We're aware."}]"#);
    });
}

#[test]
fn an_address_in_use_is_an_error_of_the_service() {
    on_os(async {
        let taken = Rc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let error = site::run(config(taken.local_addr().unwrap(), "content = \"\"")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    });
}
