//! Durations and shares as people write them: `1h30m`, `95%`.

use std::time::Duration;

/// Units in the order in which they must stand, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Longer than this is nothing that anybody plans or waits for: a year, with a day to spare.
pub const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// What [`duration`] takes, for messages.
pub(crate) const DURATION: &str = "a duration such as `90s`, `45m` or `1h30m`";

/// Reads `90s`, `45m`, `1h30m`, `2d`: whole numbers with a unit each, larger units first. `None` for anything
/// else, nothing at all, and what is too large for a `u64` of seconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0_u64;
    for (unit, factor) in UNITS {
        if let Some((number, behind)) = rest.split_once(unit) {
            seconds = seconds.checked_add(whole(number)?.checked_mul(factor)?)?;
            rest = behind;
        }
    }
    (!text.is_empty() && rest.is_empty()).then(|| Duration::from_secs(seconds))
}

/// Reads `2%` up to `100%`; whole percent only.
pub(crate) fn percent(text: &str) -> Option<u32> {
    let share = whole(text.strip_suffix('%')?)?;
    u32::try_from(share).ok().filter(|&share| share <= 100)
}

/// Reads digits only: neither a sign nor spaces.
pub(crate) fn whole(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// A duration in words: `1h30m`, `45m`, `20s`.
pub(crate) fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("45m", Some(2_700)),
            ("1h30m", Some(5_400)),
            ("1d2h3m4s", Some(93_784)),
            ("0s", Some(0)),
            ("", None),
            ("h", None),
            ("45", None),
            ("30m1h", None),
            ("1h1h", None),
            ("+1h", None),
            ("1 h", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
            ("999999999999999999d", None),
        ] {
            assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn percents() {
        for (text, share) in
            [("2%", Some(2)), ("100%", Some(100)), ("101%", None), ("2", None), ("-2%", None)]
        {
            assert_eq!(percent(text), share, "{text}");
        }
    }
}
