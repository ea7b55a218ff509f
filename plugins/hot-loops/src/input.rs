//! Reads what the step was given: [`profile`] and [`inventory`].
//!
//! All files are read through the host, so that they are in the evidence. A directory is searched for the
//! profile that says most; which one was taken is in the result.

use loop_inventory_model::Inventory;
use profile_model::Profile;
use runner_plugin::{Error, Host};

/// How deep a directory is searched.
const DEPTH: usize = 4;

/// A profile, and the file that it was read from.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) profile: Profile,
    pub(crate) path: String,
    /// What a reader should know.
    pub(crate) warnings: Vec<String>,
}

/// Reads the profile at a path: a file, or the best one in a directory.
pub(crate) fn profile(host: Host, path: &str) -> Result<Found, Error> {
    let directory = path.trim_end_matches('/');
    let candidates = if std::path::Path::new(path).is_dir() {
        let mut names = Vec::new();
        list(std::path::Path::new(directory), "", DEPTH, &mut names);
        ranked(names).into_iter().map(|name| format!("{directory}/{name}")).collect()
    } else {
        vec![path.to_owned()]
    };
    let mut refused = Vec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let bytes = host.read(candidate)?;
        match profile_model::read(bytes.as_slice(), candidate) {
            Ok(read) => {
                let others = &candidates[at + 1..];
                let mut warnings: Vec<String> =
                    refused.iter().map(|error| format!("not taken as the profile: {error}")).collect();
                if let Some(other) = others.iter().find(|other| rank(other) == rank(candidate)) {
                    warnings.push(format!(
                        "`{candidate}` was taken as the profile, and `{other}` is one too: name it"
                    ));
                }
                if let Some(problem) = read.problem {
                    warnings.push(format!("the profile could not be read to its end: {problem}"));
                }
                warnings.extend(read.warnings);
                return Ok(Found { profile: read.profile, path: candidate.clone(), warnings });
            }
            Err(error) => refused.push(error.to_string()),
        }
    }
    Err(Error::failed(match refused[..] {
        [] => format!(
            "`{path}` has no profile: none of its files is named like one (profile.speedscope.json, *.json, \
             *.folded, *.pb.gz, *.perf)"
        ),
        _ => format!("no profile: {}", refused.join("; ")),
    }))
}

/// Reads an inventory.
pub(crate) fn inventory(host: Host, path: &str) -> Result<Inventory, Error> {
    let bytes = host.read(path)?;
    Inventory::read(&bytes).map_err(|error| Error::failed(format!("the inventory `{path}`: {error}")))
}

/// The text of a source.
pub(crate) fn source(host: Host, path: &str) -> Result<String, String> {
    let bytes = host.read(path).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// How well a file is fit to be the profile, by its name; `None` when it does not look like one.
fn rank(name: &str) -> Option<u8> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let ends = |end: &[&str]| end.iter().any(|end| file.ends_with(end));
    // What the runner and its plugins write beside a profile.
    if matches!(
        file,
        "hotspots.json" | "env.json" | "state.json" | "plan.json" | "inputs.json" | "manifest.json"
    ) {
        return None;
    }
    match file {
        "profile.speedscope.json" => Some(0),
        _ if file.ends_with(".speedscope.json") => Some(1),
        _ if ends(&["trace.json", "trace.json.gz"]) => Some(2),
        _ if ends(&[".pb", ".pb.gz", ".pprof"]) => Some(3),
        _ if ends(&[".perf", "perf.script", "perf.txt"]) => Some(4),
        _ if ends(&[".folded", ".collapsed"]) => Some(5),
        _ if ends(&[".json", ".json.gz"]) => Some(6),
        _ => None,
    }
}

fn ranked(names: Vec<String>) -> Vec<String> {
    let mut ranked: Vec<(u8, String)> =
        names.into_iter().filter_map(|name| Some((rank(&name)?, name))).collect();
    ranked.sort();
    ranked.into_iter().map(|(_, name)| name).collect()
}

/// The files below a directory, relative to it. Only names are looked at here.
fn list(directory: &std::path::Path, above: &str, depth: usize, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = if above.is_empty() { name } else { format!("{above}/{name}") };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => list(&entry.path(), &name, depth - 1, names),
            Ok(kind) if kind.is_file() => names.push(name),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ranked;

    #[test]
    fn our_own_profile_comes_first_and_what_is_no_profile_never() {
        let names =
            ["hotspots.json", "stacks.folded", "b/trace.json", "flamegraph.svg", "profile.speedscope.json"];
        let ranked = ranked(names.map(str::to_owned).to_vec());
        assert_eq!(ranked, ["profile.speedscope.json", "b/trace.json", "stacks.folded"]);
    }
}
