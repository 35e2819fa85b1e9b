//! All that a service may touch: net, time, task, rand, disk, emit, fib, link.
