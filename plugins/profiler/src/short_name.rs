//! A function's name as people read it: [`short_name`], without the generic arguments that make it long.
//!
//! A closure's instantiation repeats the types of the whole iterator chain around it, a thousand characters for
//! one frame. What identifies a function is its path; so an argument list stays only where it is short and
//! plain (`row<f32>`). Called once for each function, after everything is named; a name that does not parse
//! stays as it is.

/// The longest argument list that is kept, in bytes.
const PLAIN: usize = 16;

/// The name without argument lists that name paths, closures or further lists. Self types stay, with their own
/// lists shortened: `<rayon::vec::Vec<a::B> as core::C>::d::<e::F>` becomes `<rayon::vec::Vec as core::C>::d`.
pub(crate) fn short_name(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    match append(&mut short, name) {
        Some(()) => short,
        None => name.to_owned(),
    }
}

/// Appends a name or a type, shortened; `None` when its brackets are no pairs.
fn append(short: &mut String, text: &str) -> Option<()> {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>']) {
        let (before, bracket) = rest.split_at(at);
        short.push_str(before);
        if let Some(after) = bracket.strip_prefix('>') {
            // The arrow of a function type is no bracket.
            before.ends_with('-').then(|| short.push('>'))?;
            rest = after;
            continue;
        }
        let end = closing(bracket)?;
        let inside = &bracket[1..end];
        rest = &bracket[end + 1..];
        if !follows_a_name(short, inside)? {
            short.push('<');
            append(short, inside)?;
            short.push('>');
        } else if is_plain(inside) {
            short.push_str(&bracket[..=end]);
        } else if short.ends_with("::") {
            short.truncate(short.len() - 2);
        }
    }
    short.push_str(rest);
    Some(())
}

/// Where the bracket that begins `text` is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    let mut last = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if last != b'-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        last = byte;
    }
    None
}

/// Whether a bracket behind `before` opens an argument list, not a self type. `None` behind C++'s `operator`,
/// where it is the operator.
fn follows_a_name(before: &str, inside: &str) -> Option<bool> {
    if let Some(path) = before.strip_suffix("::") {
        // `a::<b::C>` is a list, `a::<impl b::D for C>::e` and a path that begins with `::<` are not.
        return Some(!path.is_empty() && !inside.starts_with("impl "));
    }
    let named = |character: char| character.is_alphanumeric() || character == '_';
    if before.strip_suffix("operator").is_some_and(|before| !before.ends_with(named)) {
        return None;
    }
    Some(before.ends_with(|character| named(character) || character == '}'))
}

fn is_plain(arguments: &str) -> bool {
    arguments.len() <= PLAIN && !arguments.contains(['<', '{']) && !arguments.contains("::")
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn what_is_short_stays_as_it_is() {
        for name in [
            "nanobragg::image::row",
            "nanobragg::image::row<f32>",
            "f::<[u8; 4]>",
            "<f32>::abs",
            "<&mut a::B>::f",
            "<rayon::iter::zip::Zip<A,B> as rayon::iter::ParallelIterator>::drive_unindexed",
            "core::ops::function::impls::<impl core::ops::function::FnMut<A> for &F>::call_mut",
            "rayon_core::thread_pool::ThreadPool::install::{{closure}}",
            "a::b::{closure#0}::{closure#1}",
            "libm.so.6+0x702c0",
            "0x7f00",
            "",
        ] {
            assert_eq!(short_name(name), name);
        }
    }

    #[test]
    fn lists_of_paths_closures_and_further_lists_are_dropped() {
        for (name, short) in [
            (
                "rayon::iter::plumbing::bridge_producer_consumer::helper<rayon::slice::Chunks<f32>, a::B>",
                "rayon::iter::plumbing::bridge_producer_consumer::helper",
            ),
            ("std::panicking::catch_unwind::do_call::<&dyn core::ops::Fn<(), Output = i32>, i32>", {
                "std::panicking::catch_unwind::do_call"
            }),
            ("call_once<fn() -> std::process::ExitCode, ()>", "call_once"),
            ("helper<a::B<c::D>>::{closure#0}<e::F>::{closure#1}", "helper::{closure#0}::{closure#1}"),
            ("{closure_env#0}<a::B, fn((), ()) -> c::D<E>>", "{closure_env#0}"),
            ("fold<a_very_long_type, and_another>", "fold"),
            ("std::vector<int, std::allocator<int> >::push_back(int const&)", {
                "std::vector::push_back(int const&)"
            }),
        ] {
            assert_eq!(short_name(name), short);
        }
    }

    #[test]
    fn a_self_type_stays_with_its_own_lists_shortened() {
        assert_eq!(
            short_name("<ndarray::Parallel<ndarray::AxisChunks<A,D>> as rayon::Indexed<x::Y>>::f::<z::Z>"),
            "<ndarray::Parallel as rayon::Indexed>::f"
        );
        assert_eq!(
            short_name("core::slice::<impl core::Index<core::Range<usize>> for [T]>::index"),
            "core::slice::<impl core::Index for [T]>::index"
        );
        assert_eq!(
            short_name("<fn(a::B<c::D>) -> e::F as core::FnOnce<(a::B,)>>::call_once"),
            "<fn(a::B) -> e::F as core::FnOnce>::call_once"
        );
    }

    #[test]
    fn a_name_whose_brackets_are_no_pairs_stays_as_it_is() {
        for name in ["a<b::C", "a>b", "std::operator<< <std::char_traits<char> >(x)", "T::operator->()", "<"]
        {
            assert_eq!(short_name(name), name);
        }
        assert_eq!(short_name("my_operator<a::B>"), "my_operator", "not C++'s `operator`");
    }
}
