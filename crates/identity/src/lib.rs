//! Sign-in: accounts, second factor, sessions, verification.
