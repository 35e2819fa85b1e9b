//! Names: what resolvers say about them, against every zone file of the scenario.

use crate::facts::Facts;
use blackstart_dns::message::Rcode;
use blackstart_dns::{Event, Name};
use blackstart_fault::Kind;
use blackstart_rt::{Map, Set};
use std::net::IpAddr;

/// What the zones say, looked up once for each name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    addresses: Map<String, Set<IpAddr>>,
    /// Names that a fault changed in a zone. What is said of them is the zone's mistake, not a resolver's.
    mistyped: Set<Name>,
}

impl Names {
    pub(crate) fn fault(&mut self, kind: &Kind) {
        if let Kind::NameGone { name, .. } | Kind::NameWrong { name, .. } = kind
            && let Ok(mut name) = Name::from_ascii(name)
        {
            name.set_fqdn(true);
            self.mistyped.insert(name);
        }
    }

    fn is_mistyped(&self, facts: &Facts, name: &str) -> bool {
        !self.mistyped.is_empty() && facts.chain(name).iter().any(|name| self.mistyped.contains(name))
    }

    /// An address that no zone ever had for the name.
    pub(crate) fn foreign_address(&mut self, facts: &Facts, event: &Event) -> Option<String> {
        let Event::Addresses { name, addresses } = event else { return None };
        if !self.addresses.contains_key(name) {
            self.addresses.insert(name.clone(), facts.addresses_of(name));
        }
        let known = self.addresses.get(name)?;
        let foreign = addresses.iter().find(|address| !known.contains(address))?;
        if self.is_mistyped(facts, name) {
            return None;
        }
        Some(format!("said that {name} is {foreign}"))
    }

    /// A name that exists, and was denied.
    pub(crate) fn denied(&self, facts: &Facts, event: &Event) -> Option<String> {
        match event {
            Event::Outcome { name, rcode: Rcode::NxDomain }
                if facts.exists(name) && !self.is_mistyped(facts, name) =>
            {
                Some(format!("said that there is no {name}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blackstart_dns::zone::Zone;
    use std::sync::Arc;

    const ZONE: &str = "$TTL 60\n@ IN SOA ns1 admin 1 60 60 60 60\n@ IN NS ns1\nns1 IN A 192.0.2.1\nwww IN CNAME web\nweb IN A 192.0.2.2\n";

    fn facts() -> Facts {
        let origin = Name::from_ascii("shop.test.").expect("a name");
        let zone = Zone::parse(ZONE, &origin).expect("a zone");
        Facts { zones: Arc::new([("shop".to_owned(), zone)].into()), ..Facts::default() }
    }

    #[test]
    fn only_addresses_of_the_zone_may_be_said() {
        let told = |name: &str, last: u8| Event::Addresses {
            name: name.into(),
            addresses: vec![[192, 0, 2, last].into()],
        };
        let saw = |event: &Event| Names::default().foreign_address(&facts(), event);
        assert_eq!(saw(&told("web.shop.test.", 2)), None);
        assert_eq!(saw(&told("www.shop.test.", 2)), None, "through the alias");
        assert_eq!(saw(&told("www.shop.test.", 1)).as_deref(), Some("said that www.shop.test. is 192.0.2.1"));
        assert_eq!(
            saw(&told("mail.shop.test.", 2)).as_deref(),
            Some("said that mail.shop.test. is 192.0.2.2")
        );
    }

    #[test]
    fn a_mistake_in_the_zone_is_not_the_resolvers() {
        let mut names = Names::default();
        names.fault(&Kind::NameWrong { service: "names".into(), name: "web.shop.test".into() });
        let told = Event::Addresses { name: "www.shop.test.".into(), addresses: vec![[192, 0, 2, 9].into()] };
        assert_eq!(names.foreign_address(&facts(), &told), None);
        let denied = Event::Outcome { name: "web.shop.test.".into(), rcode: Rcode::NxDomain };
        assert_eq!(names.denied(&facts(), &denied), None);
    }

    #[test]
    fn only_names_that_are_not_there_may_be_denied() {
        let saw = |name: &str, rcode| {
            Names::default().denied(&facts(), &Event::Outcome { name: name.into(), rcode })
        };
        assert_eq!(
            saw("www.shop.test.", Rcode::NxDomain).as_deref(),
            Some("said that there is no www.shop.test.")
        );
        assert_eq!(saw("mail.shop.test.", Rcode::NxDomain), None);
        assert_eq!(saw("www.shop.test.", Rcode::ServFail), None);
    }
}
