//! Middle and spread of a few measurements.

use std::fmt;

/// The least, the middle and the most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) middle: f64,
    pub(super) most: f64,
}

impl Spread {
    /// Of at least one measurement; the middle of an even number is the mean of the two in the middle.
    pub(super) fn of(measurements: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self { least: sorted[0], middle: f64::midpoint(low, high), most: sorted[sorted.len() - 1] }
    }

    /// Of the ratios round by round: what disturbs the machine for a while disturbs both sides of one round.
    pub(super) fn of_ratios(measurements: &[f64], base: &[f64]) -> Self {
        Self::of(measurements.iter().zip(base).map(|(measurement, base)| measurement / base))
    }
}

impl fmt::Display for Spread {
    /// Four digits or so: measurements lie between milliseconds and hours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.middle < 10.0 {
            3
        } else if self.middle < 100.0 {
            1
        } else {
            0
        };
        let Self { least, middle, most } = self;
        write!(f, "{middle:.digits$} ({least:.digits$} to {most:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_odd_and_even_numbers_of_measurements() {
        let cases: [(&[f64], f64, f64, f64); 4] = [
            (&[3.0], 3.0, 3.0, 3.0),
            (&[9.0, 1.0, 2.0], 1.0, 2.0, 9.0),
            (&[4.0, 1.0], 1.0, 2.5, 4.0),
            (&[8.0, 2.0, 100.0, 4.0], 2.0, 6.0, 100.0),
        ];
        for (measurements, least, middle, most) in cases {
            assert_eq!(Spread::of(measurements.iter().copied()), Spread { least, middle, most });
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The second round was disturbed as a whole; each ratio is still about 3.
        let ratios = Spread::of_ratios(&[3.0, 60.0, 3.3], &[1.0, 20.0, 1.0]);
        assert_eq!(ratios, Spread { least: 3.0, middle: 3.0, most: 3.3 });
    }
}
