//! What the services of this crate record, and the outcomes that probes and users see.

use crate::http;
use crate::percent::Percent;
use blackstart_dns::stub;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// A record of this crate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A check of a probe came out otherwise than the time before. The first time counts as a change.
    Probed {
        /// The check's name: a signal's stem, such as `http.facebook`.
        check: String,
        /// What it sees from now on.
        outcome: Outcome,
    },
    /// A probe's window differs from the last one recorded.
    Window {
        /// The check's name.
        check: String,
        /// Rounds that went well.
        ok: u32,
        /// Rounds that did not.
        failed: u32,
        /// The 95th percentile of the time per round, failed ones included, in milliseconds.
        p95_ms: u32,
    },
    /// The share of users at this host whose latest send went through has changed by a point or more, or what
    /// mostly stops them has.
    SendsWindow {
        /// What they use.
        product: String,
        /// Users whose latest send went through.
        ok: u32,
        /// Users whose latest send failed.
        failed: u32,
        /// What most of the failed ones saw.
        reason: Option<Outcome>,
    },
    /// Outage reports per window, when the number changes.
    Reports {
        /// What they are about.
        product: String,
        /// Reports in the window that has just ended.
        count: u32,
        /// Reports since the counter started.
        total: u32,
    },
    /// Somebody posted a message in public.
    Posted {
        /// Who.
        author: String,
        /// What.
        text: String,
    },
    /// The admission service holds this value from now on, safely on disk.
    Admission {
        /// Clients to admit.
        percent: Percent,
    },
    /// The admission service refused a change.
    AdmissionRefused {
        /// Who asked.
        peer: IpAddr,
        /// Why.
        reason: String,
    },
    /// An edge admits this share from now on.
    Admitting {
        /// Clients admitted.
        percent: Percent,
    },
    /// Whether an edge hears from the admission service; recorded when it changes.
    AdmissionSource {
        /// What went wrong; `None` when it answers again.
        failure: Option<String>,
    },
    /// An edge takes a backend for healthy, or no longer.
    BackendHealth {
        /// Which one.
        backend: SocketAddr,
        /// Whether it gets requests from now on.
        healthy: bool,
        /// What the last check or request showed.
        reason: String,
    },
    /// A backend's work per window, when it changes markedly. Health checks do not count.
    Load {
        /// Requests answered with success.
        served: u32,
        /// Requests refused because the queue was full.
        shed: u32,
        /// Requests that failed because of something that the backend needs.
        failed: u32,
    },
    /// How a crowd fares, when that changes by a twentieth or more.
    Crowd {
        /// What it uses.
        product: String,
        /// Of a hundred people, how many failed at their last try.
        failing_percent: u32,
        /// What reaches the servers' door, a second.
        requests_per_s: u64,
    },
    /// How busy a crowd keeps a server, when that changes by a twentieth or more.
    Busy {
        /// In percent of what it can do.
        percent: u32,
        /// Requests offered, in percent of what it can do.
        offered_percent: u32,
    },
    /// A server cannot hear its crowd.
    CrowdUnheard {
        /// Why, in words.
        reason: String,
    },
    /// A message from user to user is a step further: at the server, or as the app at one end knows.
    Message {
        /// The device on which it was written.
        from: String,
        /// That device's number for it.
        number: u64,
        /// How far it is.
        step: MessageStep,
    },
}

impl blackstart_rt::Event for Event {
    const KIND: &'static str = "app";
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageStep {
    /// Its author has written it.
    Written,
    /// The server has it on its disk.
    Kept,
    /// Its author knows that the server has it.
    Sent,
    /// Whoever it is for has it.
    Arrived,
    /// The server knows, and has that on its disk.
    HandedOver,
    /// Its author knows that it has arrived.
    Delivered,
}

/// What a probe or a user sees. Its text is a signal's value: `NOERROR`, `SERVFAIL`, `200`, `connect-refused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// The name has addresses (checks of names only).
    Resolved,
    /// A 2xx or 3xx status.
    Ok(u16),
    /// The name gave no address.
    Dns(DnsFailure),
    /// No connection to the server.
    Connect(ConnectFailure),
    /// A 4xx or 5xx status.
    Http(u16),
    /// The connection broke, or what came was not HTTP.
    Broken,
    /// Connected, but no whole answer in time.
    Timeout,
    /// Nothing: a dashboard whose source has been out of reach for too long.
    Blank,
}

/// Why a name gave no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DnsFailure {
    /// The resolver could not find out (RFC 1035 RCODE 2).
    ServFail,
    /// There is no such name (RCODE 3).
    NxDomain,
    /// The name exists, without an address.
    NoData,
    /// The resolver does not serve us (RCODE 5).
    Refused,
    /// No resolver answered.
    Timeout,
    /// No resolver can be reached.
    Unreachable,
    /// Nobody can look up what the configuration names.
    BadName,
}

/// Why there was no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConnectFailure {
    /// Nobody listens.
    Refused,
    /// No answer.
    Timeout,
    /// A router, or this host, knows no way.
    Unreachable,
    /// Anything else.
    Other,
}

impl Outcome {
    /// Every outcome without an HTTP status.
    pub const WITHOUT_STATUS: [Self; 14] = [
        Self::Resolved,
        Self::Dns(DnsFailure::ServFail),
        Self::Dns(DnsFailure::NxDomain),
        Self::Dns(DnsFailure::NoData),
        Self::Dns(DnsFailure::Refused),
        Self::Dns(DnsFailure::Timeout),
        Self::Dns(DnsFailure::Unreachable),
        Self::Dns(DnsFailure::BadName),
        Self::Connect(ConnectFailure::Refused),
        Self::Connect(ConnectFailure::Timeout),
        Self::Connect(ConnectFailure::Unreachable),
        Self::Connect(ConnectFailure::Other),
        Self::Broken,
        Self::Timeout,
    ];

    /// Whether the user got what they wanted.
    pub fn is_ok(self) -> bool {
        matches!(self, Self::Resolved | Self::Ok(_))
    }

    /// Whether it ended before there was an address to go to.
    pub fn lacks_name(self) -> bool {
        matches!(self, Self::Dns(_))
    }

    /// The outcome of an HTTP request.
    pub fn of(result: &Result<http::Response, http::Error>) -> Self {
        match result {
            Ok(response) => Self::of_status(response.status()),
            Err(http::Error::Timeout) => Self::Timeout,
            Err(http::Error::Connect(error)) => Self::Connect(ConnectFailure::of(error.kind())),
            Err(_) => Self::Broken,
        }
    }

    fn of_status(status: StatusCode) -> Self {
        if status.is_success() || status.is_redirection() {
            Self::Ok(status.as_u16())
        } else {
            Self::Http(status.as_u16())
        }
    }
}

impl ConnectFailure {
    fn of(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::Unreachable,
            _ => Self::Other,
        }
    }
}

impl From<&stub::Error> for DnsFailure {
    fn from(error: &stub::Error) -> Self {
        match error {
            stub::Error::ServFail(_) => Self::ServFail,
            stub::Error::NxDomain(_) => Self::NxDomain,
            stub::Error::NoData(_) => Self::NoData,
            stub::Error::Refused(_) => Self::Refused,
            stub::Error::Timeout(_) => Self::Timeout,
            stub::Error::Unreachable { .. } => Self::Unreachable,
            stub::Error::BadName(_) => Self::BadName,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved => f.write_str("NOERROR"),
            Self::Ok(status) | Self::Http(status) => write!(f, "{status}"),
            Self::Dns(failure) => failure.fmt(f),
            Self::Connect(failure) => failure.fmt(f),
            Self::Broken => f.write_str("broken"),
            Self::Timeout => f.write_str("timeout"),
            Self::Blank => f.write_str("blank"),
        }
    }
}

impl fmt::Display for DnsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServFail => "SERVFAIL",
            Self::NxDomain => "NXDOMAIN",
            Self::NoData => "NODATA",
            Self::Refused => "REFUSED",
            Self::Timeout => "dns-timeout",
            Self::Unreachable => "dns-unreachable",
            Self::BadName => "bad-name",
        })
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connect-refused",
            Self::Timeout => "connect-timeout",
            Self::Unreachable => "unreachable",
            Self::Other => "connect-failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_become_outcomes() {
        let status = |code| Ok(http::response(StatusCode::from_u16(code).unwrap(), ""));
        let connect = |kind| Err(http::Error::Connect(io::Error::from(kind)));
        for (result, expected, text) in [
            (status(200), Outcome::Ok(200), "200"),
            (status(302), Outcome::Ok(302), "302"),
            (status(404), Outcome::Http(404), "404"),
            (status(503), Outcome::Http(503), "503"),
            (
                connect(io::ErrorKind::ConnectionRefused),
                Outcome::Connect(ConnectFailure::Refused),
                "connect-refused",
            ),
            (connect(io::ErrorKind::TimedOut), Outcome::Connect(ConnectFailure::Timeout), "connect-timeout"),
            (
                connect(io::ErrorKind::HostUnreachable),
                Outcome::Connect(ConnectFailure::Unreachable),
                "unreachable",
            ),
            (
                connect(io::ErrorKind::NetworkUnreachable),
                Outcome::Connect(ConnectFailure::Unreachable),
                "unreachable",
            ),
            (connect(io::ErrorKind::AddrInUse), Outcome::Connect(ConnectFailure::Other), "connect-failed"),
            (Err(http::Error::Timeout), Outcome::Timeout, "timeout"),
            (Err(http::Error::TooLarge), Outcome::Broken, "broken"),
            (Err(http::Error::Broken("reset".to_owned())), Outcome::Broken, "broken"),
        ] {
            let outcome = Outcome::of(&result);
            assert!(text.len() == 3 || Outcome::WITHOUT_STATUS.contains(&outcome));
            assert_eq!((outcome, outcome.to_string().as_str()), (expected, text), "{result:?}");
            assert_eq!(outcome.is_ok(), matches!(expected, Outcome::Ok(_)), "{result:?}");
        }
    }

    #[test]
    fn resolver_errors_become_outcomes() {
        let name = || "www.facebook.com".to_owned();
        for (error, text) in [
            (stub::Error::ServFail(name()), "SERVFAIL"),
            (stub::Error::NxDomain(name()), "NXDOMAIN"),
            (stub::Error::NoData(name()), "NODATA"),
            (stub::Error::Refused(name()), "REFUSED"),
            (stub::Error::Timeout(name()), "dns-timeout"),
            (stub::Error::Unreachable { name: name(), reason: String::new() }, "dns-unreachable"),
            (stub::Error::BadName(name()), "bad-name"),
        ] {
            let outcome = Outcome::Dns(DnsFailure::from(&error));
            assert_eq!(outcome.to_string(), text);
            assert!(Outcome::WITHOUT_STATUS.contains(&outcome));
        }
    }
}
