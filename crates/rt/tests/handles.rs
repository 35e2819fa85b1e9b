//! Handles can be moved, shared and polled anywhere: a service may hand them to any library.

use blackstart_rt as rt;

fn is_free<T: Send + Sync + Unpin + std::fmt::Debug>() {}

#[test]
fn handles_are_send_sync_and_unpin() {
    is_free::<rt::net::TcpListener>();
    is_free::<rt::net::TcpStream>();
    is_free::<rt::net::UdpSocket>();
    is_free::<rt::time::Sleep>();
    is_free::<rt::time::Interval>();
    is_free::<rt::task::JoinHandle<Vec<u8>>>();
    is_free::<rt::rand::Stream>();
    is_free::<rt::fib::Watch>();
    is_free::<rt::link::Watch>();
}
