//! The environment of a run as JSON: facts, or `null` with a reason; never a guess.
//!
//! [`EnvCapture`] is a capture plugin; the runner writes what it returns as `env.json`. The top-level keys
//! `python`, `torch` and `cuda_available` are always there. Whatever could not be learned is `null`, and
//! `unknown` maps its dotted name to the reason. Secret-looking variables are redacted.
//!
//! One module for each section; each reads files through `files::Files` and programs through the host, so
//! that every read and every command is in the evidence.

mod cgroup;
mod config;
mod container;
mod cpu;
mod files;
mod git;
mod kernel;
mod limits;
mod memory;
mod program;
mod python;
mod redaction;
mod toolchain;
mod unknown;
mod variables;

use runner_plugin::{Capture, Error, ErrorKind, Host};
use serde_json::{Value, json};

pub use config::{Config, Interpreter, Keep};
use files::HostFiles;
use unknown::Unknown;

/// The plugin.
#[derive(Debug)]
pub struct EnvCapture {
    config: Config,
}

impl Capture for EnvCapture {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn capture(&mut self, host: &Host) -> Result<Value, Error> {
        let files = HostFiles(*host);
        let mut unknown = Unknown::default();
        let python = python::look(*host, &self.config, &mut unknown);
        // Read before the programs below make a load of their own.
        let load = kernel::load(&files, &mut unknown);
        let mut captured = json!({
            "python": python.interpreter,
            "torch": python.torch,
            "cuda_available": python.cuda_available,
            "os": kernel::os(&files, &mut unknown),
            "kernel": kernel::look(&files, &mut unknown),
            "cpu": cpu::look(&files, &mut unknown),
            "memory": memory::look(&files, &mut unknown),
            "load": load,
            "limits": limits::look(&files, &mut unknown),
            "cgroup": cgroup::look(&files, &mut unknown),
            "container": container::look(&files),
            "toolchains": toolchain::look(*host, &mut unknown),
            "git": git::look(*host, &mut unknown),
            "environment": variables::look(std::env::vars_os(), &self.config),
        });
        if host.cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "cancelled while the environment was captured"));
        }
        captured["unknown"] = unknown.into_value();
        Ok(captured)
    }
}

runner_plugin::export! {
    capture: EnvCapture,
    name: "env-capture",
    summary: "Captures Python, torch, system, toolchains, git and variables as env.json",
    schema: include_str!("../schema.json"),
}
