//! One line: prefix, command, parameters (RFC 2812, section 2.3.1).

use std::fmt;

/// Longest line in bytes, CR LF included (RFC 2812, section 2.3).
pub const LINE_MAX: usize = 512;

/// Most parameters of a message; what follows belongs to the last (RFC 2812, section 2.3).
const PARAMS_MAX: usize = 15;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who it comes from: a server, or `nick!user@host`. Clients leave it out.
    pub prefix: Option<String>,
    /// The command in upper case, or three digits.
    pub command: String,
    /// The parameters; only the last may be empty, hold spaces or start with a colon.
    pub params: Vec<String>,
}

impl Message {
    /// A message without prefix.
    pub fn new(command: &str, params: &[&str]) -> Self {
        let params = params.iter().map(|param| (*param).to_owned()).collect();
        Self { prefix: None, command: command.to_owned(), params }
    }

    /// The same message from `prefix`.
    pub fn from(self, prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_owned()), ..self }
    }

    /// Reads a line without its end. `None` when it holds no command. What is not UTF-8 is replaced.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let mut rest = line.trim_matches([' ', '\r', '\n']);
        let prefix = rest.strip_prefix(':').map(|after| {
            let (prefix, after) = word(after);
            rest = after;
            prefix.to_owned()
        });
        let (command, rest) = word(rest);
        if command.is_empty() {
            return None;
        }
        Some(Self { prefix, command: command.to_ascii_uppercase(), params: params(rest) })
    }

    /// The n-th parameter, counted from 0.
    pub fn param(&self, n: usize) -> Option<&str> {
        self.params.get(n).map(String::as_str)
    }

    /// The nickname in the prefix, or the server's name.
    pub fn sender(&self) -> &str {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        prefix.split_once('!').map_or(prefix, |(nick, _)| nick)
    }

    /// The line with its end, cut to [`LINE_MAX`].
    pub fn to_line(&self) -> String {
        let mut line = self.to_string();
        // Line ends and NUL inside a parameter would start another message.
        line.retain(|c| !matches!(c, '\r' | '\n' | '\0'));
        line.truncate(line.floor_char_boundary(LINE_MAX - 2));
        line.push_str("\r\n");
        line
    }
}

/// The first word and what follows its spaces.
fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start_matches(' ')))
}

fn params(mut rest: &str) -> Vec<String> {
    let mut params = Vec::new();
    while !rest.is_empty() {
        if let Some(trailing) = rest.strip_prefix(':') {
            params.push(trailing.to_owned());
            break;
        }
        if params.len() == PARAMS_MAX - 1 {
            params.push(rest.to_owned());
            break;
        }
        let (param, after) = word(rest);
        params.push(param.to_owned());
        rest = after;
    }
    params
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(prefix) = &self.prefix {
            write!(f, ":{prefix} ")?;
        }
        f.write_str(&self.command)?;
        let Some((last, middle)) = self.params.split_last() else { return Ok(()) };
        for param in middle {
            write!(f, " {param}")?;
        }
        let needs_colon = last.is_empty() || last.starts_with(':') || last.contains(' ');
        write!(f, " {}{last}", if needs_colon { ":" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parses() {
        let table: [(&str, Option<&str>, &str, &[&str]); 8] = [
            ("PING", None, "PING", &[]),
            ("nick ada", None, "NICK", &["ada"]),
            ("USER ada 0 * :Ada Lovelace", None, "USER", &["ada", "0", "*", "Ada Lovelace"]),
            (":ada!a@h PRIVMSG #war :hello : there", Some("ada!a@h"), "PRIVMSG", &["#war", "hello : there"]),
            ("TOPIC #war :", None, "TOPIC", &["#war", ""]),
            ("JOIN   #a,#b   key", None, "JOIN", &["#a,#b", "key"]),
            (
                "X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
                None,
                "X",
                &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15 16"],
            ),
            ("PASS ::colon", None, "PASS", &[":colon"]),
        ];
        for (line, prefix, command, params) in table {
            let message = Message::parse(line.as_bytes()).unwrap();
            assert_eq!(message.prefix.as_deref(), prefix, "{line}");
            assert_eq!(
                (message.command.as_str(), message.params),
                (command, Message::new("", params).params),
                "{line}"
            );
        }
        for nothing in ["", "   ", ":", ":prefix", ":prefix   ", "\r\n"] {
            assert_eq!(Message::parse(nothing.as_bytes()), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_line_is_one_line_of_limited_length() {
        let line = Message::new("PRIVMSG", &["#war", &"ä\r\nQUIT".repeat(200)]).to_line();
        assert!(line.len() <= LINE_MAX && line.ends_with("\r\n"));
        assert_eq!(line.matches(['\r', '\n']).count(), 2);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Some(message) = Message::parse(&bytes) {
                prop_assert!(message.to_line().len() <= LINE_MAX);
            }
        }

        #[test]
        fn what_is_written_reads_back(
            prefix in proptest::option::of("[a-z]{1,9}![a-z]{1,9}@[a-z.]{1,9}"),
            command in "[A-Z]{1,9}|[0-9]{3}",
            middle in proptest::collection::vec("[a-z#&*+,][a-z:#]{0,9}", 0..13),
            last in "[ -~]{0,40}",
        ) {
            let mut params = middle;
            params.push(last.trim_end().to_owned());
            let message = Message { prefix, command, params };
            prop_assert_eq!(Message::parse(message.to_line().as_bytes()), Some(message));
        }
    }
}
