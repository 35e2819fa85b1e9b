//! What the workload saw. Counters of the whole process, because some engines want tasks that are `Send`.

use crate::plan::{KEEPALIVE, KEEPALIVE_BYTES, QUESTION, Workload};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Debug)]
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds to it.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Ends of connections that were established.
pub static ENDS: Counter = Counter::new();
/// Connections that failed or ended.
pub static TCP_ERRORS: Counter = Counter::new();
/// Keepalives sent.
pub static KEEPALIVES: Counter = Counter::new();
/// Bytes of keepalives received.
pub static KEEPALIVE_BYTES_RECEIVED: Counter = Counter::new();
/// Questions sent.
pub static QUESTIONS: Counter = Counter::new();
/// Questions received.
pub static QUESTIONS_RECEIVED: Counter = Counter::new();
/// Answers received.
pub static ANSWERS: Counter = Counter::new();
/// Questions without an answer in time.
pub static UNANSWERED: Counter = Counter::new();

/// A copy of all counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    ends: u64,
    tcp_errors: u64,
    keepalives: u64,
    keepalives_received: u64,
    questions: u64,
    questions_received: u64,
    answers: u64,
    unanswered: u64,
}

impl Counts {
    /// What the counters say now.
    pub fn now() -> Self {
        Self {
            ends: ENDS.get(),
            tcp_errors: TCP_ERRORS.get(),
            keepalives: KEEPALIVES.get(),
            keepalives_received: KEEPALIVE_BYTES_RECEIVED.get() / KEEPALIVE_BYTES as u64,
            questions: QUESTIONS.get(),
            questions_received: QUESTIONS_RECEIVED.get(),
            answers: ANSWERS.get(),
            unanswered: UNANSWERED.get(),
        }
    }

    /// Messages of the application: for engines that have no packets to count.
    pub fn messages(&self) -> u64 {
        self.keepalives + self.questions + self.answers
    }

    /// Whether W ran for `sim_s` as it should: nothing failed, and everything that was due was sent and received,
    /// but for what was on its way at the end.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, workload: Workload, sim_s: u64) -> Result<(), String> {
        let (hosts, ends) = (workload.hosts as u64, 2 * workload.connections());
        let keepalives = ends * sim_s / KEEPALIVE.as_secs();
        let questions = hosts * sim_s / QUESTION.as_secs();
        let checks = [
            ("ends of connections", self.ends, ends, 0),
            ("TCP errors", self.tcp_errors, 0, 0),
            ("unanswered questions", self.unanswered, 0, 0),
            // A connection opens up to 5.1 s after the start and sends its first keepalive up to 30 s later.
            ("keepalives", self.keepalives, keepalives, 2 * ends),
            ("keepalives received", self.keepalives_received, self.keepalives, ends),
            ("questions", self.questions, questions, hosts),
            ("questions received", self.questions_received, self.questions, hosts),
            ("answers", self.answers, self.questions, hosts),
        ];
        match checks.into_iter().find(|(_, seen, due, slack)| seen.abs_diff(*due) > *slack) {
            None => Ok(()),
            Some((what, seen, due, slack)) => {
                Err(format!("{what}: {seen}, expected {due} (at most {slack} more or less); {self}"))
            }
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ends, tcp_errors, keepalives, keepalives_received, .. } = self;
        let Self { questions, questions_received, answers, unanswered, .. } = self;
        write!(
            f,
            "ends {ends}, TCP errors {tcp_errors}, keepalives {keepalives} received {keepalives_received}, "
        )?;
        write!(
            f,
            "questions {questions} received {questions_received}, answers {answers}, unanswered {unanswered}"
        )
    }
}
