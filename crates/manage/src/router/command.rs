//! The router's command language: one line, one command. Words are separated by white space.
//!
//! ```text
//! login <account> <secret> [code]            token <session>
//! show ports                                 show log
//! show config running|last-good|saved|staged show reach <ip>
//! ping <ip>                                  traceroute <ip>
//! diff last-good|saved
//! stage set port <name> up|down              stage set <key> <value>          stage clear
//! stage set originate.<prefix> up|down
//! commit [as <who>] [at <unix-seconds> | confirm <seconds>]
//! confirm [as <who>]
//! rollback last-good|saved [as <who>]        save [as <who>]
//! lock [as <who>]                            unlock [as <who>]                quit
//! ```
//!
//! An answer is any number of lines followed by one that begins with `ok` or with `error <refusal>`.

use std::net::IpAddr;

use crate::configuration::Which;
use crate::event::Refusal;

/// The longest key, value or name.
const WORD_CHARS_MAX: usize = 128;

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The router's own accounts, at the console.
    Login {
        /// The account's name.
        account: String,
        /// Its password.
        secret: String,
        /// The second factor; empty when none was typed.
        code: String,
    },
    /// A session of the sign-in service, over the network.
    Token(String),
    /// Ports with their state.
    ShowPorts,
    /// The commits since the boot.
    ShowLog,
    /// One of the configurations.
    ShowConfig(Which),
    /// What this conversation has staged.
    ShowStaged,
    /// Whether the router has a route to an address.
    ShowReach(IpAddr),
    /// Whether an address answers.
    Ping(IpAddr),
    /// Which routers packets to an address pass.
    Traceroute(IpAddr),
    /// What runs against one of the kept configurations: what changed since.
    Diff(Which),
    /// Sets one key in the staged change.
    Stage {
        /// `port.<name>` or any other key.
        key: String,
        /// The value.
        value: String,
    },
    /// Forgets the staged change.
    StageClear,
    /// Runs the staged change, now or at a time.
    Commit {
        /// The person behind a shared account.
        who: Option<String>,
        /// Now, later, or for now.
        when: When,
    },
    /// Lets stand what was committed for now.
    Confirm {
        /// The person behind a shared account.
        who: Option<String>,
    },
    /// Runs one of the kept configurations.
    Rollback {
        /// Which.
        to: Which,
        /// The person behind a shared account.
        who: Option<String>,
    },
    /// Vouches for what runs: it becomes last good and saved.
    Save {
        /// The person behind a shared account.
        who: Option<String>,
    },
    /// Refuses changes from the network from now on, or allows them again.
    Lock {
        /// On or off.
        on: bool,
        /// The person behind a shared account.
        who: Option<String>,
    },
    /// Ends the conversation.
    Quit,
}

/// When a commit takes effect, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Now.
    Now,
    /// At this time, seconds since 1970 on the router's clock.
    At(u64),
    /// Now; it is taken back after so many seconds unless somebody confirms it.
    Unless(u64),
}

impl Command {
    /// Parses one line.
    ///
    /// # Errors
    /// [`Refusal::UnknownCommand`], or [`Refusal::Invalid`] for a known command with an impossible word.
    pub fn parse(line: &str) -> Result<Self, Refusal> {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.iter().any(|word| word.chars().count() > WORD_CHARS_MAX || word.contains(char::is_control)) {
            return Err(Refusal::Invalid);
        }
        match words.as_slice() {
            ["login", account, secret] => Ok(login(account, secret, "")),
            ["login", account, secret, code] => Ok(login(account, secret, code)),
            ["token", session] => Ok(Self::Token((*session).to_owned())),
            ["show", rest @ ..] => show(rest),
            ["ping", to] => address(to).map(Self::Ping),
            ["traceroute", to] => address(to).map(Self::Traceroute),
            ["diff", which] => kept(which).map(Self::Diff),
            ["stage", "clear"] => Ok(Self::StageClear),
            ["stage", "set", "port", name, state] => stage_port(name, state),
            ["stage", "set", key, value] => stage(key, value),
            ["commit", rest @ ..] => commit(rest),
            ["confirm", rest @ ..] => Ok(Self::Confirm { who: who(rest)? }),
            ["rollback", which, rest @ ..] => Ok(Self::Rollback { to: kept(which)?, who: who(rest)? }),
            ["save", rest @ ..] => Ok(Self::Save { who: who(rest)? }),
            ["lock", rest @ ..] => Ok(Self::Lock { on: true, who: who(rest)? }),
            ["unlock", rest @ ..] => Ok(Self::Lock { on: false, who: who(rest)? }),
            ["quit"] => Ok(Self::Quit),
            _ => Err(Refusal::UnknownCommand),
        }
    }
}

fn login(account: &str, secret: &str, code: &str) -> Command {
    Command::Login { account: account.to_owned(), secret: secret.to_owned(), code: code.to_owned() }
}

fn show(words: &[&str]) -> Result<Command, Refusal> {
    match words {
        ["ports"] => Ok(Command::ShowPorts),
        ["log"] => Ok(Command::ShowLog),
        ["config", "staged"] => Ok(Command::ShowStaged),
        ["config", which] => Which::from_word(which).map(Command::ShowConfig).ok_or(Refusal::Invalid),
        ["reach", to] => address(to).map(Command::ShowReach),
        _ => Err(Refusal::UnknownCommand),
    }
}

fn address(word: &str) -> Result<IpAddr, Refusal> {
    word.parse().map_err(|_| Refusal::Invalid)
}

/// A configuration other than the running one.
fn kept(word: &str) -> Result<Which, Refusal> {
    Which::from_word(word).filter(|which| *which != Which::Running).ok_or(Refusal::Invalid)
}

fn stage_port(name: &str, state: &str) -> Result<Command, Refusal> {
    stage(&port_key(name), state)
}

fn stage(key: &str, value: &str) -> Result<Command, Refusal> {
    match port_name(key) {
        Some(_) if parse_state(value).is_none() => Err(Refusal::Invalid),
        _ => Ok(Command::Stage { key: key.to_owned(), value: value.to_owned() }),
    }
}

fn commit(words: &[&str]) -> Result<Command, Refusal> {
    let seconds = |word: &str| word.parse().map_err(|_| Refusal::Invalid);
    let (words, when) = match words {
        [rest @ .., "at", time] => (rest, When::At(seconds(time)?)),
        [rest @ .., "confirm", within] => (rest, When::Unless(seconds(within)?)),
        all => (all, When::Now),
    };
    Ok(Command::Commit { who: who(words)?, when })
}

fn who(words: &[&str]) -> Result<Option<String>, Refusal> {
    match words {
        [] => Ok(None),
        ["as", who] => Ok(Some((*who).to_owned())),
        _ => Err(Refusal::UnknownCommand),
    }
}

/// The key of a port's setting.
pub fn port_key(name: &str) -> String {
    format!("port.{name}")
}

/// The key of what the router originates: `originate.203.0.113.0/24`.
pub fn prefix_key(prefix: &str) -> String {
    format!("originate.{prefix}")
}

/// The prefix of such a key.
pub fn prefix_of(key: &str) -> Option<&str> {
    key.strip_prefix("originate.")
}

/// The port behind a key, if it is a port's.
pub fn port_name(key: &str) -> Option<&str> {
    key.strip_prefix("port.")
}

/// `up` or `down`.
pub fn state_word(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

/// Whether a word says up.
pub fn parse_state(word: &str) -> Option<bool> {
    match word {
        "up" => Some(true),
        "down" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn staged(key: &str, value: &str) -> Result<Command, Refusal> {
        Ok(Command::Stage { key: key.to_owned(), value: value.to_owned() })
    }

    #[test]
    fn lines_and_commands() {
        let cases = [
            ("login root envelope 123456", Ok(login("root", "envelope", "123456"))),
            ("  login   root envelope", Ok(login("root", "envelope", ""))),
            ("login root", Err(Refusal::UnknownCommand)),
            ("show ports", Ok(Command::ShowPorts)),
            ("show config last-good", Ok(Command::ShowConfig(Which::LastGood))),
            ("show config tomorrow", Err(Refusal::Invalid)),
            ("show reach 10.0.0.1", Ok(Command::ShowReach([10, 0, 0, 1].into()))),
            ("show reach bb2", Err(Refusal::Invalid)),
            ("ping 10.0.0.1", Ok(Command::Ping([10, 0, 0, 1].into()))),
            ("ping bb2", Err(Refusal::Invalid)),
            ("traceroute 10.0.0.1", Ok(Command::Traceroute([10, 0, 0, 1].into()))),
            ("diff last-good", Ok(Command::Diff(Which::LastGood))),
            ("diff running", Err(Refusal::Invalid)),
            ("stage set port bb2 down", staged("port.bb2", "down")),
            ("stage set port bb2 sideways", Err(Refusal::Invalid)),
            ("stage set port.bb2 sideways", Err(Refusal::Invalid)),
            ("stage set motd hello", staged("motd", "hello")),
            ("commit", Ok(Command::Commit { who: None, when: When::Now })),
            ("commit at 1633361940", Ok(Command::Commit { who: None, when: When::At(1_633_361_940) })),
            ("commit as ann at 7", Ok(Command::Commit { who: Some("ann".into()), when: When::At(7) })),
            ("commit at noon", Err(Refusal::Invalid)),
            (
                "commit as ann confirm 600",
                Ok(Command::Commit { who: Some("ann".into()), when: When::Unless(600) }),
            ),
            ("commit confirm", Err(Refusal::UnknownCommand)),
            ("confirm as ann", Ok(Command::Confirm { who: Some("ann".into()) })),
            ("commit now", Err(Refusal::UnknownCommand)),
            ("rollback last-good as ann", {
                Ok(Command::Rollback { to: Which::LastGood, who: Some("ann".into()) })
            }),
            ("rollback running", Err(Refusal::Invalid)),
            ("unlock", Ok(Command::Lock { on: false, who: None })),
            ("", Err(Refusal::UnknownCommand)),
            ("COMMIT", Err(Refusal::UnknownCommand)),
        ];
        for (line, expected) in cases {
            assert_eq!(Command::parse(line), expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Command::parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn no_words_panic(words in proptest::collection::vec("show|config|stage|set|port|commit|as|at|[a-z0-9.]{1,4}", 0..7)) {
            let _ = Command::parse(&words.join(" "));
        }
    }
}
