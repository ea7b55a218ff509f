//! Paths that a bundle's texts name: what its commands write ([`outputs`]) and what it says is in the bundle
//! ([`mentions`]). Used by the rules `inside` and `references`. Paths are only compared, never opened.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::audit::commands::Source;
use crate::audit::shell::{Word, expand};
use crate::audit::subject::{Subject, is_kind};
use crate::audit::text::Text;

/// Options whose value is written to.
const WRITES: [&str; 14] = [
    "--out",
    "--output",
    "--outdir",
    "--out-dir",
    "--output-dir",
    "--output_dir",
    "--outfile",
    "--output-file",
    "--log-file",
    "--logfile",
    "--results-dir",
    "--save-dir",
    "--junitxml",
    "--json-out",
];
/// Programs whose `-o` is no output.
const OTHER_O: [&str; 9] = ["set", "grep", "ps", "ls", "pytest", "ssh", "mount", "bash", "sh"];
/// Words before a path that a person uses for an output.
const STATED: [&str; 8] = [
    "results stored in",
    "output:",
    "outputs:",
    "profiler trace:",
    "written to",
    "saved to",
    "saved in",
    "stored in:",
];

/// A path in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The file, relative to the bundle.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The path.
    pub path: String,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// Into the bundle.
    Inside(PathBuf),
    /// Into the repository, beside the bundle.
    Outside(String),
    /// To another part of the machine.
    Elsewhere,
    /// Nobody can say: a variable that is not set in the text.
    Unknown,
}

/// Everything that the commands write, with where it leads.
pub fn outputs(subject: &Subject) -> Vec<(Mention, Leads)> {
    let mut found: Vec<(Mention, Leads)> = Vec::new();
    let mut add = |file: &str, line: usize, path: &str, cwd: Option<&str>| {
        let leads = leads(subject, cwd, path);
        let known = found.iter().any(|(known, _)| known.path == path && known.line == line);
        // Our own bundles tell each command twice.
        let twice = subject.is_own() && found.iter().any(|(known, _)| known.path == path);
        if !known && !twice {
            found.push((Mention { file: file.to_owned(), line, path: path.to_owned() }, leads));
        }
    };
    for source in &subject.commands {
        let mut directory: Option<String> = None;
        for told in &source.commands {
            let cwd = told.cwd.clone().or_else(|| directory.clone());
            for part in told.words.split(|word| *word == Word::Next) {
                for path in written(part) {
                    add(&source.file, told.line, &path, cwd.as_deref());
                }
                if let [Word::Text(cd), Word::Text(to), ..] = part
                    && cd == "cd"
                {
                    directory = Some(match (&directory, to.starts_with('/')) {
                        (Some(from), false) => format!("{from}/{to}"),
                        _ => to.clone(),
                    });
                }
            }
        }
    }
    for (text, variables) in told_texts(subject) {
        for (line, content) in text.lines() {
            let lower = content.to_ascii_lowercase();
            let Some(at) = STATED.iter().find_map(|words| Some(lower.find(words)? + words.len())) else {
                continue;
            };
            let rest = expand(content.get(at..).unwrap_or_default(), variables);
            let first = tokens(&rest).find(|token| token.contains('/') && is_plain(token));
            if let Some(path) = first {
                add(&text.name, line, path, None);
            }
        }
    }
    found
}

/// What one simple command writes.
fn written(part: &[Word]) -> Vec<String> {
    let text = |index: usize| match part.get(index) {
        Some(Word::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let program = (0..part.len())
        .filter_map(text)
        .find(|word| crate::shell::assignment(word).is_none())
        .and_then(|program| program.rsplit('/').next())
        .unwrap_or_default();
    let mut found = Vec::new();
    let mut plain: Vec<&str> = Vec::new();
    let mut index = 0;
    while index < part.len() {
        match (&part[index], text(index + 1)) {
            (Word::Writes, Some(path)) => {
                found.push(path.to_owned());
                index += 1;
            }
            (Word::Text(option), Some(path)) if WRITES.contains(&option.as_str()) => {
                found.push(path.to_owned());
                index += 1;
            }
            (Word::Text(option), Some(path)) if option == "-o" && !OTHER_O.contains(&program) => {
                if path.contains(['/', '.']) && !path.contains('=') {
                    found.push(path.to_owned());
                }
                index += 1;
            }
            (Word::Text(word), _) => match word.split_once('=') {
                Some((option, path)) if WRITES.contains(&option) => found.push(path.to_owned()),
                _ if !word.starts_with('-') => plain.push(word),
                _ => {}
            },
            _ => {}
        }
        index += 1;
    }
    match program {
        "tee" => found.extend(plain.iter().skip(1).map(|path| (*path).to_owned())),
        "cp" | "mv" if plain.len() > 2 => found.extend(plain.last().map(|path| (*path).to_owned())),
        _ => {}
    }
    found
}

fn leads(subject: &Subject, cwd: Option<&str>, path: &str) -> Leads {
    if path.is_empty() || path == "-" || path.starts_with("/dev/") || path.starts_with("/proc/") {
        return Leads::Elsewhere;
    }
    if !is_plain(path) {
        return Leads::Unknown;
    }
    let joined = match cwd {
        Some(cwd) if !path.starts_with('/') => format!("{cwd}/{path}"),
        _ => path.to_owned(),
    };
    let Some(normal) = normal(Path::new(&joined)) else { return Leads::Elsewhere };
    if let Some(rest) = subject.inside(&normal.to_string_lossy()) {
        return Leads::Inside(rest);
    }
    if joined.contains('$') {
        return Leads::Unknown;
    }
    if normal.is_absolute() {
        let below = subject.root.as_ref().and_then(|root| normal.strip_prefix(root).ok());
        return below.map_or(Leads::Elsewhere, |path| Leads::Outside(path.display().to_string()));
    }
    // Written from within the bundle's directory.
    if subject.has(&normal.to_string_lossy()) {
        return Leads::Inside(normal);
    }
    Leads::Outside(normal.display().to_string())
}

/// Without `.` and `..`; `None` when it leads above its beginning.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            other => normal.push(other),
        }
    }
    Some(normal)
}

/// Everything that the texts say is in the bundle, as a path below it.
pub fn mentions(subject: &Subject) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    for (text, variables) in told_texts(subject) {
        let markdown = is_kind(&text.name, &["md"]);
        let mut listing = false;
        for (line, content) in text.lines() {
            listing = match heading(content) {
                Some(title) => ["artifact", "files", "outputs", "contents", "evidence", "deliverable"]
                    .iter()
                    .any(|word| title.contains(word)),
                None => listing,
            };
            let lower = content.to_ascii_lowercase();
            if ["missing", "not captured", "absent", "will be", "to be ", "removed", "not written"]
                .iter()
                .any(|word| lower.contains(word))
            {
                continue;
            }
            let expanded = expand(content, variables);
            for token in tokens(&expanded).filter(|token| is_plain(token)) {
                let quoted = markdown
                    && ["`", "/`", ":"].iter().any(|end| expanded.contains(&format!("`{token}{end}")));
                let linked = markdown && expanded.contains(&format!("]({token})"));
                let path = match subject.inside(token) {
                    Some(rest) => rest.display().to_string(),
                    None if linked && !token.contains(':') && !token.starts_with(['#', '/']) => {
                        token.to_owned()
                    }
                    None if quoted && listing && is_listed(subject, token) => token.to_owned(),
                    None => continue,
                };
                if !path.is_empty() && !found.iter().any(|known| known.path == path) {
                    found.push(Mention { file: text.name.clone(), line, path });
                }
            }
        }
    }
    found
}

/// The summaries and the hand-made lists of commands, with the variables that hold in each. A list that a
/// program made tells commands, and a command promises no file.
fn told_texts(subject: &Subject) -> Vec<(&Text, &BTreeMap<String, String>)> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    let variables = |text: &Text| {
        let source: Option<&Source> = subject.commands.iter().find(|source| source.file == text.name);
        source.or_else(|| subject.commands.first()).map_or(&NONE, |source| &source.variables)
    };
    let lists = subject.command_texts.iter().filter(|text| !subject.is_own() && !text.name.contains(".json"));
    let mut texts: Vec<&Text> = subject.summaries.iter().chain(lists).collect();
    texts.dedup_by(|a, b| a.name == b.name);
    texts.into_iter().map(|text| (text, variables(text))).collect()
}

/// The words of a line that may be paths, without what stands around them.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let around = |c: char| c.is_whitespace() || "`'\"()[]|,;=".contains(c);
    line.split(around).filter_map(|token| {
        let token = token.trim_matches(['>', '*', ':']).trim_end_matches(['.', '/']);
        // `simulator.py:1568`
        let token = match token.rsplit_once(':') {
            Some((path, line)) if line.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => path,
            _ => token,
        };
        (!token.is_empty() && !token.contains("://")).then_some(token)
    })
}

fn is_plain(path: &str) -> bool {
    !path.contains(['$', '*', '?', '{', '}', '<', '>', '`', '\u{2026}']) && !path.contains("...")
}

/// Whether a quoted word in a list of files is a file of the bundle: it has an extension, and either no
/// directory or one of the bundle's.
fn is_listed(subject: &Subject, token: &str) -> bool {
    let (directory, name) = token.rsplit_once('/').unwrap_or(("", token));
    let kinds = ["md", "txt", "json", "jsonl", "log", "csv", "npy", "png", "svg", "gz", "tsv", "html", "xml"];
    let kind = name.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && kinds.contains(&kind));
    let first = directory.split('/').next().unwrap_or_default();
    kind && (directory.is_empty() || subject.files.iter().any(|file| file.path.starts_with(first)))
}

/// The title when a line is a heading, in Markdown or in bold type.
fn heading(line: &str) -> Option<String> {
    let line = line.trim();
    let bold = line.starts_with("**") && (line.ends_with("**") || line.ends_with("**:"));
    (line.starts_with('#') || bold).then(|| line.to_ascii_lowercase())
}
