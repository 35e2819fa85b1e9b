//! Link-state interior routing: flooding, shortest paths, overload bit.
