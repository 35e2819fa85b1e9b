//! Faults as data: kinds, schedules, injection.
