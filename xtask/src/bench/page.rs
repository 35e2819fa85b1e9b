//! The generated part of `docs/src/speed.md`. The rest is written by hand.

use super::Failure;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/src/speed.md";
const BEGIN: &str = "<!-- begin: cargo xtask bench -->\n";
const END: &str = "<!-- end: cargo xtask bench -->\n";

/// Puts `markdown` into the page, which is whole at any time.
pub(super) fn write(markdown: &str) -> Result<(), Failure> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
    let text = replace(&fs::read_to_string(&page)?, markdown).ok_or(format!("{PAGE}: no markers"))?;
    let new = page.with_extension("md.new");
    fs::write(&new, text)?;
    fs::rename(&new, &page)?;
    eprintln!("written: {PAGE}");
    Ok(())
}

/// The text with `new` between the markers; none without markers.
fn replace(text: &str, new: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", new.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let page = |inside: &str| format!("# Speed\n{BEGIN}{inside}{END}by hand\n");
        assert_eq!(replace(&page("\nold\n\n"), "new\n"), Some(page("\nnew\n\n")));
        assert_eq!(replace(&page(""), "new"), Some(page("\nnew\n\n")));
        assert_eq!(replace("# Speed\n", "new"), None);
    }
}
