//! Mixing and hashing that give the same value on every platform and in every process.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
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

/// A key that comes down to one machine word, different for most keys.
pub(crate) trait Word: Eq + Copy {
    fn word(self) -> u64;
}

impl Word for IpAddr {
    fn word(self) -> u64 {
        match self {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => fold(address.to_bits() as u64, (address.to_bits() >> 64) as u64),
        }
    }
}

impl Word for SocketAddr {
    fn word(self) -> u64 {
        self.ip().word() << 16 ^ u64::from(self.port())
    }
}

impl Word for (SocketAddr, SocketAddr) {
    fn word(self) -> u64 {
        self.0.word().wrapping_mul(GOLDEN).rotate_left(32) ^ self.1.word()
    }
}

/// A map for look-ups only: fast, and never iterated, so that its order cannot leak into a run.
#[expect(clippy::disallowed_types, reason = "fixed hasher, looked up and never iterated")]
pub(crate) struct LookupMap<K, V>(std::collections::HashMap<Key<K>, V, BuildHasherDefault<WordHasher>>);

impl<K, V> Default for LookupMap<K, V> {
    fn default() -> Self {
        LookupMap(Default::default())
    }
}

impl<K: Word, V> LookupMap<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(&Key(*key))
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.0.contains_key(&Key(*key))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert(Key(key), value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.0.remove(&Key(*key));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[derive(PartialEq, Eq)]
struct Key<K>(K);

impl<K: Word> Hash for Key<K> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0.word());
    }
}

/// A multiplicative hasher for keys of one word.
#[derive(Default, Clone, Copy)]
struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = fold(self.0, of(bytes));
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(value) * u128::from(GOLDEN);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}
