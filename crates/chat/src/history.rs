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

/// Who said what in which channel, by a line of the history: nickname, channel, text.
pub(crate) fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (nick, rest) = line.trim_end_matches('\n').split_once(' ')?;
    let (channel, text) = rest.split_once(' ')?;
    Some((nick, channel, text))
}

/// The history, open for more.
#[derive(Debug)]
pub(crate) struct History {
    /// The last line may be a piece of one: the next must not grow out of it.
    torn: Cell<bool>,
}

impl History {
    /// The history as an earlier boot left it, and its whole lines; a power cut may have torn the last one.
    ///
    /// # Errors
    /// What the disk says.
    pub(crate) async fn open() -> io::Result<(Self, Vec<String>)> {
        let history = match rt::disk::read(FILE).await {
            Ok(history) => history,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&history);
        let lines =
            text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned).collect();
        let torn = history.last().is_some_and(|byte| *byte != b'\n');
        Ok((Self { torn: Cell::new(torn) }, lines))
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
