//! Standard output and result files.

use super::{Ending, Format};
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Writes to standard output. A reader that has gone away (`| head`) is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints a result as the user wants it. The command ends with `ending` unless that fails.
pub(super) fn show(
    format: Format,
    result: &impl Serialize,
    ending: Ending,
    page: impl FnOnce() -> String,
) -> Ending {
    let text = match format {
        Format::Human => Ok(page()),
        Format::Json => serde_json::to_string_pretty(result).map(|json| json + "\n"),
    };
    match text {
        Ok(text) => end(&text, ending),
        Err(error) => {
            eprintln!("{error}");
            Ending::Internal
        }
    }
}

/// Writes the result of a command that ended so.
pub(super) fn end(text: &str, ending: Ending) -> Ending {
    match print(text) {
        Ok(()) => ending,
        Err(error) => {
            eprintln!("{error}");
            Ending::Internal
        }
    }
}

/// Puts a file in place whole or not at all: written beside it, then renamed.
pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = folder.join(format!(".{name}.part"));
    let written = write_and_sync(&part, bytes).and_then(|()| fs::rename(&part, folder.join(name)));
    if written.is_err() {
        // The first error is the one worth telling.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
