//! [`output`]: runs a program through the host and returns what it printed, or why there is nothing.
//!
//! Used by the sections that ask a program. A program that failed is a reason, never an error of the step.

use std::collections::BTreeMap;

use runner_plugin::{Host, Program, ProgramOutput};

/// Standard output of `argv`, which must end with exit code 0 within `timeout_s` seconds.
pub(crate) fn output(
    host: Host,
    argv: &[&str],
    env: &[(&str, &str)],
    timeout_s: f64,
) -> Result<String, String> {
    let program = Program {
        argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        timeout_s: Some(timeout_s),
    };
    let name = argv.first().copied().unwrap_or_default();
    let output = host.run(&program).map_err(|error| format!("`{name}`: {error}"))?;
    match why_not_ok(&output, timeout_s) {
        None => Ok(output.stdout),
        Some(reason) => Err(format!("`{name}` {reason}")),
    }
}

fn why_not_ok(output: &ProgramOutput, timeout_s: f64) -> Option<String> {
    let ended = match (output.outcome.as_str(), output.exit_code, output.signal) {
        ("ok", Some(0), _) => return None,
        ("timeout", ..) => return Some(format!("did not answer within {timeout_s} s")),
        (_, Some(code), _) => format!("ended with exit code {code}"),
        (_, None, Some(signal)) => format!("was ended by signal {signal} ({})", output.outcome),
        (outcome, None, None) => format!("ended as `{outcome}`"),
    };
    // The last line says what went wrong; the ones before are the way to it.
    let last = output.stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Some(last.map_or_else(|| ended.clone(), |line| format!("{ended}: {line}")))
}
