//! `runner plugins list|info`. Reads manifests; executes nothing.

mod takes;

use serde_json::{Value, json};

use crate::catalog::{Found, Manifest};
use crate::cli::options::{Global, PluginsCommand, PluginsOptions};
use crate::cli::{terminal, workflow};
use crate::diagnostic::shown;
use crate::exit_code::ExitCode;
use crate::fs::digest_file;

/// Lists plugins or shows one.
pub fn run(global: &Global, options: &PluginsOptions) -> ExitCode {
    match &options.command {
        PluginsCommand::List => list(global),
        PluginsCommand::Info { name } => info(global, name),
    }
}

fn list(global: &Global) -> ExitCode {
    let catalog = workflow::catalog(global);
    let all = catalog.all();
    if global.json {
        let list: Vec<Value> = all
            .iter()
            .map(|(path, found)| match found {
                Ok(found) => json!({ "path": path, "manifest": found.manifest }),
                Err(reason) => json!({ "path": path, "error": reason.to_string() }),
            })
            .collect();
        terminal::out(&serde_json::to_string_pretty(&list).unwrap_or_default());
        return ExitCode::Complete;
    }
    let width =
        all.iter().filter_map(|(_, found)| found.as_ref().ok()).map(|found| found.manifest.name.len()).max();
    let width = width.unwrap_or(0);
    for (path, found) in &all {
        match found {
            Ok(Found { manifest, .. }) => {
                let Manifest { name, version, role, summary, .. } = manifest;
                terminal::out(&format!("{name:<width$}  {version}  {role:<8}  {summary}"));
            }
            Err(reason) => terminal::out(&format!("{}: {reason}", shown(path))),
        }
    }
    if all.is_empty() {
        terminal::out("There are no plugins on the search path:");
        for directory in catalog.directories() {
            terminal::out(&format!("  {}", shown(directory)));
        }
        terminal::out("Build them with `cargo build --release`, or name a directory with --plugin-dir.");
    }
    ExitCode::Complete
}

fn info(global: &Global, name: &str) -> ExitCode {
    let here = std::env::current_dir().unwrap_or_default();
    let found = match workflow::catalog(global).find(name, &here) {
        Ok(found) => found,
        Err(missing) => {
            workflow::complain(global, &format!("{}: {}", missing.message, missing.help));
            return ExitCode::Missing;
        }
    };
    let digest =
        digest_file(&found.path).map_or_else(|error| error.to_string(), |(digest, _)| digest.to_string());
    if global.json {
        let value = json!({ "path": found.path, "sha256": digest, "manifest": found.manifest });
        terminal::out(&serde_json::to_string_pretty(&value).unwrap_or_default());
        return ExitCode::Complete;
    }
    let manifest = &found.manifest;
    terminal::out(&format!("{} {} ({})", manifest.name, manifest.version, manifest.role));
    terminal::out(&manifest.summary);
    terminal::out("");
    terminal::out(&format!("  file    {}", found.path.display()));
    terminal::out(&format!("  sha256  {digest}"));
    let [major, minor] = manifest.abi;
    terminal::out(&format!(
        "  ABI     {major}.{minor}, needs a host of at least {major}.{}",
        manifest.needs_host_minor
    ));
    terminal::out("\nwith:");
    terminal::out(takes::takes(&manifest.config_schema).trim_end());
    ExitCode::Complete
}
