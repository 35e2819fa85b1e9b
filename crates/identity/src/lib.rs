//! Sign-in: accounts, second factor, sessions, verification.
//!
//! One service on TCP that turns an account, a password and a code into a session token, and tells other
//! services whose token it is. Chat and remote consoles ask it; when it cannot be reached, nobody new gets in
//! anywhere, which is why the consoles also keep a few local accounts (`local`) that need no network.
//!
//! | module | what lives there |
//! |---|---|
//! | [`server`] | the service: listens, answers, persists. Start here |
//! | [`client`] | `sign_in` and `verify`, with typed errors |
//! | [`local`] | the break-glass check of a console without a network |
//! | [`account`] | accounts and the pure check with its attempt limit, used by both of the above |
//! | [`code`] | a second factor that needs a clock |
//! | [`push`] | a second factor that needs a network: a question to a phone |
//! | [`certificate`] | what a service shows, valid from a time to a time |
//! | [`moment`] | a moment of history, as files say it |
//! | [`session`] | the table of sessions and its form on the disk |
//! | [`wire`] | JSON lines: requests and answers |
//! | [`event`] | what is recorded |

pub mod account;
pub mod certificate;
pub mod client;
pub mod code;
pub mod event;
pub mod local;
pub mod moment;
pub mod push;
pub mod server;
pub mod session;
pub mod wire;

pub use event::Event;
