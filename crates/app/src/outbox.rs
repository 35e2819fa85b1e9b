//! An app's own messages: what it wrote, what it knows became of it, what it was handed.

use crate::event::{Event, MessageStep};
use crate::messages::{Answer, Exchange, Id, Message};
use std::collections::VecDeque;
use std::mem;

/// An app asks about so many of its messages; what scrolled away before shows no second tick.
const ASKED_MAX: usize = 100;

/// The messages of one device.
#[derive(Debug)]
pub(crate) struct Outbox {
    device: String,
    /// The device that all of them are for.
    to: String,
    last_number: u64,
    /// Written, and not on the server's disk as far as it knows. Until it is, nothing more is written.
    unsent: Option<Message>,
    /// Sent, and not delivered as far as it knows; oldest first.
    undelivered: VecDeque<u64>,
    /// Handed over, and the server was not told.
    owed: Vec<Id>,
}

impl Outbox {
    pub(crate) fn new(device: String, to: String) -> Self {
        let (undelivered, owed) = (VecDeque::new(), Vec::new());
        Self { device, to, last_number: 0, unsent: None, undelivered, owed }
    }

    /// Writes a message, unless one waits to be sent. Its number is the time, so that a phone that was off does not use one again.
    pub(crate) fn write(&mut self, unix_ms: u64) -> Option<Event> {
        if self.unsent.is_some() {
            return None;
        }
        self.last_number = unix_ms.max(self.last_number + 1);
        let id = Id { from: self.device.clone(), number: self.last_number };
        self.unsent = Some(Message { id, to: self.to.clone(), text: "hello".to_owned() });
        Some(own(&self.device, self.last_number, MessageStep::Written))
    }

    /// What to tell the server.
    pub(crate) fn exchange(&self) -> Exchange {
        Exchange {
            device: self.device.clone(),
            sends: self.unsent.iter().cloned().collect(),
            has: self.owed.clone(),
            asks: self.undelivered.iter().copied().collect(),
        }
    }

    /// Whether the server has yet to be told that something has come in.
    pub(crate) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Takes in the answer to the last [`Self::exchange`].
    pub(crate) fn hear(&mut self, answer: Answer) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(sent) = self.unsent.take_if(|message| answer.kept.contains(&message.id.number)) {
            if self.undelivered.len() == ASKED_MAX {
                self.undelivered.pop_front();
            }
            self.undelivered.push_back(sent.id.number);
            events.push(own(&self.device, sent.id.number, MessageStep::Sent));
        }
        let asked = mem::take(&mut self.undelivered).into_iter();
        let (delivered, still): (VecDeque<_>, _) =
            asked.partition(|number| answer.delivered.contains(number));
        events.extend(delivered.into_iter().map(|number| own(&self.device, number, MessageStep::Delivered)));
        self.undelivered = still;
        let told = mem::take(&mut self.owed);
        for Message { id, .. } in answer.handed {
            if !told.contains(&id) {
                events.push(own(&id.from, id.number, MessageStep::Arrived));
            }
            self.owed.push(id);
        }
        events
    }
}

fn own(from: &str, number: u64, step: MessageStep) -> Event {
    Event::Message { from: from.to_owned(), number, step }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MessageStep::{Arrived, Delivered, Sent, Written};

    fn steps(events: impl IntoIterator<Item = Event>) -> Vec<(u64, MessageStep)> {
        let step = |event| match event {
            Event::Message { number, step, .. } => (number, step),
            other => panic!("{other:?}"),
        };
        events.into_iter().map(step).collect()
    }

    fn outbox() -> Outbox {
        Outbox::new("ann".to_owned(), "ben".to_owned())
    }

    #[test]
    fn an_unsent_message_is_sent_again_and_no_other_is_written() {
        let mut outbox = outbox();
        assert_eq!(steps(outbox.write(70)), [(70, Written)]);
        let first = outbox.exchange();
        assert_eq!(outbox.hear(Answer::default()), []);
        assert_eq!((outbox.write(80), outbox.exchange()), (None, first));
        let kept = |number| Answer { kept: vec![number], ..Answer::default() };
        assert_eq!(steps(outbox.hear(kept(70))), [(70, Sent)]);
        assert_eq!((outbox.exchange().sends, outbox.exchange().asks), (Vec::new(), vec![70]));
        // A clock that was set back gives no number twice.
        assert_eq!(steps(outbox.write(60)), [(71, Written)]);
        let delivered = Answer { delivered: vec![70], ..Answer::default() };
        assert_eq!(steps(outbox.hear(delivered)), [(70, Delivered)]);
        assert_eq!(outbox.exchange().asks, [0; 0]);
    }

    #[test]
    fn what_is_handed_over_arrives_once_and_is_acknowledged() {
        let mut outbox = outbox();
        let id = Id { from: "ben".to_owned(), number: 7 };
        let message = Message { id: id.clone(), to: "ann".to_owned(), text: "hello".to_owned() };
        let handed = Answer { handed: vec![message], ..Answer::default() };
        assert_eq!(steps(outbox.hear(handed.clone())), [(7, Arrived)]);
        assert_eq!((outbox.owes(), outbox.exchange().has), (true, vec![id]));
        // Another answer was on its way.
        assert_eq!((outbox.hear(handed), outbox.owes()), (Vec::new(), true));
        assert_eq!((outbox.hear(Answer::default()), outbox.owes()), (Vec::new(), false));
    }
}
