//! Which backend the caller stands in. Asked once per handle, never per operation.

use crate::os;
#[cfg(feature = "turmoil")]
use crate::turmoil;
use std::io;
use std::rc::Rc;

const NO_BACKEND: &str = "no backend here: call this from a task of a simulation (run by blackstart_sim, made with \
     blackstart::task::spawn or blackstart_rt::task::spawn; a task of tokio::spawn belongs to no host), \
     from the software that a host of a turmoil::Sim boots with blackstart_rt::turmoil::Host::boot, or call \
     blackstart_rt::os::enter first to use the operating system";

/// Where the caller stands.
pub(crate) enum Backend {
    Engine,
    #[cfg(feature = "turmoil")]
    Turmoil(turmoil::Host),
    Os(Rc<os::Host>),
}

/// Something of one backend, chosen when it was made.
#[derive(Debug)]
pub(crate) enum Handle<E, #[cfg(feature = "turmoil")] T, O> {
    Engine(E),
    #[cfg(feature = "turmoil")]
    Turmoil(T),
    Os(O),
}

/// The type of a [`Handle`]: what it is in the engine, in turmoil, on the operating system.
#[cfg(feature = "turmoil")]
macro_rules! handle {
    ($engine:ty, $turmoil:ty, $os:ty) => { $crate::backend::Handle<$engine, $turmoil, $os> };
}
#[cfg(not(feature = "turmoil"))]
macro_rules! handle {
    ($engine:ty, $turmoil:ty, $os:ty) => { $crate::backend::Handle<$engine, $os> };
}
pub(crate) use handle;

/// Does the same to a [`Handle`] of whichever backend, for operations that all spell alike.
macro_rules! either {
    ($handle:expr, $inner:ident => $operation:expr) => {
        match $handle {
            $crate::backend::Handle::Engine($inner) => $operation,
            #[cfg(feature = "turmoil")]
            $crate::backend::Handle::Turmoil($inner) => $operation,
            $crate::backend::Handle::Os($inner) => $operation,
        }
    };
}
pub(crate) use either;

/// The caller's backend, for calls that can report an error.
pub(crate) fn current() -> io::Result<Backend> {
    if blackstart_sim::task::in_simulation() {
        return Ok(Backend::Engine);
    }
    #[cfg(feature = "turmoil")]
    if let Some(host) = turmoil::current()? {
        return Ok(Backend::Turmoil(host));
    }
    os::current().map(Backend::Os).ok_or_else(no_backend)
}

pub(crate) fn no_backend() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, NO_BACKEND)
}

/// The caller's backend, for calls whose signature has no room for an error.
#[track_caller]
pub(crate) fn expect() -> Backend {
    match current() {
        Ok(backend) => backend,
        Err(error) => panic!("{error}"),
    }
}

/// [`expect`] for calls that make sense on a host only: a simulation's own tasks run on none.
#[track_caller]
pub(crate) fn expect_host() -> Backend {
    let backend = expect();
    if matches!(backend, Backend::Engine) && blackstart_sim::task::current_node().is_none() {
        panic!("this task belongs to no host of the simulation");
    }
    backend
}

/// The name of the host on which the caller runs.
///
/// # Panics
/// Outside any backend, and in a task of the simulation's own.
pub fn host_name() -> String {
    match expect_host() {
        Backend::Engine => blackstart_sim::task::host_name().unwrap_or_default(),
        #[cfg(feature = "turmoil")]
        Backend::Turmoil(host) => host.name().to_owned(),
        Backend::Os(host) => host.name().to_owned(),
    }
}
