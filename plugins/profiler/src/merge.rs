//! Functions that become one once their names are short: [`Merge`].
//!
//! Two instantiations of a generic function have one source; two functions of one short name may not. They are
//! one row of the ranking only with the same object, source file and first line. The first line of a function
//! that was only seen inlined is unknown: then its path decides, and a name without a path stays apart. Made by
//! the symboliser, once; pure.

use std::collections::{BTreeSet, HashMap};

use profile_model::{Function, origin};

use crate::short_name::short_name;

/// Object, source file and short name.
type Place<'a> = (&'a str, &'a str, &'a str);

/// The functions with short names, and which one each of the old ones became.
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) functions: Vec<Function>,
    /// By the old index.
    pub(crate) becomes: Vec<u32>,
}

impl Merge {
    /// Merges; `files` holds the source file of each function, empty where it is not known.
    pub(crate) fn of(functions: &[Function], files: &[String]) -> Self {
        let short: Vec<String> = functions.iter().map(|function| short_name(&function.name)).collect();
        let place = |id: usize| -> Place<'_> { (&functions[id].module, &files[id], &short[id]) };
        let mut known: HashMap<Place<'_>, BTreeSet<u32>> = HashMap::new();
        for (id, function) in functions.iter().enumerate() {
            known.entry(place(id)).or_default().extend(function.first_line);
        }
        let mut merged = Self { functions: Vec::new(), becomes: Vec::with_capacity(functions.len()) };
        let mut ids: HashMap<(Place<'_>, Option<u32>, &str), u32> = HashMap::new();
        for (id, function) in functions.iter().enumerate() {
            let has_path = !origin::crate_of(&short[id]).is_empty();
            // Seen inlined only, while others of its path, file and object all begin in one line.
            let lines = &known[&place(id)];
            let sole = lines.first().copied().filter(|_| has_path && lines.len() == 1);
            let first_line = function.first_line.or(sole);
            let apart = if has_path || first_line.is_some() { "" } else { function.name.as_str() };
            let new = *ids.entry((place(id), first_line, apart)).or_insert_with(|| {
                merged.functions.push(Function { name: short[id].clone(), first_line, ..function.clone() });
                merged.functions.len() as u32 - 1
            });
            merged.becomes.push(new);
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use profile_model::Kind;

    fn merged(functions: &[(&str, &str, Option<u32>)]) -> Merge {
        let (functions, files): (Vec<_>, Vec<_>) = functions
            .iter()
            .map(|(name, file, first_line)| {
                let (name, module) = ((*name).to_owned(), "libk.so".to_owned());
                let function =
                    Function { name, module, kind: Kind::Kernel, first_line: *first_line, calls: None };
                (function, (*file).to_owned())
            })
            .unzip();
        Merge::of(&functions, &files)
    }

    #[test]
    fn instantiations_with_one_first_line_are_one_function() {
        let merge = merged(&[
            ("k::fold<a::B>", "k.rs", Some(7)),
            ("k::other", "k.rs", Some(90)),
            ("k::fold<c::D>", "k.rs", Some(7)),
        ]);
        assert_eq!(merge.becomes, [0, 1, 0]);
        assert_eq!(merge.functions[0].name, "k::fold");
        assert_eq!(merge.functions[0].first_line, Some(7));
    }

    #[test]
    fn another_file_or_another_first_line_is_another_function() {
        let merge = merged(&[
            ("k::new<a::B>", "k.rs", Some(7)),
            ("k::new<c::D>", "k.rs", Some(8)),
            ("k::new<e::F>", "l.rs", Some(7)),
        ]);
        assert_eq!(merge.becomes, [0, 1, 2]);
    }

    #[test]
    fn an_inlined_function_joins_the_only_one_of_its_path_and_file() {
        let merge = merged(&[
            ("k::fold<a::B>", "k.rs", None),
            ("k::fold<c::D>", "k.rs", Some(7)),
            ("k::fold<e::F>", "k.rs", None),
        ]);
        assert_eq!(merge.becomes, [0, 0, 0]);
        assert_eq!(merge.functions[0].first_line, Some(7));
        let merge = merged(&[
            ("k::fold<a::B>", "k.rs", None),
            ("k::fold<c::D>", "k.rs", Some(7)),
            ("k::fold<e::F>", "k.rs", Some(9)),
            ("k::fold<g::H>", "k.rs", None),
        ]);
        assert_eq!(merge.becomes, [0, 1, 2, 0], "whose instantiation it is cannot be told");
    }

    #[test]
    fn inlined_functions_without_a_path_stay_apart() {
        let merge = merged(&[("next<a::B>", "iter.rs", None), ("next<c::D>", "iter.rs", None)]);
        assert_eq!(merge.becomes, [0, 1]);
        assert!(merge.functions.iter().all(|function| function.name == "next"));
    }
}
