//! Nicknames and channel names: what is allowed and which are the same.
//!
//! Case folds as in ASCII, and the server says so (`CASEMAPPING=ascii`); RFC 1459's Scandinavian brackets are
//! history.

/// Longest nickname in bytes. RFC 2812 says 9; everyday servers allow more and announce it.
pub const NICK_MAX: usize = 30;

/// Longest channel name in bytes (RFC 2812, section 1.3).
pub const CHANNEL_MAX: usize = 50;

/// The form under which two spellings of one name are equal.
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Whether this may be a nickname (RFC 2812, section 2.3.1: `nickname`).
pub fn is_nick(name: &str) -> bool {
    let special = |c: char| "[]\\`_^{|}".contains(c);
    let first = |c: char| c.is_ascii_alphabetic() || special(c);
    name.len() <= NICK_MAX
        && name.starts_with(first)
        && name.chars().all(|c| first(c) || c.is_ascii_digit() || c == '-')
}

/// Whether this may be a channel's name (RFC 2812, section 1.3). `#` and `&` channels are alike on a single
/// server.
pub fn is_channel(name: &str) -> bool {
    let forbidden = |c: char| c.is_ascii_control() || matches!(c, ' ' | ',' | ':');
    (2..=CHANNEL_MAX).contains(&name.len()) && looks_like_channel(name) && !name.contains(forbidden)
}

/// Whether a target means a channel rather than a nickname.
pub fn looks_like_channel(name: &str) -> bool {
    name.starts_with(['#', '&'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names() {
        for good in ["ada", "A1-b", "[x]", "_", &"a".repeat(30)] {
            assert!(is_nick(good), "{good}");
        }
        for bad in ["", "1ada", "-a", "a b", "#a", "ä", "a!b", "a@b", &"a".repeat(31)] {
            assert!(!is_nick(bad), "{bad}");
        }
        for good in ["#war", "&x", "#ä", &format!("#{}", "c".repeat(49))] {
            assert!(is_channel(good), "{good}");
        }
        for bad in ["", "#", "war", "#a b", "#a,b", "#a:b", "#\u{7}", &format!("#{}", "c".repeat(50))] {
            assert!(!is_channel(bad), "{bad}");
        }
    }
}
