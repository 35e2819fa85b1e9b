//! The question to the sign-in service: whose token is this?

use blackstart_dns::endpoint::Endpoint;
use blackstart_dns::stub::Resolver;
use blackstart_identity::client::{self, Error};

use crate::event::LoginRefusal;

/// Where the sign-in service is and who knows its name.
#[derive(Debug)]
pub struct SignIn {
    /// Resolves the service's name.
    pub resolver: Resolver,
    /// The service.
    pub service: Endpoint,
}

impl SignIn {
    /// Whose token this is.
    ///
    /// # Errors
    /// [`LoginRefusal::BadToken`] when the service says no, [`LoginRefusal::SignInUnreachable`] when it says
    /// nothing.
    pub async fn verify(&self, token: &str) -> Result<String, LoginRefusal> {
        match client::verify(&self.resolver, &self.service, token).await {
            Ok(identity) => Ok(identity.account),
            Err(Error::Refused(why)) => Err(LoginRefusal::BadToken(why.to_string())),
            Err(error) => Err(LoginRefusal::SignInUnreachable(error.to_string())),
        }
    }
}
