//! Where routers and automation find the sign-in service, by name or by address.

use blackstart_dns::endpoint::Endpoint;
use blackstart_dns::stub;
use blackstart_identity::account::Credentials;
use blackstart_identity::client;
use blackstart_identity::code;
use blackstart_identity::session::Session;
use blackstart_identity::wire::Identity;
use blackstart_rt as rt;
use serde::Deserialize;

use crate::event::Refusal;

/// Where the sign-in service is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Its name or address.
    pub at: Endpoint,
    /// Who resolves the name; not needed for an address.
    #[serde(default = "nobody")]
    pub resolver: stub::Config,
}

impl Config {
    /// The service at an address: no name to look up.
    pub fn at(address: std::net::SocketAddr) -> Self {
        Self { at: Endpoint::new(&address.ip().to_string(), address.port()), resolver: nobody() }
    }
}

fn nobody() -> stub::Config {
    stub::Config::new(Vec::new())
}

/// The sign-in service as seen from one host.
#[derive(Debug)]
pub struct SignIn {
    at: Endpoint,
    resolver: stub::Resolver,
}

/// A robot's account. Its code generator runs beside it, as such things do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// The account's name.
    pub account: String,
    /// Its password.
    pub password: String,
    /// The seed of its second factor.
    pub code_seed: String,
}

impl SignIn {
    /// Ready to ask; nothing is sent yet.
    pub fn new(config: Config) -> Self {
        Self { at: config.at, resolver: stub::Resolver::with_config(config.resolver) }
    }

    /// Whose session this is.
    ///
    /// # Errors
    /// [`Refusal::SessionRefused`] by the word of the service, [`Refusal::SignInUnreachable`] without one.
    pub async fn verify(&self, session: &str) -> Result<Identity, Refusal> {
        client::verify(&self.resolver, &self.at, session).await.map_err(|error| match error {
            client::Error::Refused(_) => Refusal::SessionRefused,
            _ => Refusal::SignInUnreachable,
        })
    }

    /// Signs in with the code that the account's generator shows now.
    ///
    /// # Errors
    /// As the sign-in service's client.
    pub async fn sign_in(&self, account: &Account) -> Result<Session, client::Error> {
        let typed = Credentials {
            account: account.account.clone(),
            password: account.password.clone(),
            code: code::at(&account.code_seed, rt::time::unix_now()),
        };
        client::sign_in(&self.resolver, &self.at, typed).await
    }
}
