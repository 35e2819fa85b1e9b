//! Moments of a run as the world's clock shows them.

use blackstart_sim::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serializer;

/// The moment of the world's clock at which a run that starts at `start` has reached `at`.
#[must_use]
pub fn moment(start: Timestamp, at: Time) -> Timestamp {
    // A run that outlasts the calendar stays at its end.
    start.saturating_add(at.since_start()).unwrap_or(Timestamp::MAX)
}

/// `2021-10-04T15:39:00.000Z`: RFC 3339 with milliseconds.
#[must_use]
pub fn rfc3339(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

/// `15:39:00`.
#[must_use]
pub fn clock(moment: Timestamp) -> String {
    let time = moment.to_zoned(TimeZone::UTC);
    format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// `2021-10-04`.
#[must_use]
pub fn day(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).date().to_string()
}

/// For `serialize_with`: RFC 3339.
pub(crate) fn serialize<S: Serializer>(moment: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*moment))
}

/// For `serialize_with`: RFC 3339, or null.
pub(crate) fn maybe<S: Serializer>(moment: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => to.serialize_str(&rfc3339(*moment)),
        None => to.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_in_utc() {
        let start: Timestamp = "2021-10-04T23:30:00Z".parse().unwrap();
        let cases = [
            (0, "2021-10-04T23:30:00.000Z", "23:30:00", "2021-10-04"),
            (90_500, "2021-10-04T23:31:30.500Z", "23:31:30", "2021-10-04"),
            (1_800_000, "2021-10-05T00:00:00.000Z", "00:00:00", "2021-10-05"),
        ];
        for (ms, long, short, date) in cases {
            let moment = moment(start, Time::ZERO + Duration::from_millis(ms));
            assert_eq!((rfc3339(moment).as_str(), clock(moment).as_str()), (long, short));
            assert_eq!(day(moment), date);
        }
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let start: Timestamp = "2021-10-04T23:30:00Z".parse().unwrap();
        assert!(rfc3339(moment(start, Time::from_nanos(u64::MAX))).starts_with("2606-"));
        assert_eq!(moment(Timestamp::MAX, Time::from_secs(1)), Timestamp::MAX);
    }
}
