//! Sites, places, doors, people and wiring; signals at vantage points; invariants.
