//! When a proxy believes in a backend: so many failures in a row take it out, so many successes bring it back.

/// How many observations in a row it takes to change one's mind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thresholds {
    pub(crate) fall: u32,
    pub(crate) rise: u32,
}

/// One backend's health. It starts healthy, so that a proxy that boots serves at once.
#[derive(Debug)]
pub(crate) struct Health {
    healthy: bool,
    /// Observations in a row that speak against the present state.
    against: u32,
}

impl Health {
    pub(crate) const fn new() -> Self {
        Self { healthy: true, against: 0 }
    }

    pub(crate) const fn healthy(&self) -> bool {
        self.healthy
    }

    /// Takes in an observation; answers whether the state changed.
    pub(crate) fn observe(&mut self, good: bool, thresholds: Thresholds) -> bool {
        if good == self.healthy {
            self.against = 0;
            return false;
        }
        self.against += 1;
        let needed = if good { thresholds.rise } else { thresholds.fall };
        if self.against < needed {
            return false;
        }
        *self = Self { healthy: good, against: 0 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_need_a_streak() {
        let thresholds = Thresholds { fall: 3, rise: 2 };
        // (observations, healthy after each), `+` for good
        for (observations, expected) in [
            ("+++", "+++"),
            ("--+--", "+++++"),
            ("---", "++-"),
            ("---+-+", "++----"),
            ("---++", "++--+"),
            ("---++--", "++--+++"),
        ] {
            let mut health = Health::new();
            let seen: String = observations
                .chars()
                .map(|observation| {
                    health.observe(observation == '+', thresholds);
                    if health.healthy() { '+' } else { '-' }
                })
                .collect();
            assert_eq!(seen, expected, "{observations}");
        }
    }
}
