//! The channels' history on the server's disk: one line for each message, synced before anybody hears it. Each says when, by the
//! server's clock: `@UNIX-MS NICK #CHANNEL TEXT`.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use blackstart_rt as rt;
use rt::canary::Canary;

/// The history's name on the server's disk.
pub const FILE: &str = "history.log";

/// A message's line without its time, line feed included.
#[must_use]
pub fn line(nick: &str, channel: &str, text: &str) -> String {
    format!("{nick} {channel} {text}\n")
}

/// The same line with the time since 1970 at which it was said.
pub(crate) fn timed(at: Duration, line: &str) -> String {
    format!("@{} {line}", at.as_millis())
}

/// A line of the history without its time.
#[must_use]
pub fn untimed(line: &str) -> &str {
    split(line).map_or(line, |(_, line)| line)
}

/// The time of a line, since 1970, and the line without it.
fn split(line: &str) -> Option<(Duration, &str)> {
    let (at, line) = line.strip_prefix('@')?.split_once(' ')?;
    Some((Duration::from_millis(at.parse().ok()?), line))
}

/// A message of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// When, since 1970.
    pub at: Duration,
    /// The channel.
    pub channel: String,
    /// Who, and what.
    pub words: String,
}

/// Reads a line of the history; `None` for a piece of one.
pub(crate) fn said(line: &str) -> Option<Said> {
    let (at, line) = split(line)?;
    let (nick, rest) = line.strip_suffix('\n')?.split_once(' ')?;
    let (channel, text) = rest.split_once(' ')?;
    Some(Said { at, channel: channel.to_owned(), words: format!("{nick}: {text}") })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_who_where_and_what() {
        let line = timed(Duration::from_millis(1_633_361_940_250), &line("ada", "#war", "all down: all"));
        assert_eq!(line, "@1633361940250 ada #war all down: all\n");
        assert_eq!(untimed(&line), "ada #war all down: all\n");
        let at = Duration::from_millis(1_633_361_940_250);
        let expected = Said { at, channel: "#war".to_owned(), words: "ada: all down: all".to_owned() };
        assert_eq!(said(&line), Some(expected));
        for piece in
            ["@16333", "@1633361940250 ada", "@1633361940250 ada #war all do", "@x ada #war all\n", ""]
        {
            assert_eq!(said(piece), None, "{piece:?}");
        }
    }
}
