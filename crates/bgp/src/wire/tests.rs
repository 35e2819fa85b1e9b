//! Round trips, arbitrary bytes, and the RFC 7606 verdicts one by one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

const EXTERNAL: Peering = Peering { peer_as: 65001, external: true, four_octet: true };
const INTERNAL: Peering = Peering { peer_as: 65001, external: false, four_octet: true };

fn v4_prefix() -> impl Strategy<Value = IpNet> {
    (any::<u32>(), 0..=32u8)
        .prop_map(|(bits, len)| IpNet::from(Ipv4Net::new(Ipv4Addr::from(bits), len).unwrap()).trunc())
}

fn v6_prefix() -> impl Strategy<Value = IpNet> {
    (any::<u128>(), 0..=128u8)
        .prop_map(|(bits, len)| IpNet::from(Ipv6Net::new(Ipv6Addr::from(bits), len).unwrap()).trunc())
}

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        vec(any::<u32>(), 1..6).prop_map(Segment::Sequence),
        vec(any::<u32>(), 1..4).prop_map(Segment::Set)
    ]
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    (0x0a00_0000..0x0b00_0000u32).prop_map(Ipv4Addr::from)
}

prop_compose! {
    fn attributes()(
        origin in prop_oneof![Just(Origin::Igp), Just(Origin::Egp), Just(Origin::Incomplete)],
        as_path in vec(segment(), 0..4).prop_map(AsPath),
        med in option::of(any::<u32>()),
        local_pref in any::<u32>(),
        atomic_aggregate in any::<bool>(),
        aggregator in option::of((any::<u32>(), address()).prop_map(|(asn, address)| Aggregator { asn, address })),
        communities in vec(any::<u32>(), 0..80),
        originator_id in option::of(address()),
        cluster_list in vec(address(), 0..4),
        only_to_customer in option::of(any::<u32>()),
        unknown in option::of((100..=255u8, vec(any::<u8>(), 0..300))),
    ) -> Attributes {
        Attributes {
            origin, as_path, med, local_pref: Some(local_pref), atomic_aggregate, aggregator, communities,
            originator_id, cluster_list, only_to_customer,
            unknown: unknown.map(|(code, value)| RawAttribute { code, value }).into_iter().collect(),
        }
    }
}

prop_compose! {
    fn update()(
        withdrawn_v4 in vec(v4_prefix(), 0..20),
        withdrawn_v6 in vec(v6_prefix(), 0..20),
        v4 in option::of((address(), vec(v4_prefix(), 1..20))),
        v6 in option::of((any::<u64>(), vec(v6_prefix(), 1..20))),
        attributes in attributes(),
    ) -> Update {
        let v4 = v4.map(|(hop, prefixes)| Reachable { next_hop: hop.into(), prefixes });
        let v6 = v6.map(|(hop, prefixes)| Reachable { next_hop: Ipv6Addr::from(u128::from(hop)).into(), prefixes });
        let reachable: Vec<_> = v4.into_iter().chain(v6).collect();
        let attributes = if reachable.is_empty() { Attributes::default() } else { attributes };
        Update { withdrawn: [withdrawn_v4, withdrawn_v6].concat(), reachable, attributes, defects: vec![] }
    }
}

fn peering() -> impl Strategy<Value = Peering> {
    (any::<bool>(), any::<bool>(), any::<u32>()).prop_map(|(external, four_octet, peer_as)| Peering {
        peer_as,
        external,
        four_octet,
    })
}

proptest! {
    #[test]
    fn updates_survive_the_wire(update in update()) {
        let frame = Message::Update(update.clone()).encode(INTERNAL).unwrap();
        prop_assert_eq!(frame_length(&frame), Ok(Some(frame.len())));
        prop_assert_eq!(Message::decode(&frame, INTERNAL), Ok(Message::Update(update)));
    }

    #[test]
    fn four_octet_ases_survive_an_old_speaker(asns in vec(any::<u32>(), 1..20)) {
        let old = Peering { four_octet: false, ..INTERNAL };
        let mut update = announcement();
        update.attributes.local_pref = Some(100);
        update.attributes.as_path = AsPath::sequence(&asns);
        let frame = Message::Update(update.clone()).encode(old).unwrap();
        prop_assert_eq!(Message::decode(&frame, old), Ok(Message::Update(update)));
    }

    #[test]
    fn no_bytes_bring_the_decoder_down(body in vec(any::<u8>(), 0..200), kind in 0..6u8, peering in peering()) {
        let _ = Message::decode(&framed(kind, &body), peering);
        let _ = Message::decode(&body, peering);
        let _ = frame_length(&body);
    }

    #[test]
    fn no_flipped_bit_brings_the_decoder_down(update in update(), at in any::<prop::sample::Index>(), bit in 0..8u32, peering in peering()) {
        let mut frame = Message::Update(update).encode(INTERNAL).unwrap();
        let index = at.index(frame.len());
        frame[index] ^= 1u8 << bit;
        let _ = Message::decode(&frame, peering);
    }

    #[test]
    fn long_updates_split_without_loss(prefixes in vec(v6_prefix(), 500..600), withdrawn in vec(v4_prefix(), 900..1000)) {
        let next_hop = Ipv6Addr::LOCALHOST.into();
        let attributes = Attributes { local_pref: Some(1), ..Attributes::default() };
        let update = Update { withdrawn, reachable: vec![Reachable { next_hop, prefixes }], attributes, defects: vec![] };
        let mut back = Update::default();
        for frame in encode_updates(update.clone(), INTERNAL).unwrap() {
            let Message::Update(part) = Message::decode(&frame, INTERNAL).unwrap() else { panic!("not an update") };
            back.withdrawn.extend(part.withdrawn);
            back.reachable.extend(part.reachable);
        }
        let prefixes: Vec<_> = back.reachable.into_iter().flat_map(|reachable| reachable.prefixes).collect();
        prop_assert_eq!(&prefixes, &update.reachable[0].prefixes);
        prop_assert_eq!(back.withdrawn, update.withdrawn);
    }
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER_LEN + body.len()).unwrap().to_be_bytes();
    [&[0xff; 16][..], &length, &[kind], body].concat()
}

fn announcement() -> Update {
    Update {
        reachable: vec![Reachable {
            next_hop: IpAddr::from([10, 0, 0, 1]),
            prefixes: vec!["129.134.30.0/24".parse().unwrap()],
        }],
        attributes: Attributes { as_path: AsPath::sequence(&[65001]), ..Attributes::default() },
        ..Update::default()
    }
}

#[test]
fn open_survives_the_wire() {
    let open = Open {
        my_as: AS_TRANS,
        hold_time_s: 90,
        router_id: [10, 0, 0, 1].into(),
        capabilities: vec![
            Capability::Multiprotocol(Family::Ipv4),
            Capability::Multiprotocol(Family::Ipv6),
            Capability::Role(RoleCapability::Customer),
            Capability::FourOctetAs(4_200_000_001),
            Capability::Other { code: 64, value: vec![0, 120] },
        ],
    };
    let frame = Message::Open(open.clone()).encode(EXTERNAL).unwrap();
    assert_eq!(Message::decode(&frame, EXTERNAL), Ok(Message::Open(open.clone())));
    assert_eq!(open.asn(), 4_200_000_001);
}

/// The bytes of one announcement, written out by hand from RFC 4271, so that both directions cannot be wrong alike.
#[test]
fn an_announcement_is_these_octets() {
    let body = [
        &[0, 0, 0, 20][..],                    // nothing withdrawn; 20 octets of attributes
        &[0x40, 1, 1, 0],                      // ORIGIN IGP
        &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9], // AS_PATH sequence of 65001
        &[0x40, 3, 4, 10, 0, 0, 1],            // NEXT_HOP
        &[24, 129, 134, 30],                   // 129.134.30.0/24
    ]
    .concat();
    assert_eq!(Message::Update(announcement()).encode(EXTERNAL), Ok(framed(2, &body)));
    assert_eq!(Message::decode(&framed(2, &body), EXTERNAL), Ok(Message::Update(announcement())));
}

#[test]
fn bad_headers_are_answered_with_the_right_notification() {
    let mut unsynchronised = framed(4, &[]);
    unsynchronised[3] = 0;
    let cases = [
        (unsynchronised, Notification::NOT_SYNCHRONISED),
        (framed(5, &[0, 1, 0, 1]), Notification::BAD_TYPE.with(&[5])),
        (framed(4, &[0]), Notification::BAD_LENGTH.with(&[0, 20])),
        (framed(1, &[0; 9]), Notification::BAD_LENGTH.with(&[0, 28])),
        (framed(2, &[0; 4078]), Notification::BAD_LENGTH.with(&[0x10, 1])),
    ];
    for (bytes, expected) in cases {
        assert_eq!(frame_length(&bytes), Err(expected));
    }
    assert_eq!(frame_length(&[0xff; 18]), Ok(None), "a header not yet whole asks for more");
}

/// An UPDATE of 129.134.30.0/24 with sound mandatory attributes, except that `replacement` takes the place of its code.
fn with_attribute(replacement: &[u8]) -> Vec<u8> {
    let sound: [&[u8]; 4] = [
        &[0x40, 1, 1, 0],
        &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9],
        &[0x40, 3, 4, 10, 0, 0, 1],
        &[0x40, 5, 4, 0, 0, 0, 100],
    ];
    let kept = sound.iter().filter(|attribute| attribute[1] != replacement[1]);
    let attributes: Vec<u8> =
        kept.flat_map(|attribute| attribute.iter()).chain(replacement).copied().collect();
    let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    framed(2, &[&[0, 0][..], &length, &attributes, &[24, 129, 134, 30]].concat())
}

#[test]
fn malformed_attributes_get_the_verdict_of_rfc_7606() {
    use Verdict::{Discard, TreatAsWithdraw};
    let cases: [(&[u8], Peering, Verdict); 16] = [
        (&[0x40, 1, 2, 0, 0], INTERNAL, TreatAsWithdraw),
        (&[0x40, 1, 1, 3], INTERNAL, TreatAsWithdraw),
        (&[0xc0, 1, 1, 0], INTERNAL, TreatAsWithdraw),
        (&[0x40, 2, 2, 2, 0], INTERNAL, TreatAsWithdraw),
        (&[0x40, 2, 6, 2, 1, 0, 0, 0, 9], EXTERNAL, TreatAsWithdraw),
        (&[0x40, 3, 5, 1, 2, 3, 4, 5], INTERNAL, TreatAsWithdraw),
        (&[0x40, 3, 4, 0, 0, 0, 0], INTERNAL, TreatAsWithdraw),
        (&[0x80, 4, 3, 0, 0, 0], INTERNAL, TreatAsWithdraw),
        (&[0x40, 5, 3, 0, 0, 0], INTERNAL, TreatAsWithdraw),
        (&[0x40, 5, 4, 0, 0, 0, 9], EXTERNAL, Discard),
        (&[0x40, 6, 1, 0], INTERNAL, Discard),
        (&[0xc0, 7, 7, 0, 0, 0, 0, 0, 0, 0], INTERNAL, Discard),
        (&[0xc0, 8, 3, 0, 0, 0], INTERNAL, TreatAsWithdraw),
        (&[0xc0, 8, 0], INTERNAL, TreatAsWithdraw),
        (&[0x80, 9, 3, 0, 0, 0], INTERNAL, TreatAsWithdraw),
        (&[0x80, 10, 0], INTERNAL, TreatAsWithdraw),
    ];
    for (attribute, peering, verdict) in cases {
        let Ok(Message::Update(update)) = Message::decode(&with_attribute(attribute), peering) else {
            panic!("{attribute:?} must not reset the session");
        };
        let of_this: Vec<_> = update.defects.iter().filter(|defect| defect.code == attribute[1]).collect();
        assert_eq!(of_this.first().map(|defect| defect.verdict), Some(verdict), "{attribute:?}");
        assert_eq!(update.withdrawn.len(), usize::from(verdict == TreatAsWithdraw), "{attribute:?}");
        assert_eq!(update.announced().count(), usize::from(verdict == Discard), "{attribute:?}");
    }
}

#[test]
fn attributes_that_overrun_their_field_withdraw_the_routes() {
    let Ok(Message::Update(update)) = Message::decode(&with_attribute(&[0xc0, 8, 200, 0]), INTERNAL) else {
        panic!("must not reset the session");
    };
    assert_eq!(update.withdrawn, ["129.134.30.0/24".parse().unwrap()]);
}

#[test]
fn a_missing_mandatory_attribute_withdraws_the_routes() {
    let body = [&[0, 0, 0, 4][..], &[0x40, 1, 1, 0], &[24, 129, 134, 30]].concat();
    let Ok(Message::Update(update)) = Message::decode(&framed(2, &body), EXTERNAL) else {
        panic!("must not reset the session");
    };
    assert_eq!((update.withdrawn.len(), update.reachable.len(), update.defects.len()), (1, 0, 2));
}

#[test]
fn what_hides_the_prefixes_resets_the_session() {
    let mp_reach_twice = [0x80, 14, 5, 0, 3, 1, 0, 0, 0x80, 14, 5, 0, 3, 1, 0, 0];
    let cases: [(&[u8], Notification); 6] = [
        (&[0, 9, 0, 0], Notification::MALFORMED_ATTRIBUTES),
        (&[0, 0, 0, 9], Notification::MALFORMED_ATTRIBUTES),
        (&[0, 0, 0, 0, 33, 1, 2, 3, 4, 5], Notification::INVALID_NETWORK_FIELD),
        (&[0, 0, 0, 0, 24, 1], Notification::INVALID_NETWORK_FIELD),
        (&[0, 0, 0, 7, 0x80, 14, 4, 0, 2, 1, 99], Notification::OPTIONAL_ATTRIBUTE),
        (&[&[0, 0, 0, 16][..], &mp_reach_twice].concat(), Notification::MALFORMED_ATTRIBUTES),
    ];
    for (body, expected) in cases {
        assert_eq!(Message::decode(&framed(2, body), EXTERNAL), Err(expected), "{body:?}");
    }
}

#[test]
fn an_unknown_attribute_is_kept_dropped_or_fatal_by_its_flags() {
    let decode = |attribute| Message::decode(&with_attribute(attribute), INTERNAL);
    let unknown = |message| match message {
        Ok(Message::Update(update)) => update.attributes.unknown,
        other => panic!("{other:?}"),
    };
    assert_eq!(unknown(decode(&[0xc0, 200, 1, 7])), [RawAttribute { code: 200, value: vec![7] }]);
    assert_eq!(unknown(decode(&[0x80, 200, 1, 7])), []);
    assert_eq!(decode(&[0x40, 200, 1, 7]), Err(Notification::UNRECOGNISED_WELL_KNOWN.with(&[0x40, 200])));
}

#[test]
fn attributes_too_long_for_any_message_become_withdrawals() {
    let mut update = announcement();
    update.attributes.communities = vec![1; 2000];
    let frames = encode_updates(update, EXTERNAL).unwrap();
    let Ok(Message::Update(sent)) = Message::decode(&frames[0], EXTERNAL) else { panic!("an update") };
    assert_eq!((frames.len(), sent.withdrawn.len(), sent.reachable.len()), (1, 1, 0));
}
