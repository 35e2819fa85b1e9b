//! The wire: one JSON object per line over TCP, a request and its answer, as often as the client likes.
//!
//! Person or reader to controller ([`AtDoor`], answered by [`DoorAnswer`]):
//!
//! ```text
//! > {"tap":{"door":"gate","badge":"7"}}      a badge is held to the reader
//! < {"verdict":"opened"}                     or {"verdict":{"denied":"expired"}} or {"verdict":"no-answer"}
//! > {"contact":{"door":"gate"}}              the door's contact: somebody swung it open
//! > {"exit":{"door":"gate"}}                 the handle inside: always opens
//! > {"leave":{"door":"gate","badge":"7"}}    a badge is held to the reader inside: always opens
//! < "noted"
//! ```
//!
//! Controller to server ([`Ask`], answered by [`Answer`]):
//!
//! ```text
//! > {"decide":{"door":"gate","badge":"7"}}
//! < {"grant":{"person":"ada"}}               or {"deny":{"reason":"not-allowed"}}; either is in the audit log
//! > {"list":{"doors":["gate"]}}              for the offline list
//! < {"badges":[{"badge":"7","person":"ada","doors":["gate"],"valid-from-unix-s":0,"valid-until-unix-s":9}]}
//! > {"left":{"door":"gate","badge":"7"}}     somebody left
//! < "noted"                                it is in the audit log
//! < {"error":{"text":"…"}}                   the server cannot decide: as good as silence
//! ```
//!
//! A server that has a certificate shows it first, in a line of its own: `certificate FROM UNTIL`. A controller that knows of it
//! asks nothing before it believes it by its own clock.
//!
//! A line has at most [`LINE_MAX`] bytes; a longer one, or one that is no message, ends the connection.

use std::io;

use blackstart_rt::Set;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::directory::{Badge, DenyReason};

/// Longest line in bytes, line feed included: enough for a list of some five thousand badges.
pub const LINE_MAX: u64 = 1 << 20;

/// What happens at a door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtDoor {
    /// A badge is held to the reader.
    Tap {
        /// Which door.
        door: String,
        /// The badge's number.
        badge: String,
    },
    /// The door's contact reports that it was swung open.
    Contact {
        /// Which door.
        door: String,
    },
    /// The handle inside was pressed.
    Exit {
        /// Which door.
        door: String,
    },
    /// A badge is held to the reader inside, by somebody who leaves.
    Leave {
        /// Which door.
        door: String,
        /// The badge's number.
        badge: String,
    },
}

/// What the controller answers to a door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoorAnswer {
    /// To a tap.
    Verdict(Verdict),
    /// To anything else.
    Noted,
}

/// What a person sees at the door after a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The bolt is back: push.
    Opened,
    /// A red light, with the reason on the display.
    Denied(DenyReason),
    /// The access server is silent and the door stays shut.
    NoAnswer,
}

/// What a controller asks the access server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// May this badge open this door now?
    Decide {
        /// Which door.
        door: String,
        /// The badge's number.
        badge: String,
    },
    /// Somebody left.
    Left {
        /// Through which door.
        door: String,
        /// The badge's number.
        badge: String,
    },
    /// Which badges open these doors? For the offline list.
    List {
        /// The controller's doors.
        doors: Set<String>,
    },
}

/// What the access server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Open.
    Grant {
        /// Who carries the badge.
        person: String,
    },
    /// Do not open.
    Deny {
        /// Why.
        reason: DenyReason,
    },
    /// To `Left`: it is in the audit log.
    Noted,
    /// To `List`.
    Badges(Vec<Badge>),
    /// The server cannot answer.
    Error {
        /// For people.
        text: String,
    },
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

/// One request and its answer.
///
/// # Errors
/// `UnexpectedEof` when the peer closes instead of answering; otherwise as [`read()`] and [`write()`].
pub async fn exchange<Q: Serialize, A: DeserializeOwned>(
    stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
    request: &Q,
) -> io::Result<A> {
    write(stream, request).await?;
    read(stream).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::tests::badge;
    use proptest::prelude::*;

    fn json<M: Serialize>(message: &M) -> String {
        serde_json::to_string(message).unwrap()
    }

    #[test]
    fn the_documented_lines_are_the_real_ones() {
        let (door, number) = (|| "gate".to_owned(), || "7".to_owned());
        let table = [
            (json(&AtDoor::Tap { door: door(), badge: number() }), r#"{"tap":{"door":"gate","badge":"7"}}"#),
            (json(&AtDoor::Contact { door: door() }), r#"{"contact":{"door":"gate"}}"#),
            (json(&AtDoor::Exit { door: door() }), r#"{"exit":{"door":"gate"}}"#),
            (json(&DoorAnswer::Verdict(Verdict::Opened)), r#"{"verdict":"opened"}"#),
            (
                json(&DoorAnswer::Verdict(Verdict::Denied(DenyReason::Expired))),
                r#"{"verdict":{"denied":"expired"}}"#,
            ),
            (json(&DoorAnswer::Verdict(Verdict::NoAnswer)), r#"{"verdict":"no-answer"}"#),
            (json(&DoorAnswer::Noted), r#""noted""#),
            (
                json(&AtDoor::Leave { door: door(), badge: number() }),
                r#"{"leave":{"door":"gate","badge":"7"}}"#,
            ),
            (json(&Ask::Left { door: door(), badge: number() }), r#"{"left":{"door":"gate","badge":"7"}}"#),
            (json(&Answer::Noted), r#""noted""#),
            (
                json(&Ask::Decide { door: door(), badge: number() }),
                r#"{"decide":{"door":"gate","badge":"7"}}"#,
            ),
            (json(&Ask::List { doors: [door()].into() }), r#"{"list":{"doors":["gate"]}}"#),
            (json(&Answer::Grant { person: "ada".into() }), r#"{"grant":{"person":"ada"}}"#),
            (json(&Answer::Deny { reason: DenyReason::NotAllowed }), r#"{"deny":{"reason":"not-allowed"}}"#),
            (
                json(&Answer::Badges(vec![badge("7", &["gate"], 0, 9)])),
                concat!(
                    r#"{"badges":[{"badge":"7","person":"person of 7","doors":["gate"],"#,
                    r#""valid-from-unix-s":0,"valid-until-unix-s":9}]}"#
                ),
            ),
        ];
        for (got, expected) in table {
            assert_eq!(got, expected);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_an_error_not_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = serde_json::from_slice::<AtDoor>(&bytes);
            let _ = serde_json::from_slice::<DoorAnswer>(&bytes);
            let _ = serde_json::from_slice::<Ask>(&bytes);
            let _ = serde_json::from_slice::<Answer>(&bytes);
        }
    }
}
