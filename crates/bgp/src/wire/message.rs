//! Framing and the message types (RFC 4271 4.1).

use serde::{Deserialize, Serialize};

use super::as_path::two_octets;
use super::notification::Notification;
use super::open::Open;
use super::update::{Reachable, Update};

/// Octets of marker, length and type.
pub const HEADER_LEN: usize = 19;
/// The longest message (RFC 4271 4.1; RFC 8654 is not spoken).
pub const MESSAGE_LEN_MAX: usize = 4096;

const MARKER: [u8; 16] = [0xff; 16];
/// Room for most messages: KEEPALIVEs, and UPDATEs about a few prefixes.
const USUAL_LEN: usize = 96;

/// Any message of the protocol. ROUTE-REFRESH is not advertised, so receiving one is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Type 1.
    Open(Open),
    /// Type 2.
    Update(Update),
    /// Type 3.
    Notification(Notification),
    /// Type 4.
    Keepalive,
}

/// What both ends agreed on that changes how UPDATEs are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peering {
    /// The peer's AS.
    pub peer_as: u32,
    /// The peer is in another AS.
    pub external: bool,
    /// Both ends sent the four-octet AS capability.
    pub four_octet: bool,
}

impl Peering {
    /// The AS that paths from this peer must start with, in the form in which it is written.
    pub(super) fn first_as(self) -> Option<u32> {
        let written = if self.four_octet { self.peer_as } else { two_octets(self.peer_as).into() };
        self.external.then_some(written)
    }
}

/// Why a message cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It does not fit [`MESSAGE_LEN_MAX`] octets.
    #[error("message exceeds {MESSAGE_LEN_MAX} octets")]
    TooLong,
    /// Next hop and prefixes of different families, or two entries of one family.
    #[error("UPDATE mixes address families")]
    MixedFamilies,
}

/// Length of the first message in `buffer` once its header is there and valid; `None` asks for more bytes.
pub fn frame_length(buffer: &[u8]) -> Result<Option<usize>, Notification> {
    let Some((header, _)) = buffer.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let [.., high, low, kind] = *header;
    if !header.starts_with(&MARKER) {
        return Err(Notification::NOT_SYNCHRONISED);
    }
    let shortest = shortest(kind).ok_or(Notification::BAD_TYPE.with(&[kind]))?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let is_allowed = (shortest..=MESSAGE_LEN_MAX).contains(&length) && (kind != 4 || length == HEADER_LEN);
    if is_allowed { Ok(Some(length)) } else { Err(Notification::BAD_LENGTH.with(&[high, low])) }
}

/// RFC 4271 4.2 to 4.5: the shortest message of each type.
fn shortest(kind: u8) -> Option<usize> {
    match kind {
        1 => Some(29),
        2 => Some(23),
        3 => Some(21),
        4 => Some(19),
        _ => None,
    }
}

impl Message {
    /// Reads one whole frame, as measured by [`frame_length`]. `Err` is what to answer before closing.
    ///
    /// Before the OPENs have settled `peering`, any value does: UPDATEs are not accepted then.
    pub fn decode(frame: &[u8], peering: Peering) -> Result<Self, Notification> {
        if frame_length(frame)? != Some(frame.len()) {
            return Err(Notification::BAD_LENGTH);
        }
        let (header, body) = frame.split_at(HEADER_LEN);
        match header.last() {
            Some(1) => Open::decode(body).map(Self::Open),
            Some(2) => Update::decode(body, peering).map(Self::Update),
            Some(3) => Ok(Self::Notification(Notification::decode(body))),
            _ => Ok(Self::Keepalive),
        }
    }

    /// The message as it goes on the wire.
    pub fn encode(&self, peering: Peering) -> Result<Vec<u8>, EncodeError> {
        let mut frame = Vec::with_capacity(USUAL_LEN);
        frame.extend(MARKER);
        frame.extend([0, 0, self.kind()]);
        match self {
            Self::Open(open) => open.encode(&mut frame).ok_or(EncodeError::TooLong)?,
            Self::Update(update) => update.encode(&mut frame, peering)?,
            Self::Notification(notification) => notification.encode(&mut frame),
            Self::Keepalive => {}
        }
        let length = u16::try_from(frame.len()).map_err(|_| EncodeError::TooLong)?;
        if frame.len() > MESSAGE_LEN_MAX {
            return Err(EncodeError::TooLong);
        }
        if let Some(field) = frame.get_mut(16..18) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        Ok(frame)
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Open(_) => 1,
            Self::Update(_) => 2,
            Self::Notification(_) => 3,
            Self::Keepalive => 4,
        }
    }
}

/// Writes an UPDATE of any size as as many messages as it takes. Routes whose attributes alone exceed a message
/// are withdrawn instead (RFC 4271 9.2).
pub fn encode_updates(update: Update, peering: Peering) -> Result<Vec<Vec<u8>>, EncodeError> {
    let mut frames = Vec::new();
    let mut waiting = vec![update];
    while let Some(next) = waiting.pop() {
        match Message::Update(next.clone()).encode(peering) {
            Ok(frame) => frames.push(frame),
            Err(EncodeError::TooLong) => waiting.extend(halves(next)),
            Err(error) => return Err(error),
        }
    }
    Ok(frames)
}

/// Splits an UPDATE in two, second half first: withdrawals from announcements, then family from family, then by count.
/// A single route becomes its withdrawal.
fn halves(mut update: Update) -> Vec<Update> {
    let mut second = Update { attributes: update.attributes.clone(), ..Update::default() };
    if !update.withdrawn.is_empty() && !update.reachable.is_empty() {
        second.reachable = std::mem::take(&mut update.reachable);
    } else if update.reachable.len() > 1 {
        second.reachable = update.reachable.split_off(1);
    } else if let Some(only) = update.reachable.first_mut() {
        let prefixes = only.prefixes.split_off(only.prefixes.len() / 2);
        if only.prefixes.is_empty() {
            return vec![Update { withdrawn: prefixes, ..Update::default() }];
        }
        second.reachable.push(Reachable { next_hop: only.next_hop, prefixes });
    } else {
        second.withdrawn = update.withdrawn.split_off(update.withdrawn.len() / 2);
    }
    vec![second, update]
}
