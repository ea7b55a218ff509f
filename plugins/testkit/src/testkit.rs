//! [`Testkit`]: one plugin library, a root, a bundle, and what happened.
//!
//! Used by the tests of every plugin. It drives the library with the host's own code; it must never do more
//! for a plugin than the real host does.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runner_plugin::{Edit, Program, ProgramOutput};
use runner_plugin_host::manifest::{self, Manifest};
use runner_plugin_host::protocol::{Failure, FailureKind, FromHost, Job, KernelResult, Library, RoleJob};
use runner_plugin_host::{Cancellation, drive};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

use crate::memory_peer::MemoryPeer;

/// A report of progress: done, total (0 when unknown), of what.
pub type ProgressLine = (u64, u64, String);

/// A plugin under test. Its root and bundle are temporary and vanish with it.
pub struct Testkit {
    library: PathBuf,
    manifest: Manifest,
    profiler: Option<Library>,
    peer: Arc<MemoryPeer>,
    cancellation: Arc<Cancellation>,
    root: TempDir,
    bundle: TempDir,
}

impl Testkit {
    /// Reads the manifest of the library at `path`; the library itself is loaded when a role is played.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Box<dyn Error>> {
        let library = std::path::absolute(path)?;
        Ok(Self {
            manifest: manifest::read(&library).map_err(|error| format!("{} {error}", library.display()))?,
            library,
            profiler: None,
            peer: Arc::default(),
            cancellation: Arc::default(),
            root: tempfile::tempdir()?,
            bundle: tempfile::tempdir()?,
        })
    }

    /// Puts a profiler with this configuration beside the kernel.
    #[must_use]
    pub fn with_profiler(mut self, path: impl Into<PathBuf>, config: Value) -> Self {
        self.profiler = Some(Library { name: "profiler".to_owned(), path: path.into(), config });
        self
    }

    /// Answers the programs that the plugin runs. Without it, no program can be started.
    #[must_use]
    pub fn answering(
        self,
        answer: impl Fn(&Program) -> Result<ProgramOutput, String> + Send + Sync + 'static,
    ) -> Self {
        self.peer.answer_with(Box::new(answer));
        self
    }

    /// Puts a file below the project root, for plugins that read one.
    pub fn with_file(self, path: &str, bytes: &[u8]) -> std::io::Result<Self> {
        let path = self.root.path().join(path);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        File::create(path)?.write_all(bytes)?;
        Ok(self)
    }

    /// Plays a kernel from its creation to its metrics, with the profiler beside it if there is one.
    pub fn kernel(&self, config: Value) -> Result<KernelResult, Failure> {
        self.play(config, RoleJob::Kernel)
    }

    /// Plays a capture plugin.
    pub fn capture(&self, config: Value) -> Result<Value, Failure> {
        self.play(config, RoleJob::Capture)
    }

    /// Plays a ledger plugin, which sees these documents (path, text) and this run record.
    pub fn ledger(&self, config: Value, documents: &[(&str, &str)], record: Value) -> Result<Edit, Failure> {
        let documents = documents.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        self.peer.show(documents.collect::<BTreeMap<_, _>>());
        self.play(config, RoleJob::Ledger { record })
    }

    /// What the library says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// To cancel from another thread, as the runner does; it stays cancelled.
    pub fn cancellation(&self) -> Arc<Cancellation> {
        Arc::clone(&self.cancellation)
    }

    /// The project root.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The bundle: artifacts lie below it.
    pub fn bundle(&self) -> &Path {
        self.bundle.path()
    }

    /// The bytes of an artifact.
    pub fn artifact(&self, path: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.bundle().join(path))
    }

    /// Everything that the host told, in order.
    pub fn events(&self) -> Vec<FromHost> {
        self.peer.events()
    }

    /// The log lines: level (1 error to 4 debug) and text.
    pub fn logs(&self) -> Vec<(u32, String)> {
        let line = |event| match event {
            FromHost::Log { level, message } => Some((level, message)),
            _ => None,
        };
        self.events().into_iter().filter_map(line).collect()
    }

    /// The reports of progress that got through the host's throttle.
    pub fn progress(&self) -> Vec<ProgressLine> {
        let line = |event| match event {
            FromHost::Progress { done, total, what } => Some((done, total, what)),
            _ => None,
        };
        self.events().into_iter().filter_map(line).collect()
    }

    /// The phases that were entered; an iteration is written `iterate 0`.
    pub fn phases(&self) -> Vec<String> {
        let line = |event| match event {
            FromHost::Phase { phase, iteration: None } => Some(phase),
            FromHost::Phase { phase, iteration: Some(index) } => Some(format!("{phase} {index}")),
            _ => None,
        };
        self.events().into_iter().filter_map(line).collect()
    }

    /// The artifacts that were opened, relative to the bundle.
    pub fn artifacts(&self) -> Vec<String> {
        let line = |event| match event {
            FromHost::Artifact { path } => Some(path),
            _ => None,
        };
        self.events().into_iter().filter_map(line).collect()
    }

    /// The programs that the plugin asked for, in order.
    pub fn programs(&self) -> Vec<Program> {
        self.peer.programs()
    }

    fn play<T: DeserializeOwned>(&self, config: Value, role: RoleJob) -> Result<T, Failure> {
        let job = Job {
            plugin: Library { name: self.manifest.name.clone(), path: self.library.clone(), config },
            profiler: self.profiler.clone(),
            root: self.root().to_owned(),
            bundle: self.bundle().to_owned(),
            role,
        };
        let result = drive(&job, Arc::<MemoryPeer>::clone(&self.peer), self.cancellation())?;
        serde_json::from_value(result).map_err(|error| Failure {
            kind: FailureKind::BadResult,
            phase: "result".to_owned(),
            message: error.to_string(),
        })
    }
}
