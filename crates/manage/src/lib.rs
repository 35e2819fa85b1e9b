//! Network management: router configuration, consoles, change audit, capacity automation.
//!
//! What brought the backbone down on 4 October 2021 and what brought it back: a command that shut its ports, the
//! audit that should have stopped it, and the command lines of routers, of which only the serial console works
//! when the network is gone.
//!
//! | module | what lives there |
//! |---|---|
//! | [`router`] | a router's management plane: command line in-band and at the console. Start here |
//! | [`configuration`] | running, last good, saved, and waiting configurations |
//! | [`client`] | the typed client of that command line |
//! | [`console_server`] | passes a router's serial console on to the network |
//! | [`audit`] | judges what automation intends to do; has a bug when told so |
//! | [`capacity`] | the backbone-capacity controller: one order, repeated until held |
//! | [`store`] | the configuration store: staged pushes with a canary, and freezes |
//! | [`sign_in`] | where routers and automation find the sign-in service |
//! | [`tool`] | documents, calls, a wiki behind the company's sign-in, with sessions of their own |
//! | [`vpn`] | a gateway into the company's network, and the caller's end of a tunnel |
//! | [`alert`] | looks at a page, and pages people through the chat when it fails |
//! | [`event`] | what is recorded |
//! | `lines` | lines of text over a byte stream, which every conversation here consists of |

pub mod alert;
pub mod audit;
pub mod capacity;
pub mod client;
pub mod configuration;
pub mod console_server;
pub mod event;
mod lines;
pub mod router;
pub mod sign_in;
pub mod store;
pub mod tool;
pub mod vpn;

pub use event::Event;
