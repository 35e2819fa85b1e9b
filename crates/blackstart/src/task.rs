//! Tasks for a service that was written for tokio: `tokio::spawn` becomes `blackstart::task::spawn`.
//!
//! Services of our own name their tasks: [`blackstart_rt::task::spawn`].

use blackstart_rt::task;
use std::future::Future;
use std::panic::Location;

pub use blackstart_rt::task::{JoinError, JoinHandle, yield_now};

/// Starts `future` as a task of the current host, as `tokio::spawn` starts one of the runtime's. It dies with the host,
/// and with the service that started it.
///
/// The record of its crash names the caller's file and line, such as `shop.rs:42`.
///
/// ```
/// # use blackstart::sim::{Config, NodeSpec, Sim, Time};
/// # let mut sim = Sim::new(Config::default())?;
/// # let shop = sim.add_node(NodeSpec { name: "shop".to_owned(), ..NodeSpec::default() })?;
/// sim.set_program(shop, || {
///     blackstart::task::spawn(async {
///         let half = blackstart::task::spawn(async { 21 });
///         assert_eq!(half.await.map(|half| half * 2), Ok(42));
///     });
/// })?;
/// sim.run_until(Time::from_secs(1));
/// # assert_eq!(sim.record_count(), 0, "a task crashed");
/// # Ok::<(), blackstart::sim::Error>(())
/// ```
///
/// # Panics
/// Outside any simulation, tasks of `tokio::spawn` included.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    task::spawn(&place(Location::caller()), future)
}

/// Without the folders, which differ from machine to machine: it is recorded.
fn place(caller: &Location<'_>) -> String {
    let file = caller.file().rsplit(['/', '\\']).next().unwrap_or_default();
    format!("{file}:{}", caller.line())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_named_after_the_line_that_started_it() {
        assert_eq!(place(Location::caller()), format!("task.rs:{}", line!()));
    }
}
