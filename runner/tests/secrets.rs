//! Secrets are planted everywhere a run can carry them, and then looked for in every file of the bundle, in the
//! ledger, and in what the user sees. The programs themselves must still get them.

mod evidence;
mod support;

use std::process::Output;

use evidence::{Evidence, LEDGER_STEP, ROOT, workflow};
use serde_json::Value;
use support::Project;

/// In the runner's environment, with all that JSON escapes.
const TOKEN: &str = "gh\"to\\ken\nline-two";
const PASSWORD: &str = "step-passw0rd-'quoted'";
const KEY: &str = "default-api-key-1";
const SET: &str = "set-on-the-command-line";
const PIN: &str = "987654321";

/// Prints and keeps everything, in pieces that no single read sees whole, and fails with a secret last word.
const CARRIER: &str = r#"
test "$SERVICE_PASSWORD" = "step-passw0rd-'quoted'" && echo "the program has its password"
head -c 65530 /dev/zero | tr '\0' x; printf '%s\n' "$GITHUB_TOKEN"
printf 'gh"to\\ken'; sleep 0.3; printf '\nline-two\n'
printf 'step-passw' >&2; sleep 0.3; printf "0rd-'quoted'\n" >&2
mkdir -p "$OUT/kept"
printf 'a note: %s.\n' "$GITHUB_TOKEN" > "$OUT/kept/note.txt"
printf '\000\001%s\002tail' "$SERVICE_PASSWORD" > "$OUT/kept/image.bin"
printf '{"pin": %s, "deep": {"%s": 1}}' "$1" "$1" > "$OUT/kept/data.json"
printf 'user:%s' "$SERVICE_PASSWORD" | base64 > "$OUT/kept/base64.txt"
printf '%s' "$SERVICE_PASSWORD" | od -An -v -tx1 | tr -d ' \n'; echo
echo "harmless" > "$OUT/kept/plain.txt"
echo "named" > "$OUT/kept/$2.txt"
chmod 444 "$OUT/kept/note.txt"
echo "cannot log in with $2 and $SERVICE_PASSWORD" >&2
exit 3
"#;

fn steps() -> String {
    format!(
        r#"
  - id: env
    uses: env-capture
  - id: login
    run: [curl-like, "--header=${{{{ vars.deploy_token }}}}", "${{{{ vars.pin_token }}}}", "${{{{ vars.api_key }}}}"]
    always: true
  - id: carry
    run: [sh, carrier.sh, "${{{{ vars.pin_token }}}}", "${{{{ vars.deploy_token }}}}"]
    env: {{ OUT: "${{{{ bundle }}}}", SERVICE_PASSWORD: "step-passw0rd-'quoted'" }}
    always: true
{LEDGER_STEP}"#
    )
}

fn project() -> Project {
    let project = Project::new();
    project.write("carrier.sh", CARRIER);
    project.write("bin/curl-like", "#!/bin/sh\necho \"$@\"\n");
    let head = format!("vars: {{ api_key: {KEY}, deploy_token: unset, pin_token: 0 }}");
    project.write("w.yaml", workflow(&head, &steps()));
    project.commit();
    project
}

fn runner(project: &Project, arguments: &[&str]) -> Output {
    let mut command = project.command_of_runner();
    let script = project.path("bin/curl-like");
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("executable");
    let path = format!("{}:{}", project.path("bin").display(), std::env::var("PATH").expect("a path"));
    command.args(arguments).env("PATH", path).env("GITHUB_TOKEN", TOKEN).output().expect("the runner starts")
}

/// Every form in which a value could be read.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = Vec::new();
    for value in [TOKEN, PASSWORD, KEY, SET, PIN] {
        let json = Value::from(value).to_string();
        forms.push((value, value.as_bytes().to_vec()));
        forms.push((value, json.as_bytes()[1..json.len() - 1].to_vec()));
        forms.push((value, value.lines().next().expect("a line").as_bytes().to_vec()));
        forms.push((value, value.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()));
    }
    // All of the password's digits but those that it shares with its neighbours.
    forms.push((PASSWORD, b"zdGVwLXBhc3N3MHJkLSdxdW90ZWQn".to_vec()));
    forms
}

fn assert_clean(name: &str, bytes: &[u8]) {
    for (value, form) in forms() {
        let found = bytes.windows(form.len()).position(|part| part == form);
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(80)..(at + 80).min(bytes.len())];
            panic!("{name} holds {value:?}: ...{}...", String::from_utf8_lossy(around));
        }
    }
}

const SETS: [&str; 4] = ["--set", "deploy_token=set-on-the-command-line", "--set", "pin_token=987654321"];

#[test]
fn no_secret_stands_in_the_bundle_the_ledger_or_the_terminal() {
    for json in [false, true] {
        let project = project();
        let mut arguments = vec!["run", "w.yaml"];
        arguments.extend(SETS);
        arguments.extend(json.then_some("--json"));
        let output = runner(&project, &arguments);
        let terminal = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&terminal));
        assert_clean("the terminal", &terminal);
        assert!(String::from_utf8_lossy(&terminal).contains("[redacted SERVICE_PASSWORD]"));
        assert_clean("the ledger", project.read("docs/fix_plan.md").as_bytes());
        assert!(project.read("docs/fix_plan.md").contains("[redacted deploy_token]"));
        let evidence = Evidence::only(&project);
        for file in evidence.files() {
            assert_clean("a file's name", file.as_bytes());
            assert_clean(&file, &evidence.bytes(&file));
        }
        let verified = project.runner(&["verify", &format!("{ROOT}/{}", evidence.stamp())]);
        assert_eq!(verified.code, Some(0), "{}", verified.transcript());
    }
}

#[test]
fn the_programs_get_their_secrets_and_the_evidence_names_what_was_taken_out() {
    let project = project();
    let mut arguments = vec!["run", "w.yaml"];
    arguments.extend(SETS);
    runner(&project, &arguments);
    let evidence = Evidence::only(&project);
    let log = evidence.text("logs/carry-1.stdout.log");
    assert!(log.starts_with("the program has its password\n"), "{log}");
    assert_eq!(log.matches("[redacted GITHUB_TOKEN]").count(), 2, "whole and in two writes");
    assert_eq!(log.matches('x').count(), 65530, "nothing else is missing");
    assert!(evidence.text("logs/carry-1.stderr.log").starts_with("[redacted SERVICE_PASSWORD]\n"));
    assert_eq!(
        evidence.text("logs/login-1.stdout.log"),
        "--header=[redacted deploy_token] [redacted pin_token] [redacted api_key]\n"
    );
    let state = evidence.state();
    let names = ["GITHUB_TOKEN", "SERVICE_PASSWORD", "api_key", "deploy_token", "pin_token"];
    assert_eq!(state["redacted"], serde_json::json!(names));
    assert!(evidence.text("summary.md").contains("the values of GITHUB_TOKEN, SERVICE_PASSWORD, api_key"));
    assert_eq!(evidence.json("plan.json")["vars"]["pin_token"], "[redacted pin_token]");

    assert_eq!(evidence.text("kept/note.txt"), "a note: [redacted GITHUB_TOKEN].\n");
    let stars = "*".repeat(PASSWORD.len());
    assert_eq!(evidence.bytes("kept/image.bin"), format!("\0\u{1}{stars}\u{2}tail").as_bytes());
    let data = serde_json::json!({ "pin": "[redacted pin_token]", "deep": { "[redacted pin_token]": 1 } });
    assert_eq!(evidence.json("kept/data.json"), data, "JSON stays JSON");
    assert_eq!(evidence.text("kept/plain.txt"), "harmless\n");
    assert!(evidence.has("kept/[redacted deploy_token].txt"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &evidence.path().join("kept/note.txt").metadata().expect("there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o444, "the mode stays");
    let surprises: Vec<&str> =
        state["surprises"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for told in [
        "the file `kept/note.txt` held the value of GITHUB_TOKEN: a mark stands instead",
        "the file `kept/image.bin` held the value of SERVICE_PASSWORD: it is no text, so `*` stand instead",
    ] {
        assert!(surprises.contains(&told), "{surprises:#?}");
    }
}

#[test]
fn a_plan_and_a_mistake_show_no_secret() {
    let project = project();
    for arguments in [&["plan", "w.yaml"][..], &["plan", "w.yaml", "--json"][..]] {
        let output = runner(&project, &[arguments, &SETS].concat());
        assert_eq!(output.status.code(), Some(0));
        assert_clean("the plan", &output.stdout);
        assert!(String::from_utf8_lossy(&output.stdout).contains("[redacted deploy_token]"));
    }
    let set = format!("depoly_token={SET}");
    let output = runner(&project, &["run", "w.yaml", "--set", &set]);
    assert_eq!(output.status.code(), Some(2));
    assert_clean("the mistake", &output.stderr);
}

#[test]
fn a_log_whose_name_would_be_a_secret_is_not_made() {
    let project = Project::new();
    let step = "  - id: a\n    run: [echo]\n    log: \"${{ vars.my_token }}.log\"\n";
    project.write("w.yaml", workflow("vars: { my_token: set-on-the-command-line }", step));
    project.commit();
    let ended = project.runner(&["run", "w.yaml"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stderr.contains("cannot make the log `[redacted my_token].log`"), "{}", ended.stderr);
    assert_clean("state.json", &Evidence::only(&project).bytes("state.json"));
}

#[test]
fn without_secrets_the_evidence_says_nothing_of_them() {
    let project = Project::new();
    project.write("w.yaml", workflow("", "  - id: a\n    run: [echo, a]\n"));
    project.commit();
    let mut command = project.command_of_runner();
    let output = command.env_clear().env("PATH", std::env::var("PATH").expect("a path"));
    assert!(output.args(["run", "w.yaml"]).output().expect("it starts").status.success());
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.state()["redacted"], Value::Null);
    assert!(!evidence.text("summary.md").contains("Redacted"));
}

#[test]
fn every_name_that_is_private_for_the_runner_is_so_for_env_capture() {
    let project = Project::new();
    project.write("w.yaml", workflow("", "  - id: env\n    uses: env-capture\n"));
    project.commit();
    let words = runner::plan::PRIVATE_WORDS.iter().map(|word| format!("MY_{word}_X"));
    let keys = runner::plan::PRIVATE_KEYS.iter().map(|word| format!("MY_{word}_KEY"));
    let names: Vec<String> = words.chain(keys).chain(["MY_PWD".to_owned()]).collect();
    let mut command = project.command_of_runner();
    for (index, name) in names.iter().enumerate() {
        assert!(runner::plan::is_private(name), "{name}");
        command.env(name, format!("planted-value-{index}-"));
    }
    assert!(command.args(["run", "w.yaml"]).output().expect("it starts").status.success());
    let env = Evidence::only(&project).json("env.json");
    for name in &names {
        assert_eq!(env["environment"]["variables"][name], "<redacted>", "the plugin itself redacted {name}");
    }
}

#[test]
fn an_interrupted_run_is_cleaned_too() {
    let project = Project::new();
    let step = "  - id: a\n    run: \"echo \\\"$GITHUB_TOKEN\\\" > ${{ bundle }}/note.txt; sleep 60\"\n";
    project.write("w.yaml", workflow("", step));
    project.commit();
    let mut command = project.command_of_runner();
    let mut run = command.args(["run", "w.yaml"]).env("GITHUB_TOKEN", TOKEN).spawn().expect("it starts");
    let written = || {
        project.path(ROOT).exists() && {
            let mut files = project.files().into_iter();
            files.any(|file| file.ends_with("note.txt") && !project.read(&file).is_empty())
        }
    };
    for _ in 0..600 {
        if written() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&run), rustix::process::Signal::INT)
        .expect("it runs");
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let evidence = Evidence::only(&project);
    assert_eq!(evidence.text("note.txt"), "[redacted GITHUB_TOKEN]\n");
    assert_eq!(evidence.state()["redacted"], serde_json::json!(["GITHUB_TOKEN"]));
    for file in evidence.files() {
        assert_clean(&file, &evidence.bytes(&file));
    }
}
