//! Internal chat: an IRC server and its client.
//!
//! The server speaks the part of RFC 1459 and RFC 2812 that everyday clients need, so that a real irssi can
//! sit in a simulated incident. Staff reach it by name; with sign-in configured, a new login needs a session
//! token that the sign-in service confirms, while whoever is connected stays.
//!
//! | module | what lives there |
//! |---|---|
//! | [`core`] | the server without I/O: lines in, lines out. Start here |
//! | [`server`] | the shell around it: sockets, pings, queues |
//! | [`client`] | what a responder's device calls: connect, join, say, receive |
//! | [`presence`] | a laptop's background connection and what it notices |
//! | [`history`] | what was said, on the server's disk |
//! | [`message`] | one line: prefix, command, parameters |
//! | [`framing`] | bytes to lines of limited length |
//! | [`names`] | nicknames and channel names |
//! | [`numeric`] | numbered replies |
//! | [`verify`] | the question to the sign-in service |
//! | [`event`] | what is recorded |

pub mod client;
pub mod core;
pub mod event;
pub mod framing;
pub mod history;
pub mod message;
pub mod names;
pub mod numeric;
pub mod presence;
pub mod server;
pub mod verify;

pub use event::Event;
pub use message::Message;
