//! The question that the plugin puts to Python, put to a real one, with a torch that this test makes up.
//!
//! On a machine without `python3` there is nothing to ask: then the answer must be that it is missing.

#![expect(clippy::disallowed_methods, reason = "the test plays the runner, which starts the program")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use runner_plugin::ProgramOutput;
use runner_plugin_testkit::{Testkit, built_library};
use serde_json::{Value, json};

/// Captures with the real `python3`, which finds a module `torch` of this text.
fn with_torch(module: &str) -> Option<Value> {
    let modules = tempfile::tempdir().expect("a directory");
    let path = modules.path().to_owned();
    File::create(path.join("torch.py"))
        .and_then(|mut file| file.write_all(module.as_bytes()))
        .expect("written");
    let kit = Testkit::load(built_library("env-capture")).expect("a plugin").answering(move |program| {
        if program.argv[0] != "python3" {
            return Err("not in this test".to_owned());
        }
        start(&program.argv, &path)
    });
    let env = kit.capture(json!({})).expect("captured");
    if env["python"].is_null() {
        assert!(
            env["unknown"]["python"].as_str().is_some_and(|reason| reason.contains("cannot start")),
            "{env}"
        );
        return None;
    }
    assert!(env["python"]["version"].as_str().is_some_and(|version| version.starts_with("3.")), "{env}");
    assert!(env["python"]["executable"].as_str().is_some_and(|path| path.starts_with('/')), "{env}");
    let left: Vec<_> = modules.path().read_dir().expect("readable").collect();
    assert_eq!(left.len(), 1, "no byte code is written beside the modules");
    Some(env)
}

fn start(argv: &[String], modules: &Path) -> Result<ProgramOutput, String> {
    let output = Command::new(&argv[0])
        .args(&argv[1..])
        .env("PYTHONPATH", modules)
        .output()
        .map_err(|error| format!("cannot start: {error}"))?;
    Ok(ProgramOutput {
        outcome: if output.status.success() { "ok" } else { "failed" }.to_owned(),
        exit_code: output.status.code(),
        signal: None,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[test]
fn a_torch_with_cuda_is_described_whatever_it_prints() {
    let module = "
print('importing')
__version__ = '9.9.1+cu1'
class version: cuda = '12.8'
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    get_device_name = staticmethod(lambda i: 'GPU %d' % i)
get_num_threads = lambda: 8
";
    let Some(env) = with_torch(module) else { return };
    assert_eq!(
        env["torch"],
        json!({
            "version": "9.9.1+cu1", "cuda_available": true, "cuda_version": "12.8",
            "devices": ["GPU 0", "GPU 1"], "threads": 8,
        })
    );
    assert_eq!(env["cuda_available"], true);
}

#[test]
fn a_torch_that_fails_to_import_or_to_answer_leaves_nulls_with_its_words() {
    let Some(env) = with_torch("raise ImportError('libcudart.so.12: no such file')") else { return };
    assert_eq!((&env["torch"], &env["cuda_available"]), (&Value::Null, &Value::Null));
    assert_eq!(env["unknown"]["torch"], "ImportError: libcudart.so.12: no such file");

    let Some(env) = with_torch("__version__ = '2.0'\nraise SystemExit(3)") else { return };
    assert_eq!(env["unknown"]["torch"], "SystemExit: 3", "even an exit is an answer");

    let Some(env) = with_torch("__version__ = '2.0'\nclass version: cuda = None") else { return };
    assert_eq!(env["torch"]["version"], "2.0");
    assert_eq!(env["torch"]["cuda_available"], Value::Null);
    assert_eq!(env["cuda_available"], Value::Null);
    assert!(
        env["unknown"]["torch.cuda_available"].as_str().is_some_and(|why| why.starts_with("AttributeError"))
    );
    assert_eq!(env["torch"]["cuda_version"], Value::Null);
    assert_eq!(env["unknown"]["torch.cuda_version"], "this torch was built without CUDA");

    let Some(env) = with_torch("__version__ = '2.0'") else { return };
    assert_eq!(env["torch"]["cuda_version"], Value::Null);
    assert!(
        env["unknown"]["torch.cuda_version"].as_str().is_some_and(|why| why.starts_with("AttributeError")),
        "torch could not say: {env}"
    );
}
