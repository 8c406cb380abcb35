//! Which of some known names a mistyped one probably meant.

/// Longest name in bytes that is compared; one above it was not mistyped, and comparing costs its length squared.
const NAME_BYTES_MAX: usize = 32;

/// The known name with the least edit distance to `wrong`, if the distance is at most a third of the name's length.
pub(super) fn name<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.is_empty() || wrong.len() > NAME_BYTES_MAX {
        return None;
    }
    known
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
