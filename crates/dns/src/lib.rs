//! DNS: authority, caching recursive resolver, stub, health-steered announcement.
