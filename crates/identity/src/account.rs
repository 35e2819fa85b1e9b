//! Accounts and the pure check of a sign-in, with its attempt limit.

use std::time::Duration;

use blackstart_rt::Map;
use serde::{Deserialize, Serialize};

use crate::code;
use crate::push::Push;

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// The name typed at sign-in.
    pub account: String,
    /// The password, in the clear: this is a model.
    pub password: String,
    /// The seed that the account's code generator shares with the service.
    pub code_seed: String,
    /// The phone that is asked instead of a code.
    #[serde(default)]
    pub push: Option<Push>,
    /// What the account may do, in words that the asking services understand.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// What somebody types to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Credentials {
    /// The account's name.
    pub account: String,
    /// Its password.
    pub password: String,
    /// The six digits of the second factor.
    pub code: String,
}

/// Why a sign-in was denied. An unknown account looks like a wrong password, so that names cannot be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Denial {
    /// No such account, or not its password.
    #[error("wrong account or password")]
    Credentials,
    /// The second factor does not match.
    #[error("wrong code")]
    Code,
    /// The phone did not answer the push in time.
    #[error("no answer from the phone")]
    Push,
    /// Too many failures in a row; also when the credentials are right.
    #[error("locked after too many failures")]
    LockedOut,
}

/// How many failures in a row an account may have, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Attempts {
    /// Failures in a row that lock the account; 0 locks nobody.
    pub failures_max: u32,
    /// How long the lock holds, seconds.
    pub lockout_s: u64,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { failures_max: 5, lockout_s: 300 }
    }
}

/// The accounts and their recent failures.
#[derive(Clone, Debug)]
pub struct Accounts {
    by_name: Map<String, Account>,
    attempts: Attempts,
    failures: Map<String, Failures>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    in_a_row: u32,
    locked_until: Duration,
}

impl Accounts {
    /// The given accounts; of two with one name the later counts.
    pub fn new(accounts: Vec<Account>, attempts: Attempts) -> Self {
        let by_name = accounts.into_iter().map(|account| (account.account.clone(), account)).collect();
        Self { by_name, attempts, failures: Map::new() }
    }

    /// The account of that name.
    pub fn get(&self, name: &str) -> Option<&Account> {
        self.by_name.get(name)
    }

    /// Judges one attempt at `now` (time since 1970, the host's own clock) and remembers a failure.
    ///
    /// # Errors
    /// The reason of the denial.
    pub fn sign_in(&mut self, typed: &Credentials, now: Duration) -> Result<&Account, Denial> {
        // Failures are kept for known accounts only: their number is bounded by the configuration.
        let account = self.by_name.get(&typed.account).ok_or(Denial::Credentials)?;
        let failures = self.failures.entry(typed.account.clone()).or_default();
        if now < failures.locked_until {
            return Err(Denial::LockedOut);
        }
        match judge(account, typed, now) {
            Ok(()) => *failures = Failures::default(),
            Err(denial) => {
                failures.count(self.attempts, now);
                return Err(denial);
            }
        }
        Ok(account)
    }
}

impl Failures {
    fn count(&mut self, attempts: Attempts, now: Duration) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if attempts.failures_max > 0 && self.in_a_row >= attempts.failures_max {
            self.in_a_row = 0;
            self.locked_until = now.saturating_add(Duration::from_secs(attempts.lockout_s));
        }
    }
}

fn judge(account: &Account, typed: &Credentials, now: Duration) -> Result<(), Denial> {
    if account.password != typed.password {
        return Err(Denial::Credentials);
    }
    // A push is asked over the network, once the rest is right.
    if account.push.is_none() && !code::matches(&account.code_seed, &typed.code, now) {
        return Err(Denial::Code);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_633_362_000);

    fn accounts() -> Accounts {
        let ada = Account {
            account: "ada".into(),
            password: "engine".into(),
            code_seed: "s".into(),
            push: None,
            groups: vec!["noc".into()],
        };
        Accounts::new(vec![ada], Attempts { failures_max: 3, lockout_s: 60 })
    }

    fn typed(account: &str, password: &str, code: &str) -> Credentials {
        Credentials { account: account.into(), password: password.into(), code: code.into() }
    }

    #[test]
    fn judges_each_part() {
        let good = code::at("s", NOW);
        let table = [
            ("ada", "engine", good.as_str(), Ok("ada")),
            ("bob", "engine", good.as_str(), Err(Denial::Credentials)),
            ("ada", "loom", good.as_str(), Err(Denial::Credentials)),
            ("ada", "engine", "", Err(Denial::Code)),
            ("ada", "engine", "000000x", Err(Denial::Code)),
        ];
        for (account, password, code, expected) in table {
            let mut accounts = accounts();
            let got = accounts.sign_in(&typed(account, password, code), NOW).map(|it| it.account.as_str());
            assert_eq!(got, expected, "{account} {password} {code}");
        }
    }

    #[test]
    fn locks_after_failures_in_a_row_and_unlocks_by_the_clock() {
        let mut accounts = accounts();
        let wrong = typed("ada", "loom", "");
        for _ in 0..3 {
            assert_eq!(accounts.sign_in(&wrong, NOW), Err(Denial::Credentials));
        }
        let right = typed("ada", "engine", &code::at("s", NOW));
        assert_eq!(accounts.sign_in(&right, NOW + Duration::from_secs(59)), Err(Denial::LockedOut));
        let later = NOW + Duration::from_secs(60);
        let right = typed("ada", "engine", &code::at("s", later));
        assert!(accounts.sign_in(&right, later).is_ok());
    }

    #[test]
    fn a_success_forgives_earlier_failures() {
        let mut accounts = accounts();
        let right = typed("ada", "engine", &code::at("s", NOW));
        for _ in 0..4 {
            assert!(accounts.sign_in(&typed("ada", "loom", ""), NOW).is_err());
            assert!(accounts.sign_in(&typed("ada", "loom", ""), NOW).is_err());
            assert!(accounts.sign_in(&right, NOW).is_ok());
        }
    }
}
