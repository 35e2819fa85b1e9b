//! What may stand where a socket address is asked for: addresses, and text that spells one.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Something that is one or more socket addresses: as `tokio::net::ToSocketAddrs`, but for host names.
///
/// A name is refused with `InvalidInput`: on a simulated host names are resolved by that host's resolver service, over
/// the network, and not by the operating system behind the caller's back.
pub trait ToSocketAddrs: sealed::Literal {}

impl<T: sealed::Literal + ?Sized> ToSocketAddrs for T {}

mod sealed {
    use std::net::SocketAddr;

    pub trait Literal {
        type Addresses: Iterator<Item = SocketAddr>;

        fn addresses(&self) -> std::io::Result<Self::Addresses>;
    }
}

type One = std::option::IntoIter<SocketAddr>;

/// Implements [`ToSocketAddrs`] for what is exactly one address.
macro_rules! one_address {
    ($($kind:ty: $value:ident => $address:expr;)*) => {
        $(impl sealed::Literal for $kind {
            type Addresses = One;

            fn addresses(&self) -> Result<One> {
                let $value = self;
                Ok(Some($address).into_iter())
            }
        })*
    };
}

one_address! {
    SocketAddr: address => *address;
    SocketAddrV4: address => SocketAddr::V4(*address);
    SocketAddrV6: address => SocketAddr::V6(*address);
    (IpAddr, u16): pair => SocketAddr::from(*pair);
    (Ipv4Addr, u16): pair => SocketAddr::from(*pair);
    (Ipv6Addr, u16): pair => SocketAddr::from(*pair);
    (&str, u16): pair => SocketAddr::new(pair.0.parse().map_err(|_| a_name(pair.0))?, pair.1);
    (String, u16): pair => SocketAddr::new(pair.0.parse().map_err(|_| a_name(&pair.0))?, pair.1);
    str: text => text.parse().map_err(|_| a_name(text))?;
    String: text => text.parse().map_err(|_| a_name(text))?;
}

impl<'a> sealed::Literal for &'a [SocketAddr] {
    type Addresses = std::iter::Copied<std::slice::Iter<'a, SocketAddr>>;

    fn addresses(&self) -> Result<Self::Addresses> {
        Ok(self.iter().copied())
    }
}

impl<T: sealed::Literal + ?Sized> sealed::Literal for &T {
    type Addresses = T::Addresses;

    fn addresses(&self) -> Result<T::Addresses> {
        (**self).addresses()
    }
}

fn a_name(text: &str) -> Error {
    let message = format!(
        "`{text}` is not an address and a port, such as 192.0.2.1:80 or [2001:db8::1]:80; names are resolved by the \
         host's own resolver service, not by its operating system"
    );
    Error::new(ErrorKind::InvalidInput, message)
}

fn no_address() -> Error {
    Error::new(ErrorKind::InvalidInput, "an empty list of addresses")
}

/// The only or the first address.
pub(super) fn first(addresses: impl ToSocketAddrs) -> Result<SocketAddr> {
    addresses.addresses()?.next().ok_or_else(no_address)
}

/// What `attempt` gives for the first address with which it succeeds; else its last error.
pub(super) async fn first_good<T>(
    addresses: impl ToSocketAddrs,
    attempt: impl AsyncFn(SocketAddr) -> Result<T>,
) -> Result<T> {
    let mut error = None;
    for address in addresses.addresses()? {
        match attempt(address).await {
            Ok(value) => return Ok(value),
            Err(failure) => error = Some(failure),
        }
    }
    Err(error.unwrap_or_else(no_address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_that_address() {
        let v4: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let SocketAddr::V4(inner) = v4 else { panic!("{v4}") };
        assert_eq!(first(v4).unwrap(), v4);
        assert_eq!(first(inner).unwrap(), v4);
        assert_eq!(first((v4.ip(), 80)).unwrap(), v4);
        assert_eq!(first((*inner.ip(), 80)).unwrap(), v4);
        assert_eq!(first(("192.0.2.1", 80)).unwrap(), v4);
        assert_eq!(first(("192.0.2.1".to_owned(), 80)).unwrap(), v4);
        assert_eq!(first("192.0.2.1:80").unwrap(), v4);
        assert_eq!(first("192.0.2.1:80".to_owned()).unwrap(), v4);
        let borrowed = &v4;
        assert_eq!(first(borrowed).unwrap(), v4);
        assert_eq!(first(&[v4, v4][..]).unwrap(), v4);
        let v6: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
        let SocketAddr::V6(inner) = v6 else { panic!("{v6}") };
        assert_eq!(first(inner).unwrap(), v6);
        assert_eq!(first((*inner.ip(), 80)).unwrap(), v6);
        assert_eq!(first("[2001:db8::1]:80").unwrap(), v6);
        assert_eq!(first(("2001:db8::1", 80)).unwrap(), v6);
    }

    #[test]
    fn a_name_is_refused_and_told_who_resolves() {
        for name in ["db.example:80", "localhost:80", "192.0.2.1", ""] {
            let error = first(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("resolver service"), "{error}");
        }
        assert_eq!(first(("db.example", 80)).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(first(&[][..]).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
