//! Python, torch and CUDA: what the interpreter itself says.
//!
//! One program prints one line of JSON. A missing interpreter, a missing torch, or a torch that cannot say
//! whether CUDA is there are three different unknowns, and none of them becomes `false`.

use runner_plugin::Host;
use serde_json::Value;

use crate::config::Config;
use crate::program;
use crate::unknown::Unknown;

/// Importing torch takes seconds on a cold disk; longer than this is a hang.
const TIMEOUT_S: f64 = 20.0;

/// Prints one line of JSON, last: an imported package may print too.
const QUESTION: &str = r#"
import json, platform, sys
answer = {"python": {"executable": sys.executable, "version": platform.python_version(),
                     "implementation": platform.python_implementation(), "prefix": sys.prefix,
                     "base_prefix": sys.base_prefix, "virtual": sys.prefix != sys.base_prefix, "packages": {}},
          "torch": None, "unknown": {}}
def attempt(name, ask):
    try:
        return ask()
    except BaseException as error:
        answer["unknown"][name] = "%s: %s" % (type(error).__name__, error)
        return None
def version(name):
    from importlib import metadata
    return metadata.version(name)
for name in sys.argv[1:]:
    answer["python"]["packages"][name] = attempt("python.packages." + name, lambda: version(name))
def load():
    import torch
    return torch
torch = attempt("torch", load)
if torch is not None:
    answer["torch"] = {
        "version": attempt("torch.version", lambda: str(torch.__version__)),
        "cuda_available": attempt("torch.cuda_available", lambda: bool(torch.cuda.is_available())),
        "cuda_version": attempt("torch.cuda_version", lambda: torch.version.cuda),
        "devices": attempt("torch.devices", lambda: [torch.cuda.get_device_name(i)
                                                     for i in range(torch.cuda.device_count())]),
        "threads": attempt("torch.threads", lambda: int(torch.get_num_threads())),
    }
sys.stdout.write("\n" + json.dumps(answer) + "\n")
"#;

/// The three sections; `null` where unknown.
#[derive(Debug, Default)]
pub(crate) struct Python {
    pub(crate) interpreter: Value,
    pub(crate) torch: Value,
    pub(crate) cuda_available: Value,
}

pub(crate) fn look(host: Host, config: &Config, unknown: &mut Unknown) -> Python {
    let interpreter = config.python.0.iter().map(String::as_str);
    // -B: no byte code is written, neither beside the user's modules nor anywhere else.
    let question = ["-B", "-c", QUESTION].into_iter();
    let argv: Vec<&str> =
        interpreter.chain(question).chain(config.packages.iter().map(String::as_str)).collect();
    let shown = config.python.0.join(" ");
    let answer = program::output(host, &argv, &[], TIMEOUT_S)
        .and_then(|stdout| read(&stdout).map_err(|reason| format!("`{shown}` {reason}")));
    match answer {
        Ok(answer) => sections(answer, unknown),
        Err(reason) => {
            unknown.note("python", &reason);
            unknown.note("torch", "python is unknown");
            unknown.note("cuda_available", "python is unknown");
            Python::default()
        }
    }
}

fn read(stdout: &str) -> Result<Value, String> {
    let last = stdout.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let answer = serde_json::from_str::<Value>(last).ok().filter(|answer| answer["python"].is_object());
    answer.ok_or_else(|| {
        let beginning: String = last.chars().take(100).collect();
        format!("printed something else than the answer: {beginning:?}")
    })
}

fn sections(mut answer: Value, unknown: &mut Unknown) -> Python {
    for (name, reason) in answer["unknown"].as_object().into_iter().flatten() {
        unknown.note(name, reason.as_str().unwrap_or("no reason was given"));
    }
    let torch = answer["torch"].take();
    // A build for processors says `None` there, and no error: a null without a reason would be left.
    if torch.get("cuda_version").is_some_and(Value::is_null)
        && answer["unknown"]["torch.cuda_version"].is_null()
    {
        unknown.note("torch.cuda_version", "this torch was built without CUDA");
    }
    let cuda_available = match torch.get("cuda_available") {
        Some(Value::Bool(available)) => Value::Bool(*available),
        Some(_) => {
            unknown.note("cuda_available", "torch could not say: see torch.cuda_available");
            Value::Null
        }
        None => {
            unknown.note("cuda_available", "torch is unknown");
            Value::Null
        }
    };
    Python { interpreter: answer["python"].take(), torch, cuda_available }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_answer_whatever_was_printed_before() {
        let answer =
            read("Loading plugins...\n{\"python\": {\"version\": \"3.12.1\"}}\n\n").expect("an answer");
        assert_eq!(answer["python"]["version"], "3.12.1");
        for garbage in ["", "Python 3.12.1", "[1]", "{\"python\": 3}"] {
            assert!(read(garbage).expect_err("no answer").starts_with("printed something else"), "{garbage}");
        }
    }
}
