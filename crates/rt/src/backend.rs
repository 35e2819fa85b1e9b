//! Which backend the caller stands in. Asked once per handle, never per operation.

use crate::os;
use std::io;
use std::rc::Rc;

const NO_BACKEND: &str = "no backend here: call this from a task of a simulation (run by blackstart_sim, made with \
     blackstart_rt::task::spawn; a task of tokio::spawn belongs to no host), or call blackstart_rt::os::enter \
     first to use the operating system";

pub(crate) enum Backend {
    Os(Rc<os::Host>),
}

/// The caller's backend, for calls that can report an error.
pub(crate) fn current() -> io::Result<Backend> {
    os::current().map(Backend::Os).ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, NO_BACKEND))
}

/// The caller's backend, for calls whose signature has no room for an error.
#[track_caller]
pub(crate) fn expect() -> Backend {
    match current() {
        Ok(backend) => backend,
        Err(error) => panic!("{error}"),
    }
}

/// The name of the host on which the caller runs.
///
/// # Panics
/// Outside any backend.
pub fn host_name() -> String {
    match expect() {
        Backend::Os(host) => host.name().to_owned(),
    }
}
