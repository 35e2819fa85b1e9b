//! What is broken, and when it is over.

use super::{Note, Reader};
use blackstart_fault::Event;

impl Reader<'_> {
    pub(super) fn fault(&mut self, event: Event) -> Note {
        let text = match event {
            Event::Began { fault, kind } => {
                self.faults.insert(fault, kind.to_string());
                kind.to_string()
            }
            Event::Ended { fault } => format!("over: {}", self.broken(fault)),
            Event::Missed { fault, why } => format!("cannot be done: {}: {why}", self.broken(fault)),
        };
        Note::said("fault", text)
    }

    fn broken(&self, fault: u32) -> &str {
        self.faults.get(&fault).map_or("a fault", String::as_str)
    }
}
