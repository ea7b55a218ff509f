//! What seems to drive a loop, in the words that inventories of this kind have used before.
//!
//! A heuristic on the header, for people who look through a long list. Nothing is decided by it.

pub(crate) const RANGE: &str = "range-based (likely hot if large N)";
pub(crate) const ENUMERATE: &str = "enumerate (check underlying collection size)";
pub(crate) const ZIP: &str = "zip (parallel iteration)";
pub(crate) const DICT: &str = "dict iteration (usually small)";
pub(crate) const UNKNOWN: &str = "unknown iterable";
pub(crate) const WHILE: &str = "while loop (typically hard to vectorize)";
pub(crate) const ENDLESS: &str = "endless loop (ends by break or return)";
pub(crate) const POINTERS: &str = "pointer chase (typically hard to vectorize)";
pub(crate) const ONCE: &str = "runs once";
pub(crate) const PARALLEL: &str = "parallel iterator (runs on several threads)";
pub(crate) const BLOCKS: &str = "blocks of a slice (likely hot if large N)";

/// The hint for what a Python loop iterates over.
pub(crate) fn python(iterable: &str) -> &'static str {
    // `arange`, `trange` and `prange` are ranges too.
    if calls(iterable, |name| name.ends_with("range")) {
        RANGE
    } else if calls(iterable, |name| name == "enumerate") {
        ENUMERATE
    } else if calls(iterable, |name| name.starts_with("zip")) {
        ZIP
    } else if [".items()", ".keys()", ".values()"].iter().any(|call| iterable.contains(call)) {
        DICT
    } else {
        UNKNOWN
    }
}

/// The hint for what a Rust loop or chain iterates over.
pub(crate) fn rust(iterable: &str) -> &'static str {
    if calls(iterable, |name| name.starts_with("par_") || name == "into_par_iter") {
        PARALLEL
    } else if iterable.contains("..") && !iterable.contains("(..)") {
        RANGE
    } else if calls(iterable, |name| name == "enumerate") {
        ENUMERATE
    } else if calls(iterable, |name| name == "zip") {
        ZIP
    } else if calls(iterable, |name| name.contains("chunks") || name == "windows") {
        BLOCKS
    } else if calls(iterable, |name| matches!(name, "keys" | "values" | "values_mut")) {
        DICT
    } else {
        UNKNOWN
    }
}

/// Whether a function or method of such a name is called.
fn calls(code: &str, is_it: impl Fn(&str) -> bool) -> bool {
    code.match_indices('(').any(|(at, _)| {
        let before = &code[..at];
        let name = before.rfind(|c: char| !c.is_alphanumeric() && c != '_');
        let begin = name.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        is_it(&before[begin..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_only_looks_like_a_call_is_none() {
        assert_eq!(python("range(n)"), RANGE);
        assert_eq!(python("reversed(range(3))"), RANGE);
        assert_eq!(python("np.arange(n)"), RANGE);
        assert_eq!(python("arranged"), UNKNOWN);
        assert_eq!(python("enumerate(f, 1)"), ENUMERATE);
        assert_eq!(python("zip_longest(a, b)"), ZIP);
        assert_eq!(python("header.items()"), DICT);
        assert_eq!(python("items"), UNKNOWN);
        assert_eq!(rust("0..n"), RANGE);
        assert_eq!(rust("rows.chunks_exact(4)"), BLOCKS);
        assert_eq!(rust("rows.par_iter().map(|row| ..)"), PARALLEL);
    }
}
