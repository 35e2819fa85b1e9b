//! Physical access: badge readers, door controllers, the access server.
//!
//! A badge held to a reader travels reader → door controller → access server, each hop real TCP. The server
//! decides and writes the decision to its audit log before it answers; the controller, which holds the bolt,
//! decides alone only when the server is silent: by a cached list, by the door's fail mode, or not at all. A
//! mechanical key and the way out work without any of them.
//!
//! ```text
//! reader::tap ──▶ [reader] ──▶ controller ──name──▶ server ──fsync──▶ audit.log
//!                                  │  offline list, fail mode            directory
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`server`] | the access server. Start here |
//! | [`controller`] | the door controller of a site |
//! | [`reader`] | what a person does at a door, and the reader as a service |
//! | [`directory`] | who may open what, when: the pure decision |
//! | [`door`] | a controller's state and its pure decision when the server is silent |
//! | [`rules`] | nobody comes in twice, some doors want two people, some people may take others along |
//! | [`offline`] | the cached list and its age |
//! | [`audit`] | the audit log's lines |
//! | [`wire`] | JSON lines between the three |
//! | `serve` | the loop that the three share |
//! | [`event`] | what is recorded |

pub mod audit;
pub mod controller;
pub mod directory;
pub mod door;
pub mod event;
pub mod offline;
pub mod reader;
pub mod rules;
mod serve;
pub mod server;
pub mod wire;

pub use event::Event;
pub use serve::Limits;
pub use wire::Verdict;
