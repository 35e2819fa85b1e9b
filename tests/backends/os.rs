//! Real sockets: every host is a loopback address of one process, and all share one disk.

use std::net::{IpAddr, TcpListener, UdpSocket};
use std::time::Duration;

use blackstart_rt as rt;
use rt::{Map, Set};

use crate::net::{Net, PATIENCE, Service, Task};

pub(crate) struct Os {
    hosts: Map<&'static str, Host>,
    ports: Set<u16>,
    // Dropped in order: what runs before what it runs on.
    _entered: rt::os::Guard,
    _disk: tempfile::TempDir,
}

#[derive(Default)]
struct Host {
    services: Vec<Service>,
    running: Vec<rt::task::JoinHandle<()>>,
}

impl Os {
    pub(crate) fn new() -> Self {
        let disk = tempfile::tempdir().unwrap();
        let options = rt::os::Options { host_name: "here".to_owned(), disk_root: disk.path().to_owned() };
        let entered = rt::os::enter(options).unwrap();
        Self { hosts: Map::new(), ports: Set::new(), _entered: entered, _disk: disk }
    }
}

impl Net for Os {
    /// Loopback addresses that no other process of this machine uses, as long as they all go by this rule.
    fn host(&mut self, name: &'static str) -> IpAddr {
        self.hosts.insert(name, Host::default());
        let process = std::process::id();
        IpAddr::from([127, (process >> 7) as u8 | 128, process as u8 & 127, self.hosts.len() as u8])
    }

    /// One that the operating system picked.
    fn port(&mut self, _: u16) -> u16 {
        loop {
            let listener = TcpListener::bind("0.0.0.0:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let is_free = UdpSocket::bind(("0.0.0.0", port)).is_ok();
            if is_free && self.ports.insert(port) {
                return port;
            }
        }
    }

    fn start_boxed(&mut self, host: &'static str, service: Service) {
        let host = self.hosts.get_mut(host).unwrap();
        host.running.push(rt::task::spawn("service", service()));
        host.services.push(service);
    }

    fn tell_boxed(&mut self, _: &str, task: Task) {
        let done = rt::os::block_on(rt::time::timeout(PATIENCE, task));
        done.unwrap();
    }

    fn stop(&mut self, host: &str) {
        for task in std::mem::take(&mut self.hosts.get_mut(host).unwrap().running) {
            task.abort();
            let ended = rt::os::block_on(task);
            assert!(ended.is_err_and(|error| error.is_cancelled()), "a service of {host} had ended");
        }
    }

    fn boot(&mut self, host: &str) {
        let host = self.hosts.get_mut(host).unwrap();
        host.running = host.services.iter().map(|service| rt::task::spawn("service", service())).collect();
    }

    fn pause(&mut self, span: Duration) {
        rt::os::block_on(rt::time::sleep(span));
    }
}
