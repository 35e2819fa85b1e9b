//! What becomes of packets on one direction of a link.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

const MS: u64 = 1_000_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn way(spec: WaySpec) -> Way {
    Way::new(7, spec)
}

/// The arrivals of so many packets of 1,000 bytes, one each millisecond.
fn fates(spec: WaySpec, packets: u64) -> Vec<Fate> {
    let mut way = way(spec);
    (0..packets).map(|n| way.pass(n * MS, 1000)).collect()
}

fn arrivals(fates: &[Fate]) -> Vec<Arrival> {
    let both = |fate: &Fate| match *fate {
        Fate::Arrives(first, second) => vec![Some(first), second],
        _ => Vec::new(),
    };
    fates.iter().flat_map(both).flatten().collect()
}

fn losses(fates: &[Fate]) -> Vec<bool> {
    fates.iter().map(|fate| *fate == Fate::Dropped(DropCause::Loss)).collect()
}

fn share(events: &[bool]) -> f64 {
    events.iter().filter(|&&event| event).count() as f64 / events.len() as f64
}

fn close(value: f64, expected: f64) -> bool {
    (value / expected - 1.0).abs() < 0.05
}

#[test]
fn a_clean_wire_takes_its_latency_and_nothing_else() {
    let mut way = way(WaySpec::default());
    let whole = Arrival { at: 5 + MS, touch: Touch::default() };
    assert_eq!(way.plain(5), Some(MS));
    assert_eq!(way.pass(5, 1500), Fate::Arrives(whole, None));
    assert_eq!(way.pass(5, 1501), Fate::TooBig { mtu: 1500 });
    way.set_blocked(true);
    assert_eq!((way.plain(5), way.pass(5, 1500)), (None, Fate::Dropped(DropCause::Blocked)));
}

#[test]
fn a_black_hole_swallows_what_is_too_big() {
    let mut way = way(WaySpec { mtu: 1400, black_hole: true, ..WaySpec::default() });
    assert_eq!(way.pass(0, 1401), Fate::Dropped(DropCause::TooBig));
    assert!(matches!(way.pass(0, 1400), Fate::Arrives(..)));
}

#[test]
fn losses_duplicates_and_flips_are_as_frequent_as_asked() {
    let spec =
        WaySpec { loss: Loss::Independent(0.1), duplication: 0.2, corruption: 0.3, ..WaySpec::default() };
    let fates = fates(spec, 50_000);
    let lost = share(&losses(&fates));
    let arrivals = arrivals(&fates);
    let flipped: Vec<bool> = arrivals.iter().map(|arrival| arrival.touch.flip.is_some()).collect();
    assert!(close(lost, 0.1), "{lost}");
    assert!(close(arrivals.len() as f64, 50_000.0 * 0.9 * 1.2), "{}", arrivals.len());
    assert!(close(share(&flipped), 0.3), "{}", share(&flipped));
    let bits: Vec<u32> = arrivals.iter().filter_map(|arrival| arrival.touch.flip).collect();
    assert!(bits.iter().all(|&bit| bit < 8000));
    let mean = bits.iter().sum::<u32>() as f64 / bits.len() as f64;
    assert!(close(mean, 4000.0), "every bit alike: {mean}");
}

#[test]
fn one_more_fault_leaves_the_draws_of_the_others_alone() {
    let jitter = Latency::Uniform { min: ms(1), max: ms(20) };
    let quiet =
        WaySpec { latency: jitter, overtaking: true, loss: Loss::Independent(0.2), ..WaySpec::default() };
    let loud = WaySpec { duplication: 0.5, corruption: 0.5, ..quiet };
    let (quiet, loud) = (fates(quiet, 1000), fates(loud, 1000));
    assert_eq!(losses(&quiet), losses(&loud));
    for (quiet, loud) in quiet.iter().zip(&loud) {
        if let (Fate::Arrives(quiet, None), Fate::Arrives(loud, _)) = (quiet, loud) {
            assert_eq!(quiet.at, loud.at);
        }
    }
}

#[test]
fn bursts_have_the_length_and_the_share_of_their_chain() {
    let chain = GilbertElliott { good_to_bad: 0.01, bad_to_good: 0.2, loss_in_good: 0.0, loss_in_bad: 1.0 };
    let lost = losses(&fates(WaySpec { loss: Loss::Bursty(chain), ..WaySpec::default() }, 200_000));
    let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let mean = lost.iter().filter(|&&lost| lost).count() as f64 / bursts as f64;
    assert!(close(share(&lost), 0.01 / 0.21), "p / (p + r): {}", share(&lost));
    assert!(close(mean, 5.0), "1 / r: {mean}");
    let chain = GilbertElliott { loss_in_good: 0.1, loss_in_bad: 0.6, bad_to_good: 0.01, ..chain };
    let lost = losses(&fates(WaySpec { loss: Loss::Bursty(chain), ..WaySpec::default() }, 200_000));
    assert!(close(share(&lost), 0.35), "half the time in each state: {}", share(&lost));
}

#[test]
fn a_new_kind_of_loss_starts_in_the_good_state() {
    let doomed = GilbertElliott { good_to_bad: 1.0, bad_to_good: 0.0, loss_in_good: 0.0, loss_in_bad: 1.0 };
    let bursty = WaySpec { loss: Loss::Bursty(doomed), ..WaySpec::default() };
    let mut way = way(bursty);
    let mut lost = || way.pass(0, 100) == Fate::Dropped(DropCause::Loss);
    assert_eq!([lost(), lost()], [false, true]);
    way.set_spec(WaySpec { latency: Latency::Fixed(ms(9)), ..bursty });
    assert_eq!(way.pass(0, 100), Fate::Dropped(DropCause::Loss), "another latency changes nothing");
    way.set_spec(WaySpec::default());
    way.set_spec(bursty);
    assert!(matches!(way.pass(0, 100), Fate::Arrives(..)));
}

#[test]
fn packets_overtake_only_where_they_may() {
    let jitter = Latency::Uniform { min: ms(1), max: ms(50) };
    for overtaking in [false, true] {
        let spec = WaySpec { latency: jitter, overtaking, duplication: 0.3, ..WaySpec::default() };
        let arrivals = arrivals(&fates(spec, 1000));
        assert_eq!(arrivals.iter().any(|arrival| arrival.touch.overtakes), overtaking);
        assert_eq!(arrivals.is_sorted_by_key(|arrival| arrival.at), !overtaking);
        let mut overtakers = arrivals
            .iter()
            .enumerate()
            .filter(|(n, arrival)| arrivals[..*n].iter().any(|earlier| earlier.at > arrival.at));
        assert!(overtakers.all(|(_, arrival)| arrival.touch.overtakes));
    }
}

#[test]
fn a_shorter_latency_does_not_let_packets_overtake() {
    let mut way = way(WaySpec::with_latency(Latency::Fixed(ms(100))));
    way.pass(0, 100);
    way.set_spec(WaySpec::with_latency(Latency::Fixed(ms(1))));
    assert_eq!((way.plain(0), way.plain(99 * MS)), (None, Some(MS)));
    let held_up = Arrival { at: 100 * MS, touch: Touch::default() };
    assert_eq!(way.pass(0, 100), Fate::Arrives(held_up, None));
    way.clear();
    assert_eq!(way.plain(0), Some(MS), "after a cut nothing is ahead");
}

#[test]
fn bandwidth_spaces_packets_and_its_queue_is_bounded() {
    // 1,000 bytes take 1 ms; three wait behind the one that is being sent.
    let bandwidth = Bandwidth { bits_per_s: 8_000_000, queue_bytes: 4000 };
    let spec = WaySpec { bandwidth: Some(bandwidth), ..WaySpec::default() };
    let mut way = way(spec);
    let fates: Vec<Fate> = (0..6).map(|_| way.pass(0, 1000)).collect();
    let at = |ms: u64| Fate::Arrives(Arrival { at: ms * MS, touch: Touch::default() }, None);
    let full = Fate::Dropped(DropCause::TailDrop);
    assert_eq!(fates, [at(2), at(3), at(4), at(5), full, full]);
    assert_eq!(way.pass(MS, 1000), at(6), "room again");
    assert_eq!(way.pass(MS, 1), full, "for one");
    assert_eq!(way.pass(90 * MS, 1000), at(92), "idle in between");
    let tiny = Bandwidth { queue_bytes: 0, ..bandwidth };
    way.set_spec(WaySpec { bandwidth: Some(tiny), ..spec });
    assert_eq!(way.pass(200 * MS, 1000), at(202), "an idle wire takes a packet without a queue");
    assert_eq!(way.pass(200 * MS, 1000), full);
}

#[test]
fn bandwidth_keeps_its_rate_to_the_nanosecond() {
    let rate = |bits_per_s| Bandwidth { bits_per_s, queue_bytes: 0 };
    for (bits_per_s, bytes, ns) in
        [(10_000_000_000, 1500, 1200), (1_000_000_000, 1, 8), (3, 3, 8 * 1_000_000_000), (u64::MAX, 9000, 1)]
    {
        assert_eq!(rate(bits_per_s).time_of(bytes), ns);
    }
    assert_eq!(rate(1).time_of(usize::MAX), u64::MAX);
    assert_eq!(rate(u64::MAX).bytes_in(u64::MAX), u64::MAX);
}

fn latency() -> impl Strategy<Value = Latency> {
    let span = || (0..100_u64).prop_map(ms);
    prop_oneof![
        span().prop_map(Latency::Fixed),
        (span(), span()).prop_map(|(min, more)| Latency::Uniform { min, max: min + more }),
        (span(), span()).prop_map(|(mean, deviation)| Latency::Normal { mean, deviation }),
        (span(), 0.1..9.0).prop_map(|(min, shape)| Latency::Pareto { min, shape }),
    ]
}

fn often() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), 0.0..1.0]
}

fn loss() -> impl Strategy<Value = Loss> {
    let chain = (often(), often(), often(), often());
    prop_oneof![
        often().prop_map(Loss::Independent),
        chain.prop_map(|(good_to_bad, bad_to_good, loss_in_good, loss_in_bad)| {
            Loss::Bursty(GilbertElliott { good_to_bad, bad_to_good, loss_in_good, loss_in_bad })
        }),
    ]
}

fn spec() -> impl Strategy<Value = WaySpec> {
    let bandwidth = (1_000..10_000_000_000_u64, 0..100_000_u64)
        .prop_map(|(bits_per_s, queue_bytes)| Bandwidth { bits_per_s, queue_bytes });
    let parts = (
        latency(),
        any::<bool>(),
        loss(),
        often(),
        often(),
        proptest::option::of(bandwidth),
        68..9001_u16,
        any::<bool>(),
    );
    parts.prop_map(|(latency, overtaking, loss, duplication, corruption, bandwidth, mtu, black_hole)| {
        WaySpec { latency, overtaking, loss, duplication, corruption, bandwidth, mtu, black_hole }
    })
}

proptest! {
    /// Whatever the link: equal for equal runs, nothing arrives before it could, in order where that is promised,
    /// no faster than the bandwidth, and `plain` tells the truth.
    #[test]
    fn every_way_keeps_its_word(spec in spec(), packets in proptest::collection::vec((0..5_000_000_u64, 20..9001_usize), 1..60)) {
        prop_assert_eq!(spec.check(), Ok(()));
        let (mut way, mut twin) = (way(spec), way(spec));
        let (mut now, mut latest, mut carried) = (0, 0, 0);
        for (gap, length) in packets {
            now += gap;
            let plain = way.plain(now);
            let fate = way.pass(now, length);
            prop_assert_eq!(fate, twin.pass(now, length));
            if let Some(delay) = plain.filter(|_| length <= usize::from(spec.mtu)) {
                let whole = Arrival { at: now + delay, touch: Touch::default() };
                prop_assert_eq!(fate, Fate::Arrives(whole, None));
            }
            prop_assert_eq!(length > usize::from(spec.mtu), matches!(fate, Fate::TooBig { .. } | Fate::Dropped(DropCause::TooBig)));
            for arrival in arrivals(&[fate]) {
                prop_assert!(arrival.at >= now);
                prop_assert!(spec.overtaking || arrival.at >= latest);
                prop_assert_eq!(arrival.touch.overtakes, arrival.at < latest);
                prop_assert!(arrival.touch.flip.is_none_or(|bit| (bit as usize) < length * 8));
                latest = latest.max(arrival.at);
            }
            if let (Some(bandwidth), Fate::Arrives(..)) = (spec.bandwidth, fate) {
                carried += length;
                prop_assert!(latest >= bandwidth.time_of(carried).saturating_sub(carried as u64));
            }
        }
    }
}
