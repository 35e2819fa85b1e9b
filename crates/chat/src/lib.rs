//! Internal chat: an IRC server and its client.
