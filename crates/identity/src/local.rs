//! Break-glass accounts: the check that a console makes alone, without a network.
//!
//! The envelope in the safe holds the account and its password, the code generator beside it the second
//! factor; the console compares both with its own copy and its own clock. Nothing here reaches out, so
//! nothing here can be down.

use std::time::Duration;

use serde::Deserialize;

use crate::account::{self, Account, Attempts, Credentials, Denial};

/// A console's own accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The break-glass accounts of this console.
    pub accounts: Vec<Account>,
    /// Limit of failures in a row.
    pub attempts: Attempts,
}

/// The console's accounts with their recent failures.
#[derive(Clone, Debug)]
pub struct Accounts(account::Accounts);

impl Accounts {
    /// The accounts of the configuration, none locked.
    pub fn new(config: Config) -> Self {
        Self(account::Accounts::new(config.accounts, config.attempts))
    }

    /// Judges one attempt at the console at `now` (time since 1970 by the console's clock).
    ///
    /// # Errors
    /// The reason of the denial; after too many failures in a row, [`Denial::LockedOut`] until the lock ends.
    pub fn check(&mut self, typed: &Credentials, now: Duration) -> Result<&Account, Denial> {
        self.0.sign_in(typed, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code;

    #[test]
    fn envelope_and_generator_open_and_guessing_locks() {
        let toml_like = r#"{ "accounts": [{ "account": "root", "password": "envelope", "code-seed": "g" }],
                             "attempts": { "failures-max": 2, "lockout-s": 600 } }"#;
        let mut local = Accounts::new(serde_json::from_str(toml_like).unwrap());
        let now = Duration::from_secs(1_633_380_000);
        let code = code::at("g", now);
        let typed = |password: &str| Credentials {
            account: "root".into(),
            password: password.into(),
            code: code.clone(),
        };
        assert!(local.check(&typed("envelope"), now).is_ok());
        assert_eq!(local.check(&typed("a"), now), Err(Denial::Credentials));
        assert_eq!(local.check(&typed("b"), now), Err(Denial::Credentials));
        assert_eq!(local.check(&typed("envelope"), now), Err(Denial::LockedOut));
    }
}
