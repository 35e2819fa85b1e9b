//! A tool that staff use behind the company's sign-in: documents, video calls, a wiki; inside, or a third party's.
//!
//! Whoever shows a session of the tool's own gets the page, for as long as that session holds by the clock here; nobody else is
//! asked. A new one is given for a session of the company's sign-in, which the tool asks whose that is. Both ends need it then:
//!
//! ```text
//! GET / with cookie: session=TOOL              200, or 401 when it does not hold
//! GET / with authorization: Bearer COMPANY     200 and set-cookie: session=TOOL, 403 when refused, 502 when nobody answers
//! GET / with neither                           401
//! ```
//!
//! A tool that has a certificate shows it with every answer, in the header `shows`; a browser that does not believe it by the clock
//! there shows nothing of the page.
//! Sessions are on the disk before they leave. Absent: what the tool knows of people beside that, and signing out.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use blackstart_app::http::{self, Request, Response, response};
use blackstart_identity::certificate::{self, Certificate, Invalid};
use blackstart_identity::session::{Session, Sessions};
use blackstart_rt as rt;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, SET_COOKIE};
use hyper::{Method, StatusCode};

use crate::event::Refusal;
use crate::sign_in::{self, SignIn};

const OWN: &str = "session=";
const COMPANY: &str = "Bearer ";
/// The header in which the certificate is shown.
const SHOWS: HeaderName = HeaderName::from_static("shows");
/// The file of sessions on the host's disk.
const SESSIONS_FILE: &str = "tool-sessions";

/// Configuration of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Host names served.
    pub hosts: Vec<String>,
    /// What every path of them answers.
    pub content: String,
    /// Who says whose a session of the company is.
    pub sign_in: sign_in::Config,
    /// How long a session of the tool's own holds.
    pub session: Duration,
    /// Sessions from before the run.
    pub sessions: Vec<Session>,
    /// What it shows to whoever asks.
    pub certificate: Option<Certificate>,
}

/// Serves until the host or the task dies.
///
/// # Errors
/// When the address cannot be bound or the file of sessions cannot be read or rewritten.
pub async fn run(config: Config) -> io::Result<()> {
    let listen = [config.listen];
    let tool = Tool::open(config).await?;
    http::serve_at("tool", &listen, async move |request, _| tool.answer(&request).await).await
}

struct Tool {
    config: Config,
    sign_in: SignIn,
    sessions: RefCell<Sessions>,
    tokens: RefCell<rt::rand::Stream>,
}

impl Tool {
    async fn open(config: Config) -> io::Result<Self> {
        let now = rt::time::unix_now();
        let mut sessions = Sessions::load(SESSIONS_FILE, now).await?;
        config.sessions.iter().for_each(|session| sessions.insert(session.clone()));
        let tokens = rt::rand::stream(&format!("tool/tokens@{}", now.as_nanos()));
        let sign_in = SignIn::new(config.sign_in.clone());
        Ok(Self { config, sign_in, sessions: RefCell::new(sessions), tokens: RefCell::new(tokens) })
    }

    /// The page, with what the tool shows of itself.
    async fn answer(&self, request: &Request) -> Response {
        let mut page = self.page(request).await;
        if let Some(shown) = self.config.certificate.and_then(|it| it.to_string().parse().ok()) {
            page.headers_mut().insert(SHOWS, shown);
        }
        page
    }

    async fn page(&self, request: &Request) -> Response {
        if !http::serves(&self.config.hosts, &http::host(request)) {
            return response(StatusCode::MISDIRECTED_REQUEST, "not served here\n");
        }
        if let Some(company) = shown(request, &AUTHORIZATION, COMPANY) {
            return self.let_in(company).await;
        }
        let own = shown(request, &COOKIE, OWN).unwrap_or_default();
        let found = self.sessions.borrow().verify(own, rt::time::unix_now()).map(drop);
        match found {
            Ok(()) => response(StatusCode::OK, self.config.content.clone()),
            Err(why) => response(StatusCode::UNAUTHORIZED, format!("sign in first: {why}\n")),
        }
    }

    /// Gives a session for one of the company's sign-in.
    async fn let_in(&self, company: &str) -> Response {
        let identity = match self.sign_in.verify(company).await {
            Ok(identity) => identity,
            Err(Refusal::SessionRefused) => return response(StatusCode::FORBIDDEN, "session refused\n"),
            Err(why) => return response(StatusCode::BAD_GATEWAY, format!("{why}\n")),
        };
        let session = self.drawn(identity.account);
        if let Err(error) = session.persist(SESSIONS_FILE).await {
            return response(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("cannot store the session: {error}\n"),
            );
        }
        let mut page = response(StatusCode::OK, self.config.content.clone());
        if let Ok(cookie) = format!("{OWN}{}", session.token).parse() {
            page.headers_mut().insert(SET_COOKIE, cookie);
        }
        self.sessions.borrow_mut().insert(session);
        page
    }

    fn drawn(&self, account: String) -> Session {
        let expires = rt::time::unix_now().saturating_add(self.config.session);
        let mut tokens = self.tokens.borrow_mut();
        let token = format!("{:016x}{:016x}", tokens.next_u64(), tokens.next_u64());
        Session { token, account, expires_unix_s: expires.as_secs() }
    }
}

fn shown<'r>(request: &'r Request, header: &HeaderName, prefix: &str) -> Option<&'r str> {
    request.headers().get(header)?.to_str().ok()?.strip_prefix(prefix)
}

/// What a browser shows beside its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Nothing.
    Nothing,
    /// A session of the tool's own.
    Own(String),
    /// A session of the company's sign-in.
    Company(String),
}

/// What came of asking for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// It is here; with a session to show the next time, if one was given.
    Shown(Option<String>),
    /// It asks for a sign-in.
    SignInFirst,
    /// Another status, in words.
    Refused(String),
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// What answered shows a certificate that is not believed.
    #[error("{0}")]
    Certificate(#[from] Invalid),
}

/// Asks for the front page of `host` at an address, a tool or any other site. A certificate that it shows must hold by the clock here.
///
/// # Errors
/// See [`Error`].
pub async fn open(at: SocketAddr, host: &str, pass: Pass, patience: Duration) -> Result<Page, Error> {
    let mut request = http::request(Method::GET, host, "/", "").map_err(http::Error::from)?;
    let header = match pass {
        Pass::Nothing => None,
        Pass::Own(session) => Some((COOKIE, format!("{OWN}{session}"))),
        Pass::Company(session) => Some((AUTHORIZATION, format!("{COMPANY}{session}"))),
    };
    if let Some((name, value)) = header
        && let Ok(value) = value.parse()
    {
        request.headers_mut().insert(name, value);
    }
    let page = http::send(at, request, patience).await?;
    let header = |name: HeaderName| page.headers().get(name)?.to_str().ok();
    certificate::is_shown(header(SHOWS).unwrap_or_default(), rt::time::unix_now())?;
    let given = || header(SET_COOKIE)?.strip_prefix(OWN);
    Ok(match page.status() {
        status if status.is_success() => Page::Shown(given().map(str::to_owned)),
        StatusCode::UNAUTHORIZED => Page::SignInFirst,
        status => Page::Refused(format!("{status}: {}", String::from_utf8_lossy(page.body()).trim())),
    })
}
