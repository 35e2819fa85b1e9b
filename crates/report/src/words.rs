//! Lists and counts in words.

use std::fmt::Write;

/// As many items as fit into `room` columns: `a, b, c and 5 more`. The first always stands.
pub(crate) fn list(items: &[&str], room: usize) -> String {
    let whole = items.join(", ");
    if whole.chars().count() <= room {
        return whole;
    }
    let mut kept = items.len().saturating_sub(1).max(1);
    while kept > 1 && shortened(items, kept).chars().count() > room {
        kept -= 1;
    }
    shortened(items, kept)
}

fn shortened(items: &[&str], kept: usize) -> String {
    match items.len() - kept {
        0 => items.join(", "),
        rest => format!("{} and {rest} more", items[..kept].join(", ")),
    }
}

/// `1 port`, `16 ports`, `2 addresses`.
pub(crate) fn counted(n: usize, thing: &str) -> String {
    let plural = match thing {
        _ if n == 1 => String::new(),
        thing if thing.ends_with('x') => "es".to_owned(),
        thing if thing.ends_with('y') => return format!("{n} {}ies", &thing[..thing.len() - 1]),
        _ => "s".to_owned(),
    };
    format!("{n} {thing}{plural}")
}

/// `text` broken into lines of at most `columns`, at spaces; a word that is longer stands alone.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines
            .last_mut()
            .filter(|line| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= columns);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                let _infallible = write!(line, " {word}");
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// At most `columns` characters; what is cut off leaves an ellipsis.
pub(crate) fn clipped(text: &str, columns: usize) -> String {
    match text.char_indices().nth(columns) {
        None => text.to_owned(),
        Some(_) => text.chars().take(columns.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_say_what_they_leave_out() {
        let items = ["scl-bb1", "scl-bb2", "prn-bb1", "prn-bb2"];
        let cases = [
            (100, "scl-bb1, scl-bb2, prn-bb1, prn-bb2"),
            (34, "scl-bb1, scl-bb2, prn-bb1, prn-bb2"),
            (33, "scl-bb1, scl-bb2 and 2 more"),
            (20, "scl-bb1 and 3 more"),
            (0, "scl-bb1 and 3 more"),
        ];
        for (room, expected) in cases {
            assert_eq!(list(&items, room), expected, "{room}");
        }
        assert_eq!(list(&["one that is long"], 3), "one that is long");
        assert_eq!(list(&[], 3), "");
    }

    #[test]
    fn counts() {
        let cases = [
            (0, "port", "0 ports"),
            (1, "port", "1 port"),
            (2, "adjacency", "2 adjacencies"),
            (1, "adjacency", "1 adjacency"),
        ];
        for (n, thing, expected) in cases {
            assert_eq!(counted(n, thing), expected);
        }
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrapped("a bb ccc dddddddd e", 6), ["a bb", "ccc", "dddddddd", "e"]);
        assert_eq!(wrapped("", 6), [""]);
    }

    #[test]
    fn clips_count_characters() {
        assert_eq!(clipped("Luleå", 5), "Luleå");
        assert_eq!(clipped("Luleås", 5), "Lule…");
    }
}
