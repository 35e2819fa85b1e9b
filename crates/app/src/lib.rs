//! HTTP applications: edge proxies, data-centre backends, admission, clients and probes.
