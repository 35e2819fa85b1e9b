//! Runs one future to its end on a backend of choice.

use blackstart_rt as rt;
use std::future::Future;

pub(crate) fn on_os<F: Future>(future: F) -> F::Output {
    let disk = tempfile::tempdir().unwrap();
    let options = rt::os::Options { host_name: "here".to_owned(), disk_root: disk.path().to_owned() };
    let _guard = rt::os::enter(options).unwrap();
    rt::os::block_on(future)
}
