//! Records to a terminal timeline and to JSON.
