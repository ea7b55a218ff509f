//! The ready-made workflows of `runner new --template`: [`ALL`], in the order in which people need them.
//!
//! Each lies in a directory of its own below `runner/templates/`, with the small example that it runs as it
//! comes. A new one is a directory there and an entry here; a test runs every one of them.

/// A workflow and the files of its example.
#[derive(Debug)]
pub struct Template {
    /// Its name on the command line, and the directory below `runner/templates/`.
    pub name: &'static str,
    /// What it is for, in one line.
    pub what: &'static str,
    /// File names and contents; the first one is `workflow.yaml`.
    pub files: &'static [(&'static str, &'static str)],
}

/// What stands in a template where the directory of its files belongs, relative to the project root.
pub const HERE: &str = "@HERE@";

macro_rules! template {
    ($name:literal, $what:literal, [$($file:literal),* $(,)?]) => {
        Template {
            name: $name,
            what: $what,
            files: &[$(($file, include_str!(concat!("../../templates/", $name, "/", $file)))),*],
        }
    };
}

/// All templates.
pub const ALL: &[Template] = &[
    template!(
        "trace-debug",
        "find the first place at which the traces of two programs differ",
        ["workflow.yaml", "iterate.c"]
    ),
    template!(
        "test-triage",
        "run a test suite and group its failures by message",
        ["workflow.yaml", "suite.sh", "triage.sh"]
    ),
    template!(
        "implementation-check",
        "run targeted tests on the working tree, with the state of git",
        ["workflow.yaml", "check.sh"]
    ),
    template!(
        "parity",
        "compare two arrays or images: correlation, ratio of sums, greatest difference",
        ["workflow.yaml", "rings.c"]
    ),
    template!(
        "benchmark",
        "time a command, and gate on a regression against the last bundle",
        ["workflow.yaml", "bench.c", "work.c"]
    ),
    template!(
        "inventory",
        "list the loops of the source, with function and depth",
        ["workflow.yaml", "smooth.c"]
    ),
    template!(
        "profile",
        "profile a program and rank its functions and source lines",
        ["workflow.yaml", "work.c"]
    ),
];

impl Template {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|template| template.name == name)
    }

    /// Its files as they are written into the directory `here`, a path relative to the project root without a
    /// slash at its end; empty for the project root itself.
    pub fn files_in(&self, here: &str) -> Vec<(&'static str, String)> {
        let write = |content: &str| match here {
            "" => content.replace(&format!("{HERE}/"), "").replace(HERE, "."),
            here => content.replace(HERE, here),
        };
        self.files.iter().map(|(name, content)| (*name, write(content))).collect()
    }
}
