//! Causes from hand-made evidence.
