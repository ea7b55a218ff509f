//! The values that cross the border: what a plugin's author builds is what the host reads.
//!
//! The JSON is written out here, because it is the contract with plugins in C: a change that breaks it must
//! be seen as one.

use runner_plugin::{Edit, Error, ErrorKind, Finish, Metrics, Program, ProgramOutput};
use serde_json::json;

#[test]
fn metrics_keep_their_order_and_never_hold_a_number_that_json_lacks() {
    let metrics = Metrics::new()
        .with("correlation", 0.5, "1")
        .with("speedup", f64::NAN, "1")
        .with("rate", f64::INFINITY, "px/s")
        .with_list("seconds", &[0.25, 0.5], "s")
        .with_count("pixels", 4096, "px")
        .with_unknown("peak", "B", "the kernel does not tell");
    let expected = json!({
        "correlation": { "value": 0.5, "unit": "1" },
        "speedup": { "value": null, "unit": "1", "reason": "the value is NaN" },
        "rate": { "value": null, "unit": "px/s", "reason": "the value is inf" },
        "seconds": { "value": [0.25, 0.5], "unit": "s" },
        "pixels": { "value": 4096, "unit": "px" },
        "peak": { "value": null, "unit": "B", "reason": "the kernel does not tell" },
    });
    assert_eq!(serde_json::to_string(&metrics).expect("JSON"), expected.to_string());
}

#[test]
fn what_the_host_sends_is_read() {
    let finish: Finish = serde_json::from_value(json!({ "seconds": [0.1], "asked": 1 })).expect("read");
    assert_eq!(finish, Finish { seconds: vec![0.1], asked: 1 });
    let reply = json!({ "outcome": "signal", "exit_code": null, "signal": 9, "stdout": "", "stderr": "" });
    let output: ProgramOutput = serde_json::from_value(reply).expect("read");
    assert_eq!((output.outcome.as_str(), output.exit_code, output.signal), ("signal", None, Some(9)));
    let program: Program = serde_json::from_value(json!({ "argv": ["git"] })).expect("the rest has defaults");
    assert!(program.env.is_empty() && program.timeout_s.is_none());
    let edit: Edit =
        serde_json::from_value(json!({ "splices": {}, "attempt": null, "summary": "" })).expect("read");
    assert_eq!(edit, Edit::default());
}

#[test]
fn errors_of_the_standard_library_keep_what_the_runner_must_know() {
    let memory = Vec::<u64>::new().try_reserve(usize::MAX).expect_err("too much");
    assert_eq!(Error::from(memory).kind(), ErrorKind::OutOfMemory);
    let io = std::io::Error::from(std::io::ErrorKind::OutOfMemory);
    assert_eq!(Error::from(io).kind(), ErrorKind::OutOfMemory);
    let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
    let missing = Error::from(missing);
    assert_eq!((missing.kind(), missing.to_string().as_str()), (ErrorKind::Failed, "no such file"));
}
