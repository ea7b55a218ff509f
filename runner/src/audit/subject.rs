//! [`Subject`]: a bundle as the rules see it: its files, and the texts that matter, read once.
//!
//! Built by `audit::audit`. It reads only regular files below the bundle, at most `text::LIMIT` bytes of
//! each, and follows no link.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::audit::commands::Source;
use crate::audit::moment::{self, Moment};
use crate::audit::text::Text;
use crate::clock::Instant;
use crate::git;

/// How many entries of a bundle are listed.
const LISTED: usize = 200_000;
/// How many texts of one kind are read.
const TEXTS: usize = 12;
/// How large a text may be that is only looked into for commands.
const SMALL: u64 = 256 << 10;

/// A file of a bundle.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Relative to the bundle, as text.
    pub name: String,
    /// Relative to the bundle.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Whether it is a regular file: no link, no device.
    pub regular: bool,
}

/// What the rules look at.
#[derive(Debug)]
pub struct Subject {
    /// Where it lies, as it was named.
    pub path: PathBuf,
    /// Its stamp: from its name, or from its own files when it was copied elsewhere.
    pub stamp: Option<Moment>,
    /// Every file, those nearest to the top first.
    pub files: Vec<Entry>,
    /// Directories that could not be listed, and whether there were too many files.
    pub unlisted: Vec<String>,
    /// The files that tell commands.
    pub commands: Vec<Source>,
    /// Their texts, in the same order.
    pub command_texts: Vec<Text>,
    /// Summaries.
    pub summaries: Vec<Text>,
    /// Records of the environment.
    pub environments: Vec<Text>,
    /// Files that matter and could not be read, and why.
    pub unreadable: Vec<String>,
    /// The repository it lies in, without links.
    pub root: Option<PathBuf>,
    /// When git first saw one of its files, in seconds since 1970.
    pub committed: Option<i64>,
    /// The clock, in seconds since 1970.
    pub now: i64,
    /// `plan.json` of a bundle that the runner made.
    pub plan: Option<Value>,
}

/// A list of commands by its name.
pub fn is_commands_name(name: &str) -> bool {
    let (stem, extension) = parts(name);
    let named = ["commands", "command", "cmds", "cmd", "command_log", "commands_run", "run_commands"];
    named.contains(&stem.as_str())
        && ["", "txt", "sh", "log", "jsonl", "json", "md"].contains(&extension.as_str())
}

/// A record of the environment by its name.
pub fn is_environment_name(name: &str) -> bool {
    let (stem, extension) = parts(name);
    let starts = ["env", "torch_env", "environment", "system_info", "sysinfo"];
    let named = starts.iter().any(|start| {
        stem.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-', '.']))
    });
    named && ["txt", "json", "md", "log", "yaml", "yml"].contains(&extension.as_str())
}

/// A summary by its name.
pub fn is_summary_name(name: &str) -> bool {
    let (stem, extension) = parts(name);
    stem.contains("summary") && ["", "md", "txt", "rst"].contains(&extension.as_str())
}

/// Whether a file's name has one of these extensions, whatever their case.
pub fn is_kind(name: &str, kinds: &[&str]) -> bool {
    kinds.contains(&parts(name).1.as_str())
}

fn parts(name: &str) -> (String, String) {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    match name.rsplit_once('.') {
        Some((stem, extension)) => (stem.to_owned(), extension.to_owned()),
        None => (name, String::new()),
    }
}

impl Subject {
    /// Reads a bundle. `committed` answers for a path from the top of the repository.
    pub fn read(path: &Path, committed: &dyn Fn(&Path) -> Option<i64>) -> Self {
        let resolved = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let root = resolved.parent().and_then(git::root_above);
        let below_root = root.as_ref().and_then(|root| resolved.strip_prefix(root).ok()).map(Path::to_owned);
        let epoch = Instant::from_unix(0, 0);
        let mut subject = Self {
            path: path.to_owned(),
            stamp: resolved.file_name().and_then(|name| moment::in_name(&name.to_string_lossy())),
            files: Vec::new(),
            unlisted: Vec::new(),
            commands: Vec::new(),
            command_texts: Vec::new(),
            summaries: Vec::new(),
            environments: Vec::new(),
            unreadable: Vec::new(),
            committed: below_root.as_deref().and_then(committed),
            root,
            now: epoch.map_or(0, |epoch| Instant::now().seconds_since(epoch) as i64),
            plan: None,
        };
        subject.list();
        subject.plan = subject.document("plan.json").filter(|_| subject.has("state.json"));
        if subject.stamp.is_none() {
            subject.stamp = subject.own_stamp();
        }
        subject.summaries = subject.texts(is_summary_name);
        subject.environments = subject.texts(is_environment_name);
        subject.find_commands();
        subject
    }

    /// Whether the runner made it.
    pub fn is_own(&self) -> bool {
        self.plan.is_some()
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.name == name)
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> Result<Text, String> {
        Text::read(&self.path.join(name), name)
    }

    /// A JSON document of the bundle, when it is there and can be read as a whole.
    pub fn document(&self, name: &str) -> Option<Value> {
        let text = self.has(name).then(|| self.text(name).ok()).flatten()?;
        serde_json::from_str(&text.content).ok()
    }

    /// The name that paths into the bundle contain: its directory's, as it was when the files were written.
    pub fn directory_name(&self) -> Option<String> {
        let own = self.path.canonicalize().ok()?;
        let name = own.file_name()?.to_string_lossy().into_owned();
        match &self.stamp {
            Some(stamp) if !name.contains(&stamp.text) => Some(stamp.text.clone()),
            _ => Some(name),
        }
    }

    /// What a path leads to when it leads into the bundle: the rest behind the bundle's name.
    pub fn inside(&self, path: &str) -> Option<PathBuf> {
        let name = self.directory_name()?;
        let components: Vec<Component<'_>> = Path::new(path).components().collect();
        let at = components.iter().rposition(|component| component.as_os_str() == name.as_str())?;
        let bundle: PathBuf = components[..=at].iter().collect();
        (!self.is_another(&bundle)).then(|| components[at + 1..].iter().collect())
    }

    /// Whether a path to a directory of the bundle's name leads to another one: two bundles of the same second.
    fn is_another(&self, path: &Path) -> bool {
        if let Some(home) = self.plan.as_ref().and_then(|plan| plan["bundle"].as_str()) {
            let dots = |part: &Component<'_>| matches!(part, Component::CurDir | Component::ParentDir);
            let path: PathBuf = path.components().skip_while(dots).collect();
            return !Path::new(home).ends_with(&path) && !path.ends_with(home);
        }
        // What is not there may be where this one was before it was moved.
        let from = if path.starts_with("..") { self.path.parent() } else { self.root.as_deref() };
        let there = from.and_then(|from| from.join(path).canonicalize().ok());
        path.components().count() > 1
            && there.is_some_and(|there| self.path.canonicalize().ok() != Some(there))
    }

    /// Whether a file or directory is there, without following a link on the way.
    pub fn is_there(below: &Path, path: &Path) -> bool {
        let mut at = below.to_owned();
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            match component {
                Component::CurDir => continue,
                Component::ParentDir => {
                    at.pop();
                }
                Component::Normal(name) => at.push(name),
                Component::RootDir | Component::Prefix(_) => return false,
            }
            let Ok(data) = at.symlink_metadata() else { return false };
            if data.is_symlink() && components.peek().is_some() {
                return false;
            }
        }
        true
    }

    fn list(&mut self) {
        let mut open = vec![PathBuf::new()];
        while let Some(relative) = open.pop() {
            let Ok(entries) = std::fs::read_dir(self.path.join(&relative)) else {
                self.unlisted.push(format!("{} cannot be listed", relative.display()));
                continue;
            };
            for entry in entries.filter_map(Result::ok) {
                let path = relative.join(entry.file_name());
                let Ok(data) = entry.metadata() else { continue };
                if data.is_dir() {
                    if entry.file_name() != ".git" {
                        open.push(path);
                    }
                } else if self.files.len() < LISTED {
                    self.files.push(file(path, &data));
                } else {
                    self.unlisted.push(format!("there are more than {LISTED} files"));
                    open.clear();
                    break;
                }
            }
        }
        self.files.sort_by_cached_key(|file| (file.path.components().count(), file.name.clone()));
    }

    fn own_stamp(&self) -> Option<Moment> {
        let stated = |name: &str| self.document(name)?.get("stamp")?.as_str().and_then(moment::in_name);
        let written = || moment::in_name(self.text("stamp.txt").ok()?.content.lines().next()?);
        self.plan
            .as_ref()
            .and_then(|_| stated("plan.json"))
            .or_else(|| stated("manifest.json"))
            .or_else(written)
    }

    fn texts(&mut self, is_named: fn(&str) -> bool) -> Vec<Text> {
        let own = self.is_own();
        let names: Vec<String> = self
            .files
            .iter()
            // What a failed attempt left behind speaks for itself, not for the bundle.
            .filter(|file| is_named(&file.name) && !(own && file.name.contains('/')))
            .map(|file| file.name.clone())
            .take(TEXTS)
            .collect();
        let mut texts = Vec::new();
        for name in names {
            match self.text(&name) {
                Ok(text) => texts.push(text),
                Err(reason) => self.unreadable.push(reason),
            }
        }
        texts
    }

    fn find_commands(&mut self) {
        let stamp = self.stamp.as_ref().map(|stamp| stamp.text.clone());
        let mut texts = self.texts(is_commands_name);
        if texts.is_empty() {
            texts = self.by_content();
        }
        for text in texts {
            self.commands.extend(Source::read(&text, stamp.as_deref()));
            self.command_texts.push(text);
        }
    }

    /// Small texts near the top that hold a prompt, are scripts, or have commands under such a heading.
    fn by_content(&self) -> Vec<Text> {
        let near = self.files.iter().filter(|file| {
            let extension = parts(&file.name).1;
            file.regular
                && file.size <= SMALL
                && file.path.components().count() <= 2
                && ["", "txt", "sh", "log", "md"].contains(&extension.as_str())
        });
        let texts = near.take(10 * TEXTS).filter_map(|file| self.text(&file.name).ok());
        texts.filter_map(tells_commands).take(TEXTS).collect()
    }
}

/// The text, cut down to what tells commands.
fn tells_commands(mut text: Text) -> Option<Text> {
    if is_kind(&text.name, &["sh"]) || text.content.starts_with("#!") {
        return Some(text);
    }
    let prompt = |line: &str| line.starts_with("$ ") || line.starts_with("+ ");
    if !is_kind(&text.name, &["md"]) {
        return text.content.lines().any(prompt).then_some(text);
    }
    let (mut under, mut fence, mut kept) = (false, false, String::new());
    for line in text.content.lines() {
        if line.trim_start().starts_with("```") {
            fence = !fence;
        } else if !fence && line.starts_with('#') {
            let heading = line.to_ascii_lowercase();
            under = ["command", "invocation"].iter().any(|word| heading.contains(word));
        }
        // The lines keep their numbers.
        kept.push_str(if under && !line.starts_with('#') { line } else { "" });
        kept.push('\n');
    }
    text.content = kept;
    Some(text).filter(|text| text.content.contains("```"))
}

fn file(path: PathBuf, data: &Metadata) -> Entry {
    Entry {
        name: path.to_string_lossy().into_owned(),
        size: data.len(),
        modified: data.mtime(),
        regular: data.is_file(),
        path,
    }
}
