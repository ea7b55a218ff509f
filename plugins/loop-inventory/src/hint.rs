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

/// The hint for a Rust loop or chain, by the methods of what it iterates over and where that begins.
pub(crate) fn rust(methods: &[&str], is_range: bool) -> &'static str {
    let calls = |is_it: &dyn Fn(&str) -> bool| methods.iter().any(|name| is_it(name));
    if calls(&|name| name.starts_with("par_") || name == "into_par_iter") {
        PARALLEL
    } else if is_range {
        RANGE
    } else if calls(&|name| name == "enumerate") {
        ENUMERATE
    } else if calls(&|name| name == "zip") {
        ZIP
    } else if calls(&|name| name.contains("chunks") || name == "windows") {
        BLOCKS
    } else if calls(&|name| matches!(name, "keys" | "values" | "values_mut")) {
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
        assert_eq!(rust(&["rev"], true), RANGE);
        assert_eq!(rust(&["chunks_exact"], false), BLOCKS);
        assert_eq!(rust(&["par_iter", "zip"], false), PARALLEL);
    }
}
