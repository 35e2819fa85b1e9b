//! The channels' history on the server's disk: one line for each message, synced before anybody hears it.

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

/// Puts a line on the disk, where it survives a loss of power.
///
/// # Errors
/// What the disk says; then nobody may be told that the message is kept.
pub(crate) async fn keep(line: &str) -> io::Result<()> {
    rt::disk::append(FILE, line.as_bytes()).await?;
    match rt::canary::is_planted(Canary::ChatAcknowledgesBeforeSync) {
        true => Ok(()),
        false => rt::disk::fsync(FILE).await,
    }
}

/// Ends a line that a power cut tore, so that the next one does not grow out of it.
///
/// # Errors
/// What the disk says.
pub(crate) async fn mend() -> io::Result<()> {
    match rt::disk::read(FILE).await {
        Ok(history) if history.last().is_some_and(|byte| *byte != b'\n') => keep("\n").await,
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
