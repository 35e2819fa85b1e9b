//! The table of sessions and its form on the disk.
//!
//! The file is one JSON line per session. It only grows while the service runs and is rewritten without the
//! expired ones at a start. A line torn by a power cut belongs to a session nobody was told of, so it is
//! skipped.

use std::io;
use std::time::Duration;

use blackstart_rt::{Map, disk};
use serde::{Deserialize, Serialize};

/// One session as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Session {
    /// The secret that stands for the session.
    pub token: String,
    /// Whose it is.
    pub account: String,
    /// End of its validity, seconds since 1970.
    pub expires_unix_s: u64,
}

impl Session {
    /// The session's line in the file, line feed included.
    pub fn to_line(&self) -> Vec<u8> {
        // Strings and a number always serialise; an empty line would be skipped by `replay`.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Puts the session at the end of a file, for good.
    ///
    /// # Errors
    /// The disk's.
    pub async fn persist(&self, file: &str) -> io::Result<()> {
        disk::append(file, &self.to_line()).await?;
        disk::fsync(file).await
    }
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No session has this token.
    #[error("unknown token")]
    Unknown,
    /// The session is over.
    #[error("expired token")]
    Expired,
    /// The account no longer exists.
    #[error("account is gone")]
    NoAccount,
}

/// All sessions that the service knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    by_token: Map<String, Session>,
}

impl Sessions {
    /// The sessions of a file's bytes that are still valid at `now`. Lines that do not parse are skipped.
    pub fn replay(bytes: &[u8], now: Duration) -> Self {
        let mut sessions = Self::default();
        let lines = bytes.split(|byte| *byte == b'\n');
        for session in lines.filter_map(|line| serde_json::from_slice::<Session>(line).ok()) {
            if now.as_secs() < session.expires_unix_s {
                sessions.insert(session);
            }
        }
        sessions
    }

    /// Reads the sessions and rewrites the file without the expired ones and without a torn last line.
    ///
    /// # Errors
    /// The disk's.
    pub async fn load(file: &str, now: Duration) -> io::Result<Self> {
        let bytes = match disk::read(file).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let sessions = Self::replay(&bytes, now);
        let fresh = format!("{file}.new");
        disk::write(&fresh, &sessions.to_bytes()).await?;
        disk::fsync(&fresh).await?;
        disk::rename(&fresh, file).await?;
        Ok(sessions)
    }

    /// All sessions as the bytes of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.by_token.values().flat_map(Session::to_line).collect()
    }

    /// Adds a session.
    pub fn insert(&mut self, session: Session) {
        self.by_token.insert(session.token.clone(), session);
    }

    /// The session of a token.
    ///
    /// # Errors
    /// Why the token does not hold at `now`.
    pub fn verify(&self, token: &str, now: Duration) -> Result<&Session, Refusal> {
        let session = self.by_token.get(token).ok_or(Refusal::Unknown)?;
        if now.as_secs() >= session.expires_unix_s {
            return Err(Refusal::Expired);
        }
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session(token: &str, expires_unix_s: u64) -> Session {
        Session { token: token.into(), account: "ada".into(), expires_unix_s }
    }

    #[test]
    fn verifies_until_it_expires() {
        let mut sessions = Sessions::default();
        sessions.insert(session("t", 100));
        assert!(sessions.verify("t", Duration::from_secs(99)).is_ok());
        assert_eq!(sessions.verify("t", Duration::from_secs(100)), Err(Refusal::Expired));
        assert_eq!(sessions.verify("u", Duration::ZERO), Err(Refusal::Unknown));
    }

    #[test]
    fn replay_skips_expired_and_torn_lines() {
        let mut file = session("old", 50).to_line();
        file.extend(session("live", 200).to_line());
        let torn = session("torn", 200).to_line();
        file.extend(&torn[..torn.len() / 2]);
        let sessions = Sessions::replay(&file, Duration::from_secs(100));
        assert_eq!(sessions.to_bytes(), session("live", 200).to_line());
    }

    proptest! {
        #[test]
        fn replay_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sessions::replay(&bytes, Duration::ZERO);
        }
    }
}
