//! Mixing and hashing that give the same value on every platform and in every process.

use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3;

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of splitmix64: every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Folds `value` into a running `digest`; the order of the calls matters.
pub(crate) fn fold(digest: u64, value: u64) -> u64 {
    mix(digest.rotate_left(23) ^ value)
}

/// A stable hash of bytes.
pub(crate) fn of(bytes: &[u8]) -> u64 {
    xxh3::xxh3_64(bytes)
}

/// A map for look-ups only: fast, and never iterated, so that its order cannot leak into a run.
#[expect(clippy::disallowed_types, reason = "fixed hasher, looked up and never iterated")]
pub(crate) type LookupMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<WordHasher>>;

/// A multiplicative hasher for keys made of a few machine words.
#[derive(Default, Clone, Copy)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        // IPv4 addresses are most of what comes here.
        if let Ok(word) = bytes.try_into().map(u32::from_le_bytes) {
            return self.write_u64(u64::from(word));
        }
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }
}
