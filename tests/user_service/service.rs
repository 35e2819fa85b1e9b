//! A shop and its warehouse, small HTTP services as one writes them for tokio. They know nothing of simulations: what
//! would be `tokio::net` and `tokio::spawn` stands in the first line, and all else is tokio's.

use super::{net, spawn};

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Notify, RwLock, mpsc, oneshot};
use tokio::time::{Instant, interval, sleep, timeout};

/// How long a client may take to say what it wants.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// How often the shop looks at the warehouse of its own accord.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long the warehouse counts.
const COUNTING: Duration = Duration::from_millis(20);

/// Status and body.
pub(crate) type Answer = (u16, String);

/// Tells everybody who asks how many there are.
pub(crate) async fn warehouse(listen: SocketAddr) -> io::Result<()> {
    let listener = net::TcpListener::bind(listen).await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        spawn(async move {
            read_request(&mut stream).await?;
            sleep(COUNTING).await;
            respond(&mut stream, (200, "7".to_owned())).await
        });
    }
}

struct Shop {
    warehouse: SocketAddr,
    patience: Duration,
    /// What the warehouse last said, and when.
    stock: RwLock<Option<(String, Instant)>>,
    look: Notify,
    orders: mpsc::Sender<oneshot::Sender<u32>>,
}

/// `GET /stock` answers from memory, `GET /count` asks the warehouse and waits no longer than `patience`, `POST /order`
/// takes an order.
pub(crate) async fn shop(listen: SocketAddr, warehouse: SocketAddr, patience: Duration) -> io::Result<()> {
    let listener = net::TcpListener::bind(listen).await?;
    let (orders, taken) = mpsc::channel(16);
    let (stock, look) = (RwLock::new(None), Notify::new());
    let shop = Arc::new(Shop { warehouse, patience, stock, look, orders });
    spawn(number(taken));
    spawn(keep_looking(shop.clone()));
    loop {
        let (stream, _) = listener.accept().await?;
        spawn(serve(shop.clone(), stream));
    }
}

/// Orders have numbers.
async fn number(mut taken: mpsc::Receiver<oneshot::Sender<u32>>) {
    let mut orders = 0;
    while let Some(reply) = taken.recv().await {
        orders += 1;
        // Who asked may have gone.
        let _ = reply.send(orders);
    }
}

/// Looks at the warehouse now and then, and after every order.
async fn keep_looking(shop: Arc<Shop>) {
    let mut ticks = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shop.look.notified() => {}
        }
        if let Some(count) = shop.count().await {
            *shop.stock.write().await = Some((count, Instant::now()));
        }
    }
}

async fn serve(shop: Arc<Shop>, mut stream: net::TcpStream) -> io::Result<()> {
    let request = timeout(REQUEST_MAX, read_request(&mut stream)).await??;
    let answer = match request.as_str() {
        "GET /stock" => shop.stock().await,
        "GET /count" => {
            shop.count().await.map_or((504, "the warehouse is silent".to_owned()), |count| (200, count))
        }
        "POST /order" => shop.order().await,
        _ => (404, String::new()),
    };
    respond(&mut stream, answer).await
}

impl Shop {
    async fn stock(&self) -> Answer {
        match &*self.stock.read().await {
            Some((count, seen)) => (200, format!("{count}, seen {} s ago", seen.elapsed().as_secs())),
            None => (503, "nobody knows".to_owned()),
        }
    }

    /// None when the warehouse does not answer in time.
    async fn count(&self) -> Option<String> {
        match timeout(self.patience, request(self.warehouse, "GET /count")).await {
            Ok(Ok((200, count))) => Some(count),
            Ok(_) | Err(_) => None,
        }
    }

    async fn order(&self) -> Answer {
        let (reply, number) = oneshot::channel();
        let sent = self.orders.send(reply).await.is_ok();
        self.look.notify_one();
        match number.await {
            Ok(number) if sent => (201, format!("order {number}")),
            _ => (500, String::new()),
        }
    }
}

// HTTP/1.1, as much of it as this takes: one request per connection (RFC 9112).

/// Method and path, once the head is there.
async fn read_request(stream: &mut net::TcpStream) -> io::Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    let mut words = first.split(' ');
    Ok([words.next(), words.next()].map(Option::unwrap_or_default).join(" "))
}

async fn respond(stream: &mut net::TcpStream, (status, body): Answer) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await
}

/// What a client does: `what` is a method and a path.
pub(crate) async fn request(server: SocketAddr, what: &str) -> io::Result<Answer> {
    let mut stream = net::TcpStream::connect(server).await?;
    stream.write_all(format!("{what} HTTP/1.1\r\nhost: {server}\r\n\r\n").as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (status, (_, body)) =
        status.zip(response.split_once("\r\n\r\n")).ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, body.to_owned()))
}
