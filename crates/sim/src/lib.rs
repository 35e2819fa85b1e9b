//! The deterministic engine: executor, clock, draws, smoltcp hosts, fabric, power, records.
