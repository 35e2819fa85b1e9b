//! A cursor over a peer's bytes. Every read is checked; nothing here can panic.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next `n` bytes, or `None` (and nothing consumed) when fewer are left.
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn ipv4(&mut self) -> Option<Ipv4Addr> {
        self.array::<4>().map(Ipv4Addr::from)
    }

    pub(super) fn ipv6(&mut self) -> Option<Ipv6Addr> {
        self.array::<16>().map(Ipv6Addr::from)
    }
}

/// Reads a value that must be exactly one item long (a u32, an address, ...).
pub(super) fn exactly<'a, T>(value: &'a [u8], read: impl Fn(&mut Reader<'a>) -> Option<T>) -> Option<T> {
    let mut reader = Reader::new(value);
    read(&mut reader).filter(|_| reader.is_empty())
}

/// Reads a value that must be one or more whole items.
pub(super) fn all<'a, T>(value: &'a [u8], read: impl Fn(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
    let mut reader = Reader::new(value);
    let mut items = vec![read(&mut reader)?];
    while !reader.is_empty() {
        items.push(read(&mut reader)?);
    }
    Some(items)
}
