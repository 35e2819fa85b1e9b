//! How much may be under way: Reno (RFC 5681) and Cubic (RFC 9438).

use super::rtt::Rtt;
use crate::Congestion;

/// What a new connection may have under way (RFC 6928 section 2; Linux: ten segments).
const FIRST_SEGMENTS: u32 = 10;
const FIRST_BYTES: u32 = 14_600;
/// RFC 9438 section 4.1, in segments and seconds.
const SCALE: f64 = 0.4;
/// What remains of the window after a loss (RFC 9438 section 4.6).
const DECREASE: f64 = 0.7;
/// How fast Cubic's estimate of Reno's window grows (RFC 9438 section 4.3).
const INCREASE: f64 = 3.0 * (1.0 - DECREASE) / (1.0 + DECREASE);

/// Bytes throughout.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) size: u32,
    threshold: u32,
    mss: u32,
    /// The largest window that the peer ever offered.
    offered: u32,
    /// Since three duplicate acknowledgements, until what was lost is made good.
    pub(super) recovering: bool,
    /// Since a timeout, until new data is acknowledged: more timeouts do not count again.
    timed_out: bool,
    control: Control,
}

#[derive(Debug)]
enum Control {
    None,
    Reno,
    Cubic(Box<Curve>),
}

/// What Cubic remembers of the last loss.
#[derive(Debug, Default)]
struct Curve {
    /// The window before it.
    most: u32,
    /// The same, uncut.
    prior: u32,
    /// Since when the window grows back; idle time does not count.
    since: Option<u64>,
    /// When nothing was under way any more.
    idle: Option<u64>,
    /// Seconds until the window is as it was.
    back_after: f64,
    /// What Reno's window would be.
    reno: f64,
}

impl Window {
    pub(super) fn new(congestion: Congestion) -> Self {
        let control = match congestion {
            Congestion::None => Control::None,
            Congestion::Reno => Control::Reno,
            Congestion::Cubic => Control::Cubic(Box::default()),
        };
        Window {
            size: u32::MAX,
            threshold: u32::MAX,
            mss: 1,
            offered: 0,
            recovering: false,
            timed_out: false,
            control,
        }
    }

    /// The connection is open, with segments of so many bytes. What happened to SYNs says nothing of the path.
    pub(super) fn begin(&mut self, mss: u32) {
        self.mss = mss;
        self.threshold = u32::MAX;
        self.timed_out = false;
        if !matches!(self.control, Control::None) {
            self.size = (FIRST_SEGMENTS * mss).min(FIRST_BYTES.max(2 * mss));
        }
        if let Control::Cubic(curve) = &mut self.control {
            **curve = Curve { most: self.size, prior: self.size, ..Curve::default() };
        }
    }

    pub(super) fn peer_offers(&mut self, window: u32) {
        self.offered = self.offered.max(window);
    }

    /// A segment came that acknowledges `length` more bytes; `under_way` are left.
    pub(super) fn acknowledged(&mut self, now: u64, length: u32, under_way: u32, rtt: &Rtt) {
        if let Control::Cubic(curve) = &mut self.control {
            curve.absorb_idle(now);
            curve.idle = (under_way == 0).then_some(now);
        }
        if length == 0 || matches!(self.control, Control::None) {
            return;
        }
        self.timed_out = false;
        if std::mem::take(&mut self.recovering) {
            self.size = self.threshold;
            if let Control::Cubic(curve) = &mut self.control {
                curve.reno = f64::from(self.size);
            }
            return;
        }
        let length = length.min(self.mss);
        let grown = match &mut self.control {
            _ if self.size < self.threshold => self.size.saturating_add(length),
            Control::Cubic(curve) => curve.grown(now, self.size, self.mss, length, rtt),
            _ => {
                let step = u64::from(self.mss) * u64::from(self.mss) / u64::from(self.size);
                self.size.saturating_add(step.max(1) as u32)
            }
        };
        self.size = grown.min(self.offered).max(self.mss);
    }

    /// The peer has received another segment, not the one that is missing.
    pub(super) fn duplicate(&mut self) {
        if self.recovering {
            self.size = self.size.saturating_add(self.mss).min(self.offered).max(self.mss);
        }
    }

    /// While it recovers: `length` more bytes arrived, and then one segment is missing again.
    pub(super) fn partly_recovered(&mut self, length: u32) {
        if self.recovering {
            self.size = self.size.saturating_sub(length).saturating_add(self.mss).max(self.mss);
        }
    }

    /// Something is sent. Idle time ends.
    pub(super) fn sent(&mut self, now: u64) {
        if let Control::Cubic(curve) = &mut self.control {
            curve.absorb_idle(now);
        }
    }

    /// A segment was lost: so say three duplicate acknowledgements.
    pub(super) fn lost(&mut self, now: u64, under_way: u32) {
        let cut = self.cut(under_way);
        if let Control::Cubic(curve) = &mut self.control {
            curve.idle = None;
        }
        if self.recovering || matches!(self.control, Control::None) {
            return;
        }
        self.recovering = true;
        if let Control::Cubic(curve) = &mut self.control {
            curve.prior = self.size;
            curve.most = match self.size < curve.most {
                // Another flow may want a part (RFC 9438 section 4.7).
                true => (f64::from(self.size) * (1.0 + DECREASE) / 2.0) as u32,
                false => self.size,
            };
            curve.since = Some(now);
            curve.aim(self.mss);
        }
        self.threshold = cut;
        self.size = cut.min(self.offered).saturating_add(3 * self.mss);
    }

    /// No acknowledgement came in time.
    pub(super) fn timed_out(&mut self, under_way: u32) {
        if matches!(self.control, Control::None) {
            return;
        }
        if !std::mem::replace(&mut self.timed_out, true) {
            self.threshold = self.cut(under_way);
        }
        self.size = self.mss;
        self.recovering = false;
        if let Control::Cubic(curve) = &mut self.control {
            curve.prior = under_way;
            curve.since = None;
            curve.idle = None;
        }
    }

    /// What is left of the window after a loss.
    fn cut(&self, under_way: u32) -> u32 {
        let cut = match self.control {
            Control::Cubic(_) => (f64::from(under_way) * DECREASE) as u32,
            _ => under_way / 2,
        };
        cut.max(2 * self.mss)
    }
}

impl Curve {
    fn aim(&mut self, mss: u32) {
        // The library's: std's differs between platforms.
        self.back_after = libm::cbrt(f64::from(self.most) * (1.0 - DECREASE) / (SCALE * f64::from(mss)));
    }

    /// Idle time must not make the window grow (RFC 9438 section 4.2).
    fn absorb_idle(&mut self, now: u64) {
        if let Some(idle) = self.idle.take()
            && let Some(since) = &mut self.since
        {
            *since += now - idle;
        }
    }

    /// The window after an acknowledgement in congestion avoidance.
    fn grown(&mut self, now: u64, size: u32, mss: u32, length: u32, rtt: &Rtt) -> u32 {
        let since = *self.since.get_or_insert_with(|| {
            self.most = size;
            self.back_after = 0.0;
            self.reno = f64::from(size);
            now
        });
        let elapsed = (now - since) as f64 / 1e9;
        let alpha = if self.reno >= f64::from(self.prior) { 1.0 } else { INCREASE };
        self.reno += alpha * f64::from(mss) * f64::from(length) / f64::from(size);
        if self.at(elapsed, mss) < self.reno {
            return self.reno as u32;
        }
        let ahead = rtt.smoothed().map_or(0.001, |rtt| rtt.as_secs_f64().max(0.001));
        let target = self.at(elapsed + ahead, mss).min(1.5 * f64::from(size)) as u32;
        let step = u64::from(target.saturating_sub(size)) * u64::from(length) / u64::from(size);
        size.saturating_add(step as u32)
    }

    /// The curve itself (RFC 9438 section 4.2), `elapsed` seconds after the loss.
    fn at(&self, elapsed: f64, mss: u32) -> f64 {
        let from_back = elapsed - self.back_after;
        SCALE * f64::from(mss) * from_back * from_back * from_back + f64::from(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MSS: u32 = 1000;

    fn window(congestion: Congestion) -> Window {
        let mut window = Window::new(congestion);
        window.begin(MSS);
        window.peer_offers(10_000_000);
        window
    }

    /// Acknowledges one window's worth of full segments.
    fn round(window: &mut Window, now: u64) {
        for _ in 0..window.size / MSS {
            window.acknowledged(now, MSS, 1, &Rtt::new());
        }
    }

    #[test]
    fn a_window_doubles_each_round_trip_until_a_loss() {
        for congestion in [Congestion::Reno, Congestion::Cubic] {
            let mut window = window(congestion);
            let sizes: Vec<u32> = (0..5)
                .map(|round_trip| {
                    round(&mut window, round_trip * SECOND);
                    window.size
                })
                .collect();
            assert_eq!(sizes, [20_000, 40_000, 80_000, 160_000, 320_000], "{congestion:?}");
        }
    }

    #[test]
    fn a_loss_cuts_and_a_timeout_cuts_to_one_segment() {
        for (congestion, after_loss) in [(Congestion::Reno, 50_000), (Congestion::Cubic, 70_000)] {
            let mut window = window(congestion);
            window.size = 100_000;
            window.lost(0, 100_000);
            assert_eq!(window.size, after_loss + 3 * MSS, "{congestion:?}");
            window.duplicate();
            assert_eq!(window.size, after_loss + 4 * MSS);
            window.lost(0, 100_000);
            assert_eq!(window.size, after_loss + 4 * MSS, "one loss is cut once");
            window.acknowledged(0, MSS, 1, &Rtt::new());
            assert_eq!(window.size, after_loss);
            window.timed_out(after_loss);
            assert_eq!(window.size, MSS);
            let threshold = window.threshold;
            window.timed_out(MSS);
            assert_eq!(window.threshold, threshold, "another timeout of the same loss");
        }
    }

    #[test]
    fn reno_grows_by_a_segment_each_round_trip() {
        let mut window = window(Congestion::Reno);
        window.size = 10_000;
        window.threshold = 10_000;
        round(&mut window, 0);
        assert!((10_900..=11_000).contains(&window.size), "{}", window.size);
    }

    /// RFC 9438 section 4.2: after K seconds the window is what it was before the loss; idle time does not count.
    #[test]
    fn cubic_is_back_after_the_time_that_the_curve_says() {
        let lost = || {
            let mut window = window(Congestion::Cubic);
            window.size = 1_000_000;
            window.lost(0, 1_000_000);
            window.acknowledged(0, MSS, 1, &Rtt::new());
            window
        };
        // K = cbrt(1000 segments * 0.3 / 0.4) = 9.086 s.
        let mut busy = lost();
        for tenth in 1..=91 {
            round(&mut busy, tenth * SECOND / 10);
        }
        assert!((985_000..=1_010_000).contains(&busy.size), "{}", busy.size);
        let mut idle = lost();
        idle.acknowledged(0, MSS, 0, &Rtt::new());
        idle.sent(60 * SECOND);
        round(&mut idle, 60 * SECOND + SECOND / 10);
        assert!(idle.size < 730_000, "{}", idle.size);
    }

    #[test]
    fn without_control_nothing_limits() {
        let mut window = window(Congestion::None);
        window.lost(0, 1000);
        window.timed_out(1000);
        window.acknowledged(0, MSS, 1, &Rtt::new());
        assert_eq!(window.size, u32::MAX);
    }
}
