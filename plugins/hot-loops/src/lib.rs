//! Relates a profile to a loop inventory: which loops the time is in, and what they do not explain.
//!
//! [`HotLoops`] is a capture plugin. `Profile + Inventory -> Places -> Tally -> Correlation`, and from that the
//! ranking as CSV, JSON, Markdown and as a page with source lines. Each stage has its own file. What a figure rests
//! on (lines, or only a function) stands beside it; what is not known is `null` with a reason, never a guess.

mod config;
mod correlate;
mod csv;
mod html;
mod input;
mod markdown;
mod places;
mod tally;
#[cfg(test)]
mod tests;
mod text;

use runner_plugin::{Capture, Error, ErrorKind, Host, Level};
use serde_json::Value;

pub use config::Config;
use correlate::{Correlation, Origin};

/// The plugin.
#[derive(Debug)]
pub struct HotLoops {
    config: Config,
}

impl Capture for HotLoops {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Self { config })
    }

    fn capture(&mut self, host: &Host) -> Result<Value, Error> {
        let inventory = input::inventory(*host, &self.config.inventory)?;
        let found = input::profile(*host, &self.config.profile)?;
        if host.cancelled() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "cancelled before the profile was related to loops",
            ));
        }
        let origin = Origin {
            profile: &found.path,
            inventory: &self.config.inventory,
            threshold_percent: self.config.threshold,
        };
        let mut result =
            Correlation::of(&found.profile, &inventory, origin, |module| input::source(*host, module));
        result.hot_loops.warnings.extend(found.warnings);
        for warning in &result.hot_loops.warnings {
            host.log(Level::Warning, warning);
        }
        let ranked = &result.hot_loops;
        let write =
            |end: &str, bytes: &[u8]| host.write_artifact(&format!("{}.{end}", self.config.out), bytes);
        write("csv", csv::csv(ranked).as_bytes())?;
        write("json", &ranked.to_json()?)?;
        write("md", markdown::markdown(ranked).as_bytes())?;
        write("html", html::html(&result).as_bytes())?;
        let shares = ranked.parts;
        host.log(
            Level::Info,
            &format!(
                "{} hot loops of {}; {} % in loops, {} % outside, {} % unexplained",
                ranked.hot().count(),
                ranked.inventory.loops,
                shares.loops.percent,
                shares.outside.percent,
                shares.unexplained.percent
            ),
        );
        let mut value = serde_json::to_value(ranked)?;
        value["findings"] = findings(ranked).into();
        Ok(value)
    }
}

/// The head of the ranking in words, for the summary.
fn findings(ranked: &hot_loops_model::HotLoops) -> Vec<String> {
    /// Loops that are listed; the artifacts have all.
    const LISTED: usize = 8;
    let parts = ranked.parts;
    let mut lines = vec![format!(
        "{} of {} loops are hot (at least {} % inclusive); {} % of the profile is in loops, {} % in the project's code \
         outside of loops, {} % is not explained",
        ranked.hot().count(),
        ranked.inventory.loops,
        ranked.threshold_percent,
        parts.loops.percent,
        parts.outside.percent,
        parts.unexplained.percent
    )];
    lines.extend(ranked.hot().take(LISTED).map(|row| {
        format!(
            "{:.2} % (self {:.2} %): `{}` at `{}:{}`, {}",
            row.inclusive.percent,
            row.own.percent,
            row.r#loop.loop_header.replace('`', "'"),
            row.r#loop.module,
            row.r#loop.line,
            row.r#loop.class.map_or("unclassified", loop_inventory_model::Class::name)
        )
    }));
    lines
}

runner_plugin::export! {
    capture: HotLoops,
    name: "hot-loops",
    summary: "Relates a profile to a loop inventory: hot loops as CSV, JSON, Markdown and HTML",
    schema: include_str!("../schema.json"),
}
