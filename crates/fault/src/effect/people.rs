//! What people do wrong, and what they look for in vain.

use crate::kind::Kind;
use crate::layers::Refusal;
use blackstart_world::{Event, Lapse, World};

/// Who holds what was mislaid: nobody that can be asked.
const NOBODY: &str = "nobody";
/// What lies in an envelope that nobody renewed.
const OLD_SECRET: &str = "the-one-before";

/// All lapses of a person.
pub(crate) fn lapses(world: &World, person: &str, layers: &[Kind]) {
    let lapse = |layer: &Kind| match layer {
        Kind::PersonAway { .. } => Some(Lapse::Away),
        Kind::PersonSlow { factor, .. } => Some(Lapse::Slow(*factor)),
        Kind::PersonSkips { .. } => Some(Lapse::Skips),
        Kind::PersonMisreads { .. } => Some(Lapse::Misreads),
        Kind::PersonWrongHost { .. } => Some(Lapse::WrongHost),
        _ => None,
    };
    world.set_lapses(person, layers.iter().filter_map(lapse).collect());
}

/// The envelope holds the secret from before the last change.
pub(crate) fn secret(world: &World, account: &str, stale: bool) {
    world.set_secret(account, stale.then_some(OLD_SECRET));
}

/// Nobody finds an item; says who had it.
pub(crate) fn lose(world: &World, item: &str) -> Result<String, Refusal> {
    let holder = world.with_state(|state| {
        let mut held = state.physical.held.iter();
        held.find(|(_, items)| items.contains(item)).map(|(person, _)| person.clone())
    });
    let holder = holder.ok_or_else(|| Refusal::Unknown(format!("{item} in anybody's hands")))?;
    take(world, item, NOBODY, &holder);
    Ok(holder)
}

/// It turns up again.
pub(crate) fn find(world: &World, item: &str, holder: &str) {
    take(world, item, holder, NOBODY);
}

fn take(world: &World, item: &str, person: &str, from: &str) {
    let (person, item, from) = (person.to_owned(), item.to_owned(), Some(from.to_owned()));
    world.emit(&Event::Took { person, item, from });
}
