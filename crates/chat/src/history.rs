//! The channels' history on the server's disk: one line for each message, synced before anybody hears it.

use std::cell::Cell;
use std::io;

use blackstart_rt as rt;
use rt::canary::Canary;

/// The history's name on the server's disk.
pub const FILE: &str = "history.log";

/// A message's line, line feed included.
#[must_use]
pub fn line(nick: &str, channel: &str, text: &str) -> String {
    format!("{nick} {channel} {text}\n")
}

/// The history, open for more.
#[derive(Debug)]
pub(crate) struct History {
    /// The last line may be a piece of one: the next must not grow out of it.
    torn: Cell<bool>,
}

impl History {
    /// The history as an earlier boot left it; a power cut may have torn its last line.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) async fn open() -> io::Result<Self> {
        let last = match rt::disk::read(FILE).await {
            Ok(history) => history.last().copied(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { torn: Cell::new(last.is_some_and(|byte| byte != b'\n')) })
    }

    /// Puts a line on the disk, where it survives a loss of power.
    ///
    /// # Errors
    /// What the disk says; then nobody may be told that the message is kept.
    pub(crate) async fn keep(&self, line: &str) -> io::Result<()> {
        // A full disk takes a piece.
        let start = if self.torn.replace(true) { "\n" } else { "" };
        rt::disk::append(FILE, format!("{start}{line}").as_bytes()).await?;
        self.torn.set(false);
        match rt::canary::is_planted(Canary::ChatAcknowledgesBeforeSync) {
            true => Ok(()),
            false => rt::disk::fsync(FILE).await,
        }
    }
}
