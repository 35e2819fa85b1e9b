//! Where two logs of what should be one run part.

use blackstart_rt as rt;
use blackstart_rt::Map;
use blackstart_sim::record::SimEvent;
use blackstart_sim::{NodeId, Record};
use std::fmt::Write;

/// Records shown before the first difference.
const BEFORE: usize = 2;
/// Records shown after it.
const AFTER: usize = 1;

/// What differs first between two logs, with its neighbours; `None` when they are equal.
#[must_use]
pub fn first(one: &[Record], other: &[Record], names: &Map<NodeId, String>) -> Option<String> {
    let shared = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    if shared == one.len() && shared == other.len() {
        return None;
    }
    let mut text =
        format!("the logs differ from record {shared} on (of {} and {})\n", one.len(), other.len());
    for (title, log) in [("first run", one), ("second run", other)] {
        let _infallible = writeln!(text, "{title}:");
        let from = shared.saturating_sub(BEFORE);
        for (index, record) in log.iter().enumerate().skip(from).take(shared - from + 1 + AFTER) {
            let mark = if index == shared { '>' } else { ' ' };
            let _infallible = writeln!(text, "{mark} {index:>7}  {}", describe(record, names));
        }
        if log.len() == shared {
            text.push_str(">          the log ends here\n");
        }
    }
    Some(text)
}

/// A record as a developer reads it: time in seconds, host, kind, event.
#[must_use]
pub fn describe(record: &Record, names: &Map<NodeId, String>) -> String {
    let host = record.node.and_then(|node| names.get(&node)).map_or("-", String::as_str);
    let seconds = record.time.since_start().as_secs_f64();
    format!("{seconds:.9}  {host}  {}  {}", record.kind, event(record))
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
    use blackstart_sim::Time;

    fn log(bytes: &[u8]) -> Vec<Record> {
        let record = |(index, byte): (usize, &u8)| Record {
            time: Time::from_secs(index as u64),
            node: Some(NodeId(0)),
            kind: "other",
            bytes: vec![*byte],
        };
        bytes.iter().enumerate().map(record).collect()
    }

    #[test]
    fn equal_logs_do_not_differ() {
        assert_eq!(first(&log(&[1, 2]), &log(&[1, 2]), &Map::new()), None);
        assert_eq!(first(&[], &[], &Map::new()), None);
    }

    #[test]
    fn the_first_difference_has_its_neighbours() {
        let names = Map::from([(NodeId(0), "h".to_owned())]);
        let text = first(&log(&[0, 1, 2, 3, 4, 5]), &log(&[0, 1, 2, 9, 4, 5]), &names).unwrap();
        insta::assert_snapshot!(text);
        let text = first(&log(&[0]), &log(&[]), &names).unwrap();
        insta::assert_snapshot!(text);
    }
}
