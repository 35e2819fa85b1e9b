//! The question to the sign-in service: whose token is this?
//!
//! Chat stands beside `identity`, not above it, so it speaks that service's protocol instead of importing it:
//! JSON lines over TCP, of which it needs one request and three answers.
//!
//! ```text
//! > {"verify":{"token":"9f…"}}
//! < {"verified":{"account":"ada","groups":["noc"],"expires-unix-s":1633392000}}
//! < {"refused":{"reason":"expired"}}
//! < {"error":{"text":"…"}}
//! ```

use std::io;
use std::time::Duration;

use blackstart_dns::endpoint::Endpoint;
use blackstart_dns::stub::Resolver;
use blackstart_rt as rt;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::event::LoginRefusal;

/// How long the service may take to accept the connection, and again to answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer in bytes.
const ANSWER_MAX: u64 = 4096;

/// Where the sign-in service is and who knows its name.
#[derive(Debug)]
pub struct SignIn {
    /// Resolves the service's name.
    pub resolver: Resolver,
    /// The service.
    pub service: Endpoint,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Request<'a> {
    Verify { token: &'a str },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Verified { account: String },
    Refused { reason: String },
    Error { text: String },
}

impl SignIn {
    /// Whose token this is.
    ///
    /// # Errors
    /// [`LoginRefusal::BadToken`] when the service says no, [`LoginRefusal::SignInUnreachable`] when it says
    /// nothing.
    pub async fn verify(&self, token: &str) -> Result<String, LoginRefusal> {
        judge(self.ask(token).await.map_err(LoginRefusal::SignInUnreachable)?)
    }

    async fn ask(&self, token: &str) -> Result<Answer, String> {
        let connected = self.service.connect(&self.resolver, TIMEOUT).await;
        let stream = BufReader::new(connected.map_err(|error| error.to_string())?);
        let asked = rt::time::timeout(TIMEOUT, exchange(stream, token)).await;
        asked.map_err(|_late| "no answer in time".to_owned())?.map_err(|error| error.to_string())
    }
}

async fn exchange(mut stream: BufReader<rt::net::TcpStream>, token: &str) -> io::Result<Answer> {
    let mut line = serde_json::to_vec(&Request::Verify { token })?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    line.clear();
    stream.take(ANSWER_MAX).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}

fn judge(answer: Answer) -> Result<String, LoginRefusal> {
    match answer {
        Answer::Verified { account } => Ok(account),
        Answer::Refused { reason } => Err(LoginRefusal::BadToken(reason)),
        Answer::Error { text } => Err(LoginRefusal::SignInUnreachable(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_the_documented_protocol() {
        let request = serde_json::to_string(&Request::Verify { token: "9f" }).unwrap();
        assert_eq!(request, r#"{"verify":{"token":"9f"}}"#);
        let table = [
            (r#"{"verified":{"account":"ada","groups":["noc"],"expires-unix-s":7}}"#, Ok("ada".to_owned())),
            (r#"{"refused":{"reason":"expired"}}"#, Err(LoginRefusal::BadToken("expired".to_owned()))),
            (r#"{"error":{"text":"disk"}}"#, Err(LoginRefusal::SignInUnreachable("disk".to_owned()))),
        ];
        for (line, expected) in table {
            assert_eq!(judge(serde_json::from_str(line).unwrap()), expected, "{line}");
        }
    }
}
