//! Where two logs of what should be one run part, and whose doing it was.

use blackstart_rt as rt;
use blackstart_rt::Map;
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record};
use std::fmt::Write;

/// Records shown before the first difference.
const BEFORE: usize = 2;
/// Records shown after it.
const AFTER: usize = 1;

/// What a run leaves to be compared.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// Its records.
    pub log: &'a [Record],
    /// For each record, the digest of all packets until then: [`Sim::packet_digests`](blackstart_sim::Sim::packet_digests).
    pub packet_digests: &'a [u64],
    /// The hash of all records and all packets.
    pub log_hash: &'a str,
}

/// What differs first between two runs, with its neighbours and whose tasks made them; `None` when they are equal.
#[must_use]
pub fn first(one: Trace<'_>, other: Trace<'_>, names: &Map<NodeId, String>) -> Option<String> {
    let shared = one.log.iter().zip(other.log).take_while(|(a, b)| a == b).count();
    let packets = parting_packets(one, other).filter(|index| *index <= shared);
    if shared < one.log.len().max(other.log.len()) {
        let culprit =
            [one, other].iter().find_map(|side| side.log.get(shared)).map(|record| place(record, names));
        let title = format!(
            "the logs differ from record {shared} on (of {} and {}), which was made on {}\n",
            one.log.len(),
            other.log.len(),
            culprit.unwrap_or_default()
        );
        let before = packets.map(|index| format!("packets differ already {}\n", span(one.log, index)));
        return Some(title + &before.unwrap_or_default() + &neighbourhoods(one, other, shared, names));
    }
    if one.log_hash == other.log_hash {
        return None;
    }
    let index = packets.unwrap_or(shared);
    let title = format!(
        "equal records and different packets: log hash {}, then {}\nthe first packet that differs crossed a link {}\n",
        one.log_hash,
        other.log_hash,
        span(one.log, index)
    );
    Some(title + &neighbourhood(one.log, index, names))
}

/// The first record by which the packets that had crossed a link were not the same.
fn parting_packets(one: Trace<'_>, other: Trace<'_>) -> Option<usize> {
    one.packet_digests.iter().zip(other.packet_digests).position(|(a, b)| a != b)
}

/// When that was, in terms of a log whose records before `index` are shared.
fn span(log: &[Record], index: usize) -> String {
    let at = |index: usize| log.get(index).map(seconds);
    match (index.checked_sub(1).and_then(at), at(index)) {
        (Some(after), Some(by)) => {
            format!("between record {} and record {index} ({after} to {by} s)", index - 1)
        }
        (None, Some(by)) => format!("before record {index} ({by} s)"),
        (Some(after), None) => format!("after record {} ({after} s), the last", index - 1),
        (None, None) => "in a run without records".to_owned(),
    }
}

fn neighbourhoods(one: Trace<'_>, other: Trace<'_>, index: usize, names: &Map<NodeId, String>) -> String {
    let shown = |title: &str, side: Trace<'_>| format!("{title}:\n{}", neighbourhood(side.log, index, names));
    shown("first run", one) + &shown("second run", other)
}

/// Record `index` and those around it, one a line.
fn neighbourhood(log: &[Record], index: usize, names: &Map<NodeId, String>) -> String {
    let mut text = String::new();
    let from = index.saturating_sub(BEFORE);
    for (number, record) in log.iter().enumerate().skip(from).take(index - from + 1 + AFTER) {
        let mark = if number == index { '>' } else { ' ' };
        let _infallible = writeln!(text, "{mark} {number:>7}  {}", describe(record, names));
    }
    if log.len() == index {
        text.push_str(">          the log ends here\n");
    }
    text
}

/// A record as a developer reads it: time in seconds, where and by whom, kind, event.
#[must_use]
pub fn describe(record: &Record, names: &Map<NodeId, String>) -> String {
    format!("{}  {}  {}  {}", seconds(record), place(record, names), record.kind, event(record))
}

fn seconds(record: &Record) -> String {
    record.time.to_string().trim_end_matches('s').to_owned()
}

/// `host/service`; what another's task did to a host is `host (by host/service)`. `-` stands for the world.
fn place(record: &Record, names: &Map<NodeId, String>) -> String {
    let name = |node: Option<NodeId>| node.and_then(|node| names.get(&node)).map_or("-", String::as_str);
    let host = name(record.node);
    match &record.emitter {
        None => host.to_owned(),
        Some(emitter) if emitter.node == record.node => format!("{host}/{}", emitter.service),
        Some(emitter) => format!("{host} (by {}/{})", name(emitter.node), emitter.service),
    }
}

fn event(record: &Record) -> String {
    let known = [
        decoded::<blackstart_igp::Event>,
        decoded::<blackstart_bgp::Event>,
        decoded::<blackstart_dns::Event>,
        decoded::<blackstart_app::Event>,
        decoded::<blackstart_badge::Event>,
        decoded::<blackstart_chat::Event>,
        decoded::<blackstart_identity::Event>,
        decoded::<blackstart_manage::event::Event>,
        decoded::<blackstart_world::Event>,
        decoded::<blackstart_world::power::Event>,
        decoded::<blackstart_fault::Event>,
    ];
    let engine = SimEvent::decode(record).map(|event| format!("{event:?}"));
    let found = engine.or_else(|| known.iter().find_map(|decode| decode(record)));
    found.unwrap_or_else(|| format!("{} bytes {:02x?}", record.bytes.len(), record.bytes))
}

fn decoded<E: rt::Event>(record: &Record) -> Option<String> {
    Some(format!("{:?}", rt::decode::<E>(record.kind, &record.bytes)?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use blackstart_sim::{Emitter, Time};

    /// One record a second, made by the service "svc" of host 0.
    fn log(bytes: &[u8]) -> Vec<Record> {
        let emitter = Some(Emitter { node: Some(NodeId(0)), service: "svc".into() });
        let record = |(index, byte): (usize, &u8)| Record {
            time: Time::from_secs(index as u64),
            node: Some(NodeId(0)),
            kind: "other",
            bytes: vec![*byte],
            emitter: emitter.clone(),
        };
        bytes.iter().enumerate().map(record).collect()
    }

    /// The difference of two runs, each given by its records and the digests of its packets.
    fn differ(one: (&[Record], &[u64]), other: (&[Record], &[u64])) -> Option<String> {
        let hash = if one == other { "1" } else { "2" };
        let one = Trace { log: one.0, packet_digests: one.1, log_hash: "1" };
        let other = Trace { log: other.0, packet_digests: other.1, log_hash: hash };
        first(one, other, &Map::from([(NodeId(0), "h".to_owned())]))
    }

    #[test]
    fn equal_runs_do_not_differ() {
        assert_eq!(differ((&log(&[1, 2]), &[7, 8]), (&log(&[1, 2]), &[7, 8])), None);
        assert_eq!(differ((&[], &[]), (&[], &[])), None);
    }

    #[test]
    fn the_first_difference_has_its_neighbours() {
        let digests = [0; 6];
        let (one, other) = (log(&[0, 1, 2, 3, 4, 5]), log(&[0, 1, 2, 9, 4, 5]));
        insta::assert_snapshot!(differ((&one, &digests), (&other, &digests)).unwrap());
        insta::assert_snapshot!(differ((&log(&[0]), &[0]), (&[], &[])).unwrap());
    }

    #[test]
    fn packets_that_part_before_the_records_are_told() {
        let (one, other) = (log(&[0, 1, 2, 3]), log(&[0, 1, 2, 9]));
        insta::assert_snapshot!(differ((&one, &[0, 1, 2, 3]), (&other, &[0, 1, 9, 9])).unwrap());
    }

    #[test]
    fn packets_may_differ_alone() {
        let records = log(&[0, 1, 2, 3]);
        insta::assert_snapshot!(differ((&records, &[0, 1, 2, 3]), (&records, &[0, 1, 9, 9])).unwrap());
        let first = Trace { log: &records, packet_digests: &[0; 4], log_hash: "1" };
        let text = super::first(first, Trace { log_hash: "2", ..first }, &Map::new()).unwrap();
        assert!(text.contains("after record 3 (3.000000000 s), the last"), "{text}");
    }

    /// A fault's task cuts a host's power: the host is where, the task is who.
    #[test]
    fn who_did_it_is_not_always_where() {
        let mut record = log(&[1]).remove(0);
        record.emitter = Some(Emitter { node: None, service: "fault".into() });
        let names = Map::from([(NodeId(0), "h".to_owned())]);
        assert_eq!(place(&record, &names), "h (by -/fault)");
        record.emitter = None;
        assert_eq!(place(&record, &names), "h");
    }
}
