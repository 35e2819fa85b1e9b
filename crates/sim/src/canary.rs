//! Planted bugs: what a judge or a search must find to be believed.
//!
//! They are compiled only with the feature `canary`, which no crate turns on: tests ask for it. Then a run has the one that
//! its [`Config`](crate::Config) names, and no other run is touched. Without the feature [`is_planted`] is `false` for the
//! compiler, so that the planted code is not there at all.

/// Whether this build can have planted bugs.
pub const COMPILED_IN: bool = cfg!(feature = "canary");

/// One planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// The chat server says that a message is kept before its disk is synced, and does not sync it.
    ChatAcknowledgesBeforeSync,
    /// A resolver that could not find out once never asks again.
    ResolverKeepsServfail,
    /// A speaker keeps the routes of a neighbour that has fallen silent.
    SpeakerKeepsSilentRoutes,
    /// A door opens to anybody when the access server does not answer.
    DoorFailsOpen,
    /// People who let users in do not look at the errors.
    RampIgnoresErrors,
    /// A link that was cut carries on, and its ends are not told.
    CutLinkCarries,
}

impl Canary {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ChatAcknowledgesBeforeSync,
        Self::ResolverKeepsServfail,
        Self::SpeakerKeepsSilentRoutes,
        Self::DoorFailsOpen,
        Self::RampIgnoresErrors,
        Self::CutLinkCarries,
    ];
}

/// Whether the run that the caller is in has this bug.
#[cfg(feature = "canary")]
#[must_use]
pub fn is_planted(canary: Canary) -> bool {
    crate::world::try_with(|world| world.config.has_planted(canary)).unwrap_or(false)
}

/// Whether the run that the caller is in has this bug: not in this build.
#[cfg(not(feature = "canary"))]
#[must_use]
pub const fn is_planted(_: Canary) -> bool {
    false
}

impl crate::Config {
    /// [`is_planted`] for the engine itself.
    #[cfg(feature = "canary")]
    pub(crate) fn has_planted(&self, canary: Canary) -> bool {
        self.canary == Some(canary)
    }

    /// [`is_planted`] for the engine itself: not in this build.
    #[cfg(not(feature = "canary"))]
    #[expect(clippy::unused_self, reason = "the same call in both builds")]
    pub(crate) const fn has_planted(&self, _: Canary) -> bool {
        false
    }
}
