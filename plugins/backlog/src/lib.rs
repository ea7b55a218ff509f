//! Which hot loops to work on next: measured shares, what each could bring at most, and the next step.
//!
//! [`HotLoopBacklog`] is a capture plugin. It reads `hot_loops.json` (`HotLoops -> Candidate -> Backlog`), and writes
//! the backlog as JSON and Markdown. Its `next_actions` go into the ledger's entry. Shares and errors are computed
//! from the recorded weights; whatever a figure lacks is `null` with a reason.

mod backlog;
mod bound;
mod candidate;
mod config;
mod markdown;
mod step;
#[cfg(test)]
mod tests;
mod times;

use hot_loops_model::HotLoops;
use loop_inventory_model::Classification;
use runner_plugin::{Capture, Error, Host, Level};
use serde_json::Value;

use backlog::{Backlog, reclassify};
pub use config::Config;
use times::Times;

/// The plugin.
#[derive(Debug)]
pub struct HotLoopBacklog {
    config: Config,
}

impl Capture for HotLoopBacklog {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Self { config })
    }

    fn capture(&mut self, host: &Host) -> Result<Value, Error> {
        let path = &self.config.hot_loops;
        let mut ranked = HotLoops::read(&host.read(path)?)
            .map_err(|error| Error::failed(format!("`{path}` is no hot_loops.json: {error}")))?;
        let mut tables = Vec::new();
        for file in &self.config.classes {
            let text = String::from_utf8(host.read(file)?)
                .map_err(|_| Error::failed(format!("`{file}` is not UTF-8")))?;
            tables.push(Classification::read(file, &text));
        }
        let times = match &self.config.run {
            Some(run) => Some(Times::find(run, &host.read(run)?).map_err(Error::failed)?),
            None => None,
        };
        for contradiction in reclassify(&mut ranked, &tables) {
            host.log(Level::Warning, &contradiction);
        }
        let backlog = Backlog::of(&ranked, path, self.config.top, times);
        let value = serde_json::to_value(&backlog)?;
        let mut json = serde_json::to_vec_pretty(&value)?;
        json.push(b'\n');
        host.write_artifact(&format!("{}.json", self.config.out), &json)?;
        let text = markdown::markdown(&backlog);
        host.write_artifact(&format!("{}.md", self.config.out), text.as_bytes())?;
        host.log(
            Level::Info,
            &format!(
                "{} candidates, {} settled, {} cold",
                backlog.candidates.len(),
                backlog.settled.len(),
                backlog.cold.len()
            ),
        );
        let mut result = value;
        let mut findings = vec![format!(
            "{} candidates, {} settled, {} cold",
            backlog.candidates.len(),
            backlog.settled.len(),
            backlog.cold.len()
        )];
        findings.extend(backlog.next_actions.iter().cloned());
        result["findings"] = findings.into();
        Ok(result)
    }
}

runner_plugin::export! {
    capture: HotLoopBacklog,
    name: "backlog",
    summary: "Makes a backlog of hot loops: shares, bounds of what each could bring, next actions",
    schema: include_str!("../schema.json"),
}
