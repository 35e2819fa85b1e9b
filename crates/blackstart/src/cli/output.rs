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

/// Makes a folder for results that only its owner can read. One that is there keeps its rights.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| named(folder, &error))
}

/// Puts files in place whole or not at all: written beside, then renamed once all are written. Only their owner can read them.
pub(super) fn put(folder: &Path, files: &[(&str, &[u8])]) -> io::Result<()> {
    let part = |name: &str| folder.join(format!(".{name}.part"));
    let write = |(name, bytes): &(&str, &[u8])| {
        write_and_sync(&part(name), bytes).map_err(|error| named(&folder.join(name), &error))
    };
    let rename = |(name, _): &(&str, &[u8])| {
        let path = folder.join(name);
        fs::rename(part(name), &path).map_err(|error| named(&path, &error))
    };
    let written = files.iter().try_for_each(write).and_then(|()| files.iter().try_for_each(rename));
    if written.is_err() {
        // The first error is the one worth telling.
        files.iter().for_each(|(name, _)| drop(fs::remove_file(part(name))));
    }
    written
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a broken-off run left behind may have other rights.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
