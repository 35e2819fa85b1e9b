//! OPEN and its capabilities (RFC 4271 4.2, RFC 5492, RFC 4760 8, RFC 6793, RFC 9234 4.1).

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::family::{Family, SAFI_UNICAST};
use super::notification::Notification;
use super::reader::{Reader, exactly};

/// Stands for an AS number that does not fit two octets (RFC 6793).
pub const AS_TRANS: u16 = 23456;

const VERSION: u8 = 4;
const PARAMETER_CAPABILITIES: u8 = 2;

/// What a speaker says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The "My Autonomous System" field: the AS number, or [`AS_TRANS`].
    pub my_as: u16,
    /// Proposed hold time in seconds; 0 asks for no keepalives.
    pub hold_time_s: u16,
    /// The BGP identifier.
    pub router_id: Ipv4Addr,
    /// In the order sent.
    pub capabilities: Vec<Capability>,
}

/// A capability that the speaker has (RFC 5492).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capability {
    /// Code 1: unicast routes of this family.
    Multiprotocol(Family),
    /// Code 9: the speaker's side of the relationship.
    Role(RoleCapability),
    /// Code 65: the speaker's whole AS number.
    FourOctetAs(u32),
    /// Any other; ignored.
    Other {
        /// Capability code.
        code: u8,
        /// Its raw value.
        value: Vec<u8>,
    },
}

/// Who the *sender* is in the relationship (RFC 9234 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleCapability {
    /// Value 0.
    Provider,
    /// Value 3.
    Customer,
    /// Value 4.
    Peer,
}

impl RoleCapability {
    fn value(self) -> u8 {
        match self {
            Self::Provider => 0,
            Self::Customer => 3,
            Self::Peer => 4,
        }
    }

    fn from_value(value: u8) -> Option<Self> {
        [Self::Provider, Self::Customer, Self::Peer].into_iter().find(|role| role.value() == value)
    }

    /// The role that the other end must have.
    pub fn counterpart(self) -> Self {
        match self {
            Self::Provider => Self::Customer,
            Self::Customer => Self::Provider,
            Self::Peer => Self::Peer,
        }
    }
}

impl Open {
    /// The AS number from the capability, else from the two-octet field.
    pub fn asn(&self) -> u32 {
        self.four_octet_as().unwrap_or(self.my_as.into())
    }

    /// The AS number of the 4-octet capability, if the speaker sent one.
    pub fn four_octet_as(&self) -> Option<u32> {
        self.capabilities.iter().find_map(|capability| match capability {
            Capability::FourOctetAs(asn) => Some(*asn),
            _ => None,
        })
    }

    /// The role that the speaker claims.
    pub fn role(&self) -> Option<RoleCapability> {
        self.capabilities.iter().find_map(|capability| match capability {
            Capability::Role(role) => Some(*role),
            _ => None,
        })
    }

    /// Families the speaker can carry: IPv4 alone if it names none (RFC 4760 8).
    pub fn families(&self) -> Vec<Family> {
        let named: Vec<_> = self.capabilities.iter().filter_map(Capability::family).collect();
        if named.is_empty() { vec![Family::Ipv4] } else { named }
    }

    /// Capabilities go into one parameter each: at most 255 octets of them fit, which `None` reports.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        out.push(VERSION);
        out.extend(self.my_as.to_be_bytes());
        out.extend(self.hold_time_s.to_be_bytes());
        out.extend(self.router_id.octets());
        let mut parameters = Vec::new();
        for capability in &self.capabilities {
            let encoded = capability.encode()?;
            parameters.extend([PARAMETER_CAPABILITIES, u8::try_from(encoded.len()).ok()?]);
            parameters.extend(encoded);
        }
        out.push(u8::try_from(parameters.len()).ok()?);
        out.extend(parameters);
        Some(())
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, Notification> {
        let mut reader = Reader::new(body);
        let short = || Notification::OPEN_MALFORMED;
        if reader.u8().ok_or_else(short)? != VERSION {
            return Err(Notification::UNSUPPORTED_VERSION.with(&u16::from(VERSION).to_be_bytes()));
        }
        let my_as = reader.u16().ok_or_else(short)?;
        let hold_time_s = reader.u16().ok_or_else(short)?;
        let router_id = reader.ipv4().ok_or_else(short)?;
        let length = reader.u8().ok_or_else(short)?;
        let parameters = reader.take(length.into()).filter(|_| reader.is_empty()).ok_or_else(short)?;
        Ok(Self { my_as, hold_time_s, router_id, capabilities: decode_parameters(parameters)? })
    }
}

fn decode_parameters(field: &[u8]) -> Result<Vec<Capability>, Notification> {
    let mut reader = Reader::new(field);
    let mut capabilities = Vec::new();
    while !reader.is_empty() {
        let (kind, value) = type_length_value(&mut reader).ok_or(Notification::OPEN_MALFORMED)?;
        if kind != PARAMETER_CAPABILITIES {
            return Err(Notification::UNSUPPORTED_PARAMETER);
        }
        decode_capabilities(value, &mut capabilities).ok_or(Notification::OPEN_MALFORMED)?;
    }
    Ok(capabilities)
}

fn decode_capabilities(value: &[u8], into: &mut Vec<Capability>) -> Option<()> {
    let mut reader = Reader::new(value);
    while !reader.is_empty() {
        let (code, value) = type_length_value(&mut reader)?;
        into.push(Capability::decode(code, value));
    }
    Some(())
}

fn type_length_value<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let kind = reader.u8()?;
    let length = reader.u8()?;
    Some((kind, reader.take(length.into())?))
}

impl Capability {
    fn family(&self) -> Option<Family> {
        match self {
            Self::Multiprotocol(family) => Some(*family),
            _ => None,
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let (code, value) = match self {
            Self::Multiprotocol(family) => {
                let [high, low] = family.afi().to_be_bytes();
                (1, vec![high, low, 0, SAFI_UNICAST])
            }
            Self::Role(role) => (9, vec![role.value()]),
            Self::FourOctetAs(asn) => (65, asn.to_be_bytes().to_vec()),
            Self::Other { code, value } => (*code, value.clone()),
        };
        let mut encoded = vec![code, u8::try_from(value.len()).ok()?];
        encoded.extend(value);
        Some(encoded)
    }

    /// Unknown codes and values of the wrong shape are kept as [`Capability::Other`]: RFC 5492 says to ignore them.
    fn decode(code: u8, value: &[u8]) -> Self {
        let known = match code {
            1 => exactly(value, multiprotocol).map(Self::Multiprotocol),
            9 => exactly(value, |reader| RoleCapability::from_value(reader.u8()?)).map(Self::Role),
            65 => exactly(value, Reader::u32).map(Self::FourOctetAs),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other { code, value: value.to_vec() })
    }
}

fn multiprotocol(reader: &mut Reader<'_>) -> Option<Family> {
    let afi = reader.u16()?;
    let _reserved = reader.u8()?;
    Family::from_afi_safi(afi, reader.u8()?)
}
