//! Blackstart: when everything is down at once, can the people who must bring it back still do it?
//!
//! This crate is the library's front door; the command `blackstart` stands on it.
//!
//! ```
//! let night = blackstart::run("tests/data/small").seed(7).execute()?;
//! assert!(night.held());
//! assert_eq!(night.runbooks[0].verdict, "completed");
//!
//! // The same night without anybody who acts: its milestones are missed.
//! let nobody = blackstart::run("tests/data/small").seed(7).no_runbook().execute()?;
//! assert!(!nobody.held());
//! # Ok::<(), blackstart::Error>(())
//! ```
//!
//! A service of your own joins a run when it takes its sockets from [`net`] and starts its tasks with [`task::spawn`];
//! on [`Driver::Tokio`] it may go on using `tokio::time`, `tokio::sync` and `tokio::select!`:
//!
//! ```
//! use blackstart::net::{TcpListener, TcpStream};
//! use blackstart::sim::{Config, Driver, LinkSpec, NodeSpec, Sim, Time};
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! async fn greet() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("0.0.0.0:7").await?;
//!     loop {
//!         let (mut stream, _) = listener.accept().await?;
//!         blackstart::task::spawn(async move {
//!             tokio::time::sleep(Duration::from_secs(60)).await;
//!             stream.write_all(b"good night").await
//!         });
//!     }
//! }
//!
//! # fn main() -> Result<(), blackstart::sim::Error> {
//! let mut sim = Sim::new(Config { driver: Driver::Tokio, ..Config::default() })?;
//! let node = |name: &str, address: &str| NodeSpec {
//!     name: name.to_owned(),
//!     addresses: vec![address.parse().expect("an address")],
//!     ..NodeSpec::default()
//! };
//! let (server, client) = (sim.add_node(node("server", "192.0.2.1"))?, sim.add_node(node("client", "192.0.2.2"))?);
//! sim.add_link(LinkSpec::new(server, client))?;
//! sim.set_program(server, || drop(blackstart::task::spawn(greet())))?;
//! sim.set_program(client, || {
//!     blackstart::task::spawn(async {
//!         let mut stream = TcpStream::connect("192.0.2.1:7").await.expect("somebody listens");
//!         let mut greeting = String::new();
//!         stream.read_to_string(&mut greeting).await.expect("a greeting");
//!         assert_eq!((greeting.as_str(), Time::now().since_start().as_secs()), ("good night", 60));
//!     });
//! })?;
//! sim.run_until(Time::from_secs(3600));
//! assert_eq!(sim.record_count(), 0, "a task crashed");
//! # Ok(())
//! # }
//! ```
//!
//! Schedules of faults come from proptest when they are drawn from a world and a budget; they shrink as faults shrink:
//!
//! ```
//! use blackstart::campaign::fuzz::attempt::attempt;
//! use blackstart::fault::{Budget, Family, strategy};
//! use proptest::test_runner::{Config, TestRunner};
//!
//! let scenario = blackstart::Scenario::load("tests/data/small".as_ref(), None)?;
//! let runbook = blackstart::campaign::default_or_named(&scenario, None)?;
//! // Clocks may go wrong in this world, and nothing else: people come through.
//! let targets = scenario.targets();
//! let mut spared = blackstart::fault::Arsenal::new(&targets).families().collect::<std::collections::BTreeSet<_>>();
//! spared.remove(&Family::Clock);
//! let budget = Budget { faults_max: 2, length: scenario.duration, spared };
//! let mut runner = TestRunner::new(Config { cases: 4, failure_persistence: None, ..Config::default() });
//! runner.run(&strategy(&targets, budget), |schedule| {
//!     let attempt = attempt(&scenario, runbook, &schedule, 7).expect("a run");
//!     proptest::prop_assert!(attempt.failures.is_empty(), "{:?}", attempt.failures);
//!     Ok(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`run()`]: a scenario folder to what came of it. Start here.
//! - [`recovery()`]: a test that people can carry a runbook out
//! - [`Scenario`]: a scenario that was read and found consistent
//! - [`perform`], [`Plan`], [`Night`]: the same in steps, for those who show progress or compare logs
//! - [`Invariant`]: something of your own that must hold, as a function over records; [`judge`] has the others
//! - [`why`]: why a step went as it did, down to faults
//! - [`evidence`]: what an auditor asks for after a campaign
//! - [`campaign`]: many runs of one scenario, judged together
//! - [`fault`]: faults as data, and schedules of them for proptest
//! - [`net`], [`task`]: sockets and tasks for a service that was written for tokio
//! - [`rt`]: all that a service of your own may touch
//! - [`sim`]: the engine, for worlds that no scenario describes
//! - [`prelude`]: the names that most programs need

pub mod prelude;
pub mod recovery;
pub mod task;

pub use blackstart_campaign::{
    self as campaign, Error, Night, Plan, RunBuilder, RunbookChoice, perform, run,
};
pub use blackstart_fault as fault;
pub use blackstart_judge::{self as judge, Invariant};
pub use blackstart_report::{
    RunOutcome, cuts, difference, evidence, expected, fuzzing, mitigation, outcome, page, timeline,
    validation, why,
};
pub use blackstart_rt as rt;
pub use blackstart_rt::net;
pub use blackstart_scenario::Scenario;
pub use blackstart_sim as sim;
pub use blackstart_sim::Driver;
pub use blackstart_source::{Diagnostic, Diagnostics};
pub use recovery::recovery;
