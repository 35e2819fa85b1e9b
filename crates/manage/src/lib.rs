//! Network management: router configuration, consoles, change audit, capacity automation.
