//! Tests that cross crates live in the files beside this folder; this library is empty on purpose.
//!
//! - `floors`: an import between crates only points down.
//! - `tidy`: style that no reviewer should have to mention twice.
