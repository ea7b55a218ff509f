//! [`MemoryPeer`]: the other side of the host in a test. It keeps every event, answers programs by a closure
//! and documents from memory.
//!
//! Made and asked by `Testkit`. It must never start a program.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use runner_plugin::{Program, ProgramOutput};
use runner_plugin_host::Peer;
use runner_plugin_host::protocol::FromHost;
use serde_json::Value;

/// Answers the programs that a plugin asks for.
pub(crate) type Answering = Box<dyn Fn(&Program) -> Result<ProgramOutput, String> + Send + Sync>;

#[derive(Default)]
pub(crate) struct MemoryPeer {
    events: Mutex<Vec<FromHost>>,
    programs: Mutex<Vec<Program>>,
    documents: Mutex<BTreeMap<String, String>>,
    answering: Mutex<Option<Answering>>,
}

impl MemoryPeer {
    pub(crate) fn answer_with(&self, answering: Answering) {
        *lock(&self.answering) = Some(answering);
    }

    pub(crate) fn show(&self, documents: BTreeMap<String, String>) {
        *lock(&self.documents) = documents;
    }

    pub(crate) fn events(&self) -> Vec<FromHost> {
        lock(&self.events).clone()
    }

    pub(crate) fn programs(&self) -> Vec<Program> {
        lock(&self.programs).clone()
    }
}

impl Peer for MemoryPeer {
    fn tell(&self, event: FromHost) {
        lock(&self.events).push(event);
    }

    fn run(&self, request: Value) -> Result<Value, String> {
        let program: Program = serde_json::from_value(request).map_err(|error| format!("run: {error}"))?;
        lock(&self.programs).push(program.clone());
        let answering = lock(&self.answering);
        let answer = answering.as_ref().ok_or_else(|| format!("this test runs no {:?}", program.argv))?;
        serde_json::to_value(answer(&program)?).map_err(|error| error.to_string())
    }

    fn read(&self, path: &str) -> Result<String, String> {
        lock(&self.documents).get(path).cloned().ok_or_else(|| "the test shows no such document".to_owned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
