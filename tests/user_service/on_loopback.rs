//! The same shop on the machine's own sockets, as in production.
#![expect(clippy::disallowed_types, reason = "real sockets are the point")]

use blackstart_rt::os::unused_address;
use service::request;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::{net, spawn};

#[path = "service.rs"]
mod service;

const PATIENCE: Duration = Duration::from_millis(300);

/// Asks until somebody listens.
async fn ask(server: SocketAddr, what: &str) -> service::Answer {
    loop {
        match request(server, what).await {
            Ok(answer) => return answer,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn it_answers_and_waits_no_longer_than_it_should() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (shop, warehouse) = (unused_address(), unused_address());
        spawn(service::shop(shop, warehouse, PATIENCE));
        // It listens and does not answer.
        let silent = net::TcpListener::bind(warehouse).await.unwrap();
        assert_eq!(ask(shop, "GET /count").await.0, 504);
        drop(silent);
        spawn(service::warehouse(warehouse));
        ask(warehouse, "GET /").await;
        assert_eq!(ask(shop, "GET /count").await, (200, "7".to_owned()));
        assert_eq!(ask(shop, "POST /order").await, (201, "order 1".to_owned()));
    });
}
