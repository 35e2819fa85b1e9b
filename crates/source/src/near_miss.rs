//! Which candidate a misspelt word probably meant.

/// One edit turns any shorter word into any other.
const WORD_CHARS_MIN: usize = 2;
/// Longer words are nobody's typing error; comparing them would only cost time.
const WORD_CHARS_MAX: usize = 64;

/// The candidate nearest to `word`, if one is near enough to be a typing error: at most one edit for every
/// three characters (one in a word of two), where swapping two neighbouring letters is one edit and case is free. Of equally near
/// candidates the first wins.
pub fn near_miss<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if !(WORD_CHARS_MIN..=WORD_CHARS_MAX).contains(&length) {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count() <= WORD_CHARS_MAX)
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(edits, candidate)| *edits <= edits_max(length.max(candidate.chars().count())))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn edits_max(length: usize) -> usize {
    (length / 3).max(1)
}
