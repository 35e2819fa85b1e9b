//! A place for short public messages, as Twitter. `POST /post` takes `{"author": …, "text": …}`, `GET /posts`
//! answers the latest messages, newest first.

use crate::config;
use crate::event::Event;
use crate::http::{self, Request, Response, response};
use blackstart_rt as rt;
use hyper::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

const SERVICE: &str = "posts";
/// Messages kept and shown.
const KEPT_MAX: usize = 50;
const AUTHOR_CHARS_MAX: usize = 50;
const TEXT_CHARS_MAX: usize = 280;

/// A site for short messages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses to listen on.
    #[serde(default = "config::listen")]
    pub listen: Vec<SocketAddr>,
    /// Hosts served; none means all.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// A public message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// Who says it; 1 to 50 characters.
    pub author: String,
    /// What is said; 1 to 280 characters.
    pub text: String,
}

/// Takes messages until the host dies; they are not kept on disk.
///
/// # Errors
/// When an address cannot be bound.
pub async fn run(config: Config) -> io::Result<()> {
    let Config { listen, hosts } = config;
    let posts = RefCell::new(VecDeque::new());
    let handler = async move |request, _| match http::serves(&hosts, &http::host(&request)) {
        true => answer(&posts, &request),
        false => response(StatusCode::MISDIRECTED_REQUEST, "not served here\n"),
    };
    http::serve_at(SERVICE, &listen, handler).await
}

fn answer(posts: &RefCell<VecDeque<Post>>, request: &Request) -> Response {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/post") => take(&mut posts.borrow_mut(), request.body()),
        (&Method::GET, "/posts") => show(&posts.borrow()),
        _ => response(StatusCode::NOT_FOUND, "POST /post or GET /posts\n"),
    }
}

fn take(posts: &mut VecDeque<Post>, body: &[u8]) -> Response {
    let Some(post) = parse(body) else {
        return response(StatusCode::BAD_REQUEST, "expected an author and at most 280 characters of text\n");
    };
    posts.truncate(KEPT_MAX - 1);
    posts.push_front(post.clone());
    rt::emit(&Event::Posted { author: post.author, text: post.text });
    response(StatusCode::CREATED, "posted\n")
}

fn parse(body: &[u8]) -> Option<Post> {
    let post: Post = serde_json::from_slice(body).ok()?;
    let fits = |text: &str, most| (1..=most).contains(&text.chars().count());
    (fits(&post.author, AUTHOR_CHARS_MAX) && fits(&post.text, TEXT_CHARS_MAX)).then_some(post)
}

fn show(posts: &VecDeque<Post>) -> Response {
    match serde_json::to_vec(posts) {
        Ok(json) => response(StatusCode::OK, json),
        Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// Posts a message to the site `host` at `address`.
///
/// # Errors
/// See [`http::Error`]. A message that does not fit is answered with status 400.
pub async fn post(
    address: SocketAddr,
    host: &str,
    post: &Post,
    timeout: Duration,
) -> Result<Response, http::Error> {
    let json = serde_json::to_vec(post).map_err(|error| http::Error::Broken(error.to_string()))?;
    http::post(address, host, "/post", json, timeout).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_bounds() {
        let message =
            |author: &str, text: &str| serde_json::json!({ "author": author, "text": text }).to_string();
        for (body, fits) in [
            (message("whatsapp", "We’re aware that some people are experiencing issues."), true),
            (message("w", &"é".repeat(280)), true),
            (message("w", &"é".repeat(281)), false),
            (message("", "text"), false),
            (message("w", ""), false),
            ("{}".to_owned(), false),
            ("not json".to_owned(), false),
            (r#"{"author":"a","text":"b","admin":true}"#.to_owned(), false),
        ] {
            assert_eq!(parse(body.as_bytes()).is_some(), fits, "{body}");
        }
    }
}
