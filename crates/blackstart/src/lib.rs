//! The front doors: library facade and command line.
