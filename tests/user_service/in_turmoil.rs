//! The same shop as hosts of a plain `turmoil::Sim`.

use service::{Answer, request};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::spawn;
use tokio::time::Instant;
use turmoil::net;

#[path = "service.rs"]
mod service;

const PATIENCE: Duration = Duration::from_secs(1);

fn at(host: &str) -> SocketAddr {
    SocketAddr::new(turmoil::lookup(host), 80)
}

fn any() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 80))
}

/// A shop and its warehouse; latencies of up to 20 ms.
fn town() -> turmoil::Sim<'static> {
    let mut sim = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(600))
        .max_message_latency(Duration::from_millis(20))
        .rng_seed(7)
        .build();
    sim.host("warehouse", || async { Ok(service::warehouse(any()).await?) });
    sim.host("shop", || async { Ok(service::shop(any(), at("warehouse"), PATIENCE).await?) });
    sim
}

async fn ask(what: &str) -> Answer {
    request(at("shop"), what).await.unwrap()
}

#[test]
fn it_answers_and_waits_no_longer_than_it_should() {
    let mut sim = town();
    sim.client("client", async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(ask("GET /count").await, (200, "7".to_owned()));
        assert_eq!(ask("POST /order").await, (201, "order 1".to_owned()));
        turmoil::hold("shop", "warehouse");
        let asked = Instant::now();
        assert_eq!(ask("GET /count").await.0, 504);
        let took = asked.elapsed();
        assert!(took >= PATIENCE && took < PATIENCE + Duration::from_millis(200), "{took:?}");
        assert!(ask("GET /stock").await.1.starts_with("7, seen "));
        turmoil::release("shop", "warehouse");
        assert_eq!(ask("GET /count").await, (200, "7".to_owned()));
        Ok(())
    });
    sim.run().unwrap();
}

#[test]
fn it_comes_back_after_a_crash() {
    let mut sim = town();
    for life in 0..2 {
        sim.client(format!("client{life}"), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(ask("POST /order").await, (201, "order 1".to_owned()), "memory does not survive");
            Ok(())
        });
        sim.run().unwrap();
        sim.bounce("shop");
    }
}
