//! One input file: how it is read, and where in it a byte stands.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::Diagnostic;

/// The largest input file accepted, in bytes (1 MiB). Files written by people are far smaller.
pub const SIZE_LIMIT_BYTES: u64 = 1 << 20;

/// What some editors write in front of a text; it is no part of it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of one input file under the name that the user knows it by. Clones share the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
}

impl SourceFile {
    /// A file whose text is already at hand (built in, or from a test).
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads the file at `path` and keeps `path` as its name.
    ///
    /// # Errors
    /// A missing or unreadable file, one that is not a regular file, one above [`SIZE_LIMIT_BYTES`] (found
    /// out without reading it), text that is not UTF-8, or a NUL byte in it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Diagnostic> {
        let path = path.as_ref();
        Self::read_as(path, &path.display().to_string())
    }

    /// Reads the file at `path`, shown to the user as `name` (for example relative to the scenario folder).
    ///
    /// # Errors
    /// As for [`SourceFile::read`].
    pub fn read_as(path: &Path, name: &str) -> Result<Self, Diagnostic> {
        let bytes = read_limited(path, name)?;
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(name, error.as_bytes()))?;
        if let Some(offset) = text.find('\0') {
            return Err(no_text(name, &text, offset));
        }
        Ok(Self::new(name, text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text)))
    }

    /// The path as shown to the user.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The shared text, for keeping it without copying it.
    pub fn shared_text(&self) -> Arc<str> {
        self.text.clone()
    }

    /// Line and column of the byte at `offset`, both from 1. Columns count characters, so an editor that is
    /// told to go there lands on it. Offsets behind the end mean the end.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        position(self.text.as_bytes(), offset)
    }
}

fn read_limited(path: &Path, name: &str) -> Result<Vec<u8>, Diagnostic> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(name, &error))?;
    if metadata.is_dir() {
        return Err(Diagnostic::of_file(name, "this is a folder").expecting("a file"));
    }
    if !metadata.is_file() {
        return Err(Diagnostic::of_file(name, "this is not a regular file"));
    }
    if metadata.len() > SIZE_LIMIT_BYTES {
        return Err(too_large(name, metadata.len()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(name, &error))?;
    // The file may have grown since its size was asked for.
    file.take(SIZE_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > SIZE_LIMIT_BYTES { Err(too_large(name, bytes.len() as u64)) } else { Ok(bytes) }
}

fn unreadable(name: &str, error: &io::Error) -> Diagnostic {
    match error.kind() {
        io::ErrorKind::NotFound => Diagnostic::of_file(name, "no such file"),
        _ => Diagnostic::of_file(name, format!("cannot read this file: {error}")),
    }
}

fn too_large(name: &str, bytes: u64) -> Diagnostic {
    Diagnostic::of_file(name, format!("the file has {bytes} bytes"))
        .expecting(format!("at most {SIZE_LIMIT_BYTES} bytes"))
}

fn not_utf8(name: &str, bytes: &[u8]) -> Diagnostic {
    let offset = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    };
    let byte = bytes.get(offset).copied().unwrap_or_default();
    let (line, column) = position(bytes, offset);
    Diagnostic::of_file(name, format!("byte 0x{byte:02x} at offset {offset} is not UTF-8"))
        .expecting("UTF-8 text")
        .at_position(line, column)
}

fn no_text(name: &str, text: &str, offset: usize) -> Diagnostic {
    let (line, column) = position(text.as_bytes(), offset);
    Diagnostic::of_file(name, "a NUL byte, which no text has")
        .expecting("UTF-8 text")
        .at_position(line, column)
}

/// Counts over bytes, because the text may not be UTF-8 beyond `offset`: a character starts at every byte
/// that is no continuation byte (0b10xx_xxxx).
fn position(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = &bytes[..offset.min(bytes.len())];
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before[..line_start].iter().filter(|&&byte| byte == b'\n').count();
    let column = before[line_start..].iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
    (line + 1, column + 1)
}
