//! Saying something in public: a name looked up and a request sent, like everything else.

use blackstart_app::http;
use blackstart_app::posts::Post;
use blackstart_dns::stub::Resolver;
use std::net::SocketAddr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const HTTP_PORT: u16 = 80;

/// Posts `text` as `author` on the public site `host`, from the current host. The error is in the words of who tried.
///
/// # Errors
/// When the name does not resolve, or the site does not take the post.
pub async fn post(resolvers: Vec<SocketAddr>, host: &str, author: &str, text: &str) -> Result<(), String> {
    let addresses =
        Resolver::new(resolvers).lookup_ip(host).await.map_err(|error| format!("{host}: {error}"))?;
    let address = addresses.first().ok_or_else(|| format!("{host} has no address"))?;
    let at = SocketAddr::new(*address, HTTP_PORT);
    let post = Post { author: author.to_owned(), text: text.to_owned() };
    let body = serde_json::to_vec(&post).map_err(|error| error.to_string())?;
    let answer =
        http::post(at, host, "/post", body, PATIENCE).await.map_err(|error| format!("{host}: {error}"))?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(format!("{host} answered {}", answer.status())),
    }
}
