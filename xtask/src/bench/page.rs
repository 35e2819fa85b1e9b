//! The generated part of a page of the manual. The rest is written by hand.

use super::Failure;
use crate::step::root;
use std::fs;

/// Puts `markdown` into the page, between the markers of the command that made it. The page is whole at any time.
pub(super) fn write(page: &str, command: &str, markdown: &str) -> Result<(), Failure> {
    let path = root().join(page);
    let text = replace(&fs::read_to_string(&path)?, command, markdown);
    let new = path.with_extension("md.new");
    fs::write(&new, text.ok_or(format!("{page}: no markers"))?)?;
    fs::rename(&new, &path)?;
    eprintln!("written: {page}");
    Ok(())
}

/// The text with `new` between the markers; none without markers.
fn replace(text: &str, command: &str, new: &str) -> Option<String> {
    let [begin, end] = ["begin", "end"].map(|edge| format!("<!-- {edge}: {command} -->\n"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", new.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let page = |inside: &str| format!("# Speed\n<!-- begin: it -->\n{inside}<!-- end: it -->\nby hand\n");
        assert_eq!(replace(&page("\nold\n\n"), "it", "new\n"), Some(page("\nnew\n\n")));
        assert_eq!(replace(&page(""), "it", "new"), Some(page("\nnew\n\n")));
        assert_eq!(replace(&page(""), "another", "new"), None);
    }
}
