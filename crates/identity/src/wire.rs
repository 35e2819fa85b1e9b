//! The wire: one JSON object per line over TCP, a request and its answer, as often as the client likes.
//!
//! ```text
//! > {"sign-in":{"account":"ada","password":"engine","code":"123456"}}
//! < {"signed-in":{"token":"9f…","account":"ada","expires-unix-s":1633392000}}
//! > {"verify":{"token":"9f…"}}
//! < {"verified":{"account":"ada","groups":["noc"],"expires-unix-s":1633392000}}
//! < {"denied":{"reason":"code"}}        to sign-in: credentials, code, push, locked-out
//! < {"refused":{"reason":"expired"}}    to verify: unknown, expired, no-account
//! < {"error":{"text":"…"}}              not understood, or the disk failed; the connection stays open
//! ```
//!
//! A line has at most [`LINE_MAX`] bytes; a longer one ends the connection.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::account::{Credentials, Denial};
use crate::session::{Refusal, Session};

/// Longest line in bytes, line feed included.
pub const LINE_MAX: u64 = 4096;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// A token for these credentials, please.
    SignIn(Credentials),
    /// Whose token is this?
    Verify {
        /// The token that somebody showed.
        token: String,
    },
}

/// What the service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The new session; it is on the disk.
    SignedIn(Session),
    /// The token holds.
    Verified(Identity),
    /// No session.
    Denied {
        /// Why.
        reason: Denial,
    },
    /// The token does not hold.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// The service could not judge.
    Error {
        /// For people.
        text: String,
    },
}

/// Who is behind a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// The account's name.
    pub account: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// End of the session, seconds since 1970.
    pub expires_unix_s: u64,
}

/// Reads one message; `None` at the end of the stream.
///
/// # Errors
/// `InvalidData` for a line that is too long, cut off or not a message; whatever the stream reports.
pub async fn read<M: DeserializeOwned>(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<M>> {
    let mut line = Vec::new();
    if reader.take(LINE_MAX).read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long or cut off"));
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

/// Writes one message as a line.
///
/// # Errors
/// Whatever the stream reports.
pub async fn write<M: Serialize>(writer: &mut (impl AsyncWrite + Unpin), message: &M) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    writer.write_all(&line).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json<M: Serialize>(message: &M) -> String {
        serde_json::to_string(message).unwrap()
    }

    #[test]
    fn the_documented_lines_are_the_real_ones() {
        let session = Session { token: "9f".into(), account: "ada".into(), expires_unix_s: 7 };
        let identity = Identity { account: "ada".into(), groups: vec!["noc".into()], expires_unix_s: 7 };
        let typed = Credentials { account: "ada".into(), password: "p".into(), code: "123456".into() };
        let table = [
            (
                json(&Request::SignIn(typed)),
                r#"{"sign-in":{"account":"ada","password":"p","code":"123456"}}"#,
            ),
            (json(&Request::Verify { token: "9f".into() }), r#"{"verify":{"token":"9f"}}"#),
            (
                json(&Answer::SignedIn(session)),
                r#"{"signed-in":{"token":"9f","account":"ada","expires-unix-s":7}}"#,
            ),
            (
                json(&Answer::Verified(identity)),
                r#"{"verified":{"account":"ada","groups":["noc"],"expires-unix-s":7}}"#,
            ),
            (json(&Answer::Denied { reason: Denial::LockedOut }), r#"{"denied":{"reason":"locked-out"}}"#),
            (json(&Answer::Refused { reason: Refusal::NoAccount }), r#"{"refused":{"reason":"no-account"}}"#),
        ];
        for (got, expected) in table {
            assert_eq!(got, expected);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_an_error_not_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = serde_json::from_slice::<Request>(&bytes);
            let _ = serde_json::from_slice::<Answer>(&bytes);
        }
    }
}
