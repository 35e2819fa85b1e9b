//! The second factor: a six-digit code from a shared seed and the clock.
//!
//! A *model* of RFC 6238 (30 s steps, one step of drift tolerated either way), not an implementation of it:
//! the digest is xxh3, which is no cryptographic hash, and a code may be used more than once within its step.
//! Good for asking "could they have signed in?", bad for keeping anybody out.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

/// Length of a time step, seconds (RFC 6238, section 4.1: default `X`).
pub const STEP_S: u64 = 30;

const CODES: u64 = 1_000_000;

/// The code that a generator with this seed shows at `now` (time since 1970): six decimal digits.
pub fn at(seed: &str, now: Duration) -> String {
    of_step(seed, now.as_secs() / STEP_S)
}

/// Whether `code` is what the seed gives now, one step ago or one step ahead (RFC 6238, section 5.2: clock
/// drift).
pub fn matches(seed: &str, code: &str, now: Duration) -> bool {
    let step = now.as_secs() / STEP_S;
    (step.saturating_sub(1)..=step.saturating_add(1)).any(|step| of_step(seed, step) == code)
}

fn of_step(seed: &str, step: u64) -> String {
    let mut message = seed.as_bytes().to_vec();
    message.extend_from_slice(&step.to_be_bytes());
    format!("{:06}", xxh3_64(&message) % CODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_for_its_step_and_its_neighbours() {
        let shown_at = Duration::from_secs(1_633_362_000);
        let code = at("seed", shown_at);
        for (later_s, holds) in [(0, true), (29, true), (59, true), (60, false), (3600, false)] {
            let now = shown_at + Duration::from_secs(later_s);
            assert_eq!(matches("seed", &code, now), holds, "{later_s} s later");
        }
        assert!(matches("seed", &code, shown_at - Duration::from_secs(1)));
    }

    #[test]
    fn differs_by_seed_and_has_six_digits() {
        let now = Duration::from_secs(1_633_362_000);
        assert_ne!(at("a", now), at("b", now));
        assert_eq!(at("a", now).len(), 6);
    }

    #[test]
    fn survives_the_ends_of_time() {
        assert!(matches("a", &at("a", Duration::ZERO), Duration::ZERO));
        assert!(matches("a", &at("a", Duration::MAX), Duration::MAX));
    }
}
