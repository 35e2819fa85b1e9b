//! Bytes to lines of limited length.

use crate::message::LINE_MAX;

/// What came out of the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line without its end.
    Line(Vec<u8>),
    /// A line longer than [`LINE_MAX`]; it is gone.
    TooLong,
}

/// Collects bytes until they make lines. Holds at most one line, whatever the peer sends.
#[derive(Clone, Debug, Default)]
pub struct LineBuffer {
    line: Vec<u8>,
    overflowed: bool,
}

impl LineBuffer {
    /// Takes what was read; answers the lines that it completed. CR, LF and CR LF all end a line; empty lines
    /// are silently dropped (RFC 2812, section 2.3.1).
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Frame> {
        bytes.iter().filter_map(|byte| self.push(*byte)).collect()
    }

    fn push(&mut self, byte: u8) -> Option<Frame> {
        if matches!(byte, b'\r' | b'\n') {
            return self.end();
        }
        // Two bytes of the limit belong to CR LF.
        if self.line.len() < LINE_MAX - 2 {
            self.line.push(byte);
        } else {
            self.overflowed = true;
        }
        None
    }

    fn end(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.overflowed) {
            return Some(Frame::TooLong);
        }
        (!line.is_empty()).then_some(Frame::Line(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Frame {
        Frame::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn cuts_at_any_line_end_and_drops_what_is_too_long() {
        let mut buffer = LineBuffer::default();
        assert_eq!(buffer.feed(b"NICK a\r\nUS"), [line("NICK a")]);
        assert_eq!(buffer.feed(b"ER b\n\r\n\rX\r"), [line("USER b"), line("X")]);
        assert_eq!(buffer.feed(&[b'x'; 510]), []);
        assert_eq!(buffer.feed(b"\n"), [Frame::Line(vec![b'x'; 510])]);
        assert_eq!(buffer.feed(&[b'x'; 9000]), []);
        assert_eq!(buffer.feed(b"\nPING\n"), [Frame::TooLong, line("PING")]);
    }

    proptest! {
        #[test]
        fn the_cut_of_the_reads_does_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..2000),
            at in 0_usize..2000,
        ) {
            let (left, right) = bytes.split_at(at.min(bytes.len()));
            let mut split = LineBuffer::default();
            let mut frames = split.feed(left);
            frames.extend(split.feed(right));
            prop_assert_eq!(frames, LineBuffer::default().feed(&bytes));
        }
    }
}
