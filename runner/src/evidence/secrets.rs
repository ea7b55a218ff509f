//! [`Secrets`]: the values that must not stand in any evidence, and the mark that stands instead of each.
//!
//! Known are the values of variables with private names ([`is_private`]) in the runner's environment, in `env:` of
//! a step and in `vars:` and `--set`. Everything that the runner writes passes here in one of four forms: a text,
//! a JSON value, a record, an event; the output of programs passes a [`Redactor`]. The programs themselves still
//! get the values. Without secrets nothing is copied. Must never print a value, not even in its `Debug`.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::event::{Event, Events};
use crate::evidence::forms::forms_of;
use crate::plan::{Plan, PlanAction, is_private};
use crate::process::{Hidden, Instead, Redactor};

/// Shorter values are words that stand everywhere.
const SHORTEST: usize = 6;

/// Words of the runner's own records. A value that is a part of one cannot be taken out of them.
const OWN_WORDS: &str = "running complete blocked interrupted broken pending skipped failed signal timeout \
    cancelled plugin_crash started ended moved asked retry fallback kernel capture profiler ledger";

/// Keys of the runner's own records below which names and numbers are the user's.
const FREE: [&str; 8] = ["vars", "overrides", "with", "profile", "env", "requested", "actual", "metrics"];

/// The secrets of a run. Clones share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    list: Vec<Secret>,
    hidden: Arc<Vec<Hidden>>,
    /// Names whose values are words of the runner's own.
    ordinary: Vec<String>,
}

struct Secret {
    name: String,
    value: Vec<u8>,
    forms: Arc<Vec<Vec<u8>>>,
    seen: Arc<AtomicBool>,
}

/// Which secrets are seen in one place after another.
pub(super) struct Watched {
    names: Vec<(String, Arc<AtomicBool>)>,
    pub(super) hidden: Arc<Vec<Hidden>>,
}

impl Watched {
    /// The names that were seen since the last call, sorted.
    pub(super) fn seen(&self) -> Vec<String> {
        let seen = self.names.iter().filter(|(_, seen)| seen.swap(false, Ordering::Relaxed));
        let mut names: Vec<String> = seen.map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.known().list.len())
    }
}

impl Secrets {
    /// Those of the runner's environment.
    pub fn of_environment() -> Self {
        use std::os::unix::ffi::OsStrExt;
        let secrets = Self::default();
        for (name, value) in std::env::vars_os() {
            if let Some(name) = name.to_str().filter(|name| is_private(name)) {
                secrets.add(name, value.as_bytes());
            }
        }
        secrets
    }

    /// Learns those of a plan: `vars`, `--set`, and the steps' `env` and fallbacks.
    pub fn learn_plan(&self, plan: &Plan) {
        self.learn(&plan.vars);
        for (name, both) in &plan.overrides {
            self.learn_one(name, &both.workflow);
        }
        for step in &plan.steps {
            let fallback = step.fallback.as_ref().map(|fallback| &fallback.attempt);
            for attempt in std::iter::once(&step.asked).chain(fallback) {
                self.learn(&attempt.env);
                self.learn(&attempt.actual);
            }
        }
    }

    /// Learns those of named values.
    pub fn learn(&self, values: &Map<String, Value>) {
        values.iter().for_each(|(name, value)| self.learn_one(name, value));
    }

    /// Learns one named value, or those named inside it.
    pub fn learn_one(&self, name: &str, value: &Value) {
        match value {
            _ if is_private(name) => self.learn_all(name, value),
            Value::Object(fields) => self.learn(fields),
            Value::Array(items) => items.iter().for_each(|item| self.learn_one("", item)),
            _ => {}
        }
    }

    fn learn_all(&self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.add(name, text.as_bytes()),
            Value::Number(number) => self.add(name, number.to_string().as_bytes()),
            Value::Array(items) => items.iter().for_each(|item| self.learn_all(name, item)),
            Value::Object(fields) => fields.values().for_each(|field| self.learn_all(name, field)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add(&self, name: &str, value: &[u8]) {
        // Programs print it without the end of line that a file gave it.
        let value = value.trim_ascii();
        let new = |known: &Known| {
            value.len() >= SHORTEST
                && !known.list.iter().any(|secret| secret.value == value)
                && !known.ordinary.iter().any(|ordinary| ordinary == name)
        };
        if !new(&self.known()) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let within = |text: &str| text.as_bytes().windows(value.len()).any(|part| part == value);
        let marked = known.list.iter().any(|secret| within(&mark(&secret.name))) || within(&mark(name));
        if marked || OWN_WORDS.split(' ').any(within) {
            known.ordinary.push(name.to_owned());
            return;
        }
        let forms = Arc::new(forms_of(value));
        known.list.push(Secret { name: name.to_owned(), value: value.to_vec(), forms, seen: Arc::default() });
        known.hidden = Arc::new(hide(&known.list));
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.known().list.is_empty()
    }

    /// What to hide, for the output of a program.
    pub fn hidden(&self) -> Arc<Vec<Hidden>> {
        Arc::clone(&self.known().hidden)
    }

    /// The same, with what is seen noted apart.
    pub(super) fn watched(&self) -> Watched {
        let copy = |secret: &Secret| Secret {
            name: secret.name.clone(),
            value: secret.value.clone(),
            forms: Arc::clone(&secret.forms),
            seen: Arc::default(),
        };
        let list: Vec<Secret> = self.known().list.iter().map(copy).collect();
        let hidden = Arc::new(hide(&list));
        Watched { names: list.into_iter().map(|secret| (secret.name, secret.seen)).collect(), hidden }
    }

    /// Notes that a value was found elsewhere.
    pub(super) fn note(&self, name: &str) {
        let known = self.known();
        known.list.iter().filter(|secret| secret.name == name).for_each(|secret| {
            secret.seen.store(true, Ordering::Relaxed);
        });
    }

    /// The names whose values were replaced somewhere, sorted.
    pub fn replaced(&self) -> Vec<String> {
        let known = self.known();
        let seen = known.list.iter().filter(|secret| secret.seen.load(Ordering::Relaxed));
        let mut names: Vec<String> = seen.map(|secret| secret.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The private names whose values cannot be told from the runner's own words, and are not replaced.
    pub fn ordinary(&self) -> Vec<String> {
        self.known().ordinary.clone()
    }

    /// A text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Bytes without secrets.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let hidden = self.hidden();
        if !hidden.iter().any(|hidden| hidden.is_in(bytes)) {
            return Cow::Borrowed(bytes);
        }
        let mut redactor = Redactor::new(hidden, Instead::Mark);
        let mut clean = Vec::with_capacity(bytes.len());
        // Writing into memory cannot fail.
        let _ = redactor.pass(bytes, &mut clean).and_then(|()| redactor.finish(&mut clean));
        Cow::Owned(clean)
    }

    /// Takes them out of a value of somebody else: texts, names, numbers.
    pub fn value(&self, value: &mut Value) {
        if !self.is_empty() {
            self.walk(value, true);
        }
    }

    /// Takes them out of the JSON of one of the runner's own records, whose keys and counts must stay.
    pub(super) fn own(&self, value: &mut Value) {
        if !self.is_empty() {
            self.walk(value, false);
        }
    }

    fn walk(&self, value: &mut Value, free: bool) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(clean) = self.text(text) {
                    *text = clean;
                }
            }
            Value::Number(number) if free => {
                if let Cow::Owned(clean) = self.text(&number.to_string()) {
                    *value = Value::String(clean);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, free)),
            Value::Object(fields) => {
                for (key, field) in fields.iter_mut() {
                    self.walk(field, free || FREE.contains(&key.as_str()));
                }
                if free && fields.keys().any(|key| matches!(self.text(key), Cow::Owned(_))) {
                    let old = std::mem::take(fields);
                    fields.extend(old.into_iter().map(|(key, field)| (self.text(&key).into_owned(), field)));
                }
            }
            _ => {}
        }
    }

    /// A record of the runner's own without secrets.
    pub fn record<T: Serialize + DeserializeOwned>(&self, record: T) -> Result<T, serde_json::Error> {
        if self.is_empty() {
            return Ok(record);
        }
        let mut value = serde_json::to_value(&record)?;
        self.walk(&mut value, false);
        serde_json::from_value(value)
    }

    /// A program and its arguments. What only shows when they stand side by side is taken out of the whole line.
    pub fn argv(&self, argv: Vec<String>) -> Vec<String> {
        if self.is_empty() {
            return argv;
        }
        let words: Vec<String> = argv.iter().map(|word| self.text(word).into_owned()).collect();
        match self.text(&words.join(" ")) {
            Cow::Borrowed(_) => words,
            Cow::Owned(line) => vec![line],
        }
    }

    /// What an attempt does, to be shown.
    pub fn action<'a>(&self, action: &'a PlanAction) -> Cow<'a, PlanAction> {
        if self.is_empty() {
            return Cow::Borrowed(action);
        }
        let mut shown = action.clone();
        match &mut shown {
            PlanAction::Run { argv, .. } => *argv = self.argv(std::mem::take(argv)),
            PlanAction::Use { with } => self.value(with),
        }
        Cow::Owned(shown)
    }

    /// Events without secrets on their way to a listener.
    pub fn events(&self, listener: Events) -> Events {
        let secrets = self.clone();
        Events::new(move |_, event| {
            if secrets.is_empty() {
                return listener.emit(event);
            }
            let mut event = event.clone();
            if let Event::Fallback { requested, actual, .. } = &mut event {
                secrets.value(requested);
                secrets.value(actual);
            }
            for text in event.texts() {
                if let Cow::Owned(clean) = secrets.text(text) {
                    *text = clean;
                }
            }
            listener.emit(&event);
        })
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands instead of a value. It needs no escapes in JSON, and is no part of a path.
fn mark(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    format!("[redacted {}]", name.chars().map(plain).collect::<String>())
}

/// Every form in which the values stand in texts.
fn hide(list: &[Secret]) -> Vec<Hidden> {
    let hidden =
        |secret: &Secret, form: &[u8]| Hidden::new(form, &mark(&secret.name), Arc::clone(&secret.seen));
    let of_one = |secret: &Secret| secret.forms.iter().map(|form| hidden(secret, form)).collect::<Vec<_>>();
    list.iter().flat_map(of_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secrets(values: &Value) -> Secrets {
        let secrets = Secrets::default();
        secrets.learn(values.as_object().expect("a map"));
        secrets
    }

    #[test]
    fn a_text_without_secrets_is_not_copied() {
        let secrets = secrets(&json!({ "API_TOKEN": "s3cr3t-value" }));
        assert!(matches!(secrets.text("plain"), Cow::Borrowed("plain")));
        assert_eq!(secrets.text("x s3cr3t-value y"), "x [redacted API_TOKEN] y");
        assert_eq!(secrets.replaced(), ["API_TOKEN"]);
        assert!(Secrets::default().is_empty());
    }

    #[test]
    fn every_json_form_of_a_value_is_found() {
        let value = "a\"b\\c\nd\u{e9}\u{1f600}";
        let secrets = secrets(&json!({ "DB_PASSWORD": value }));
        let python = "{\"p\": \"a\\\"b\\\\c\\nd\\u00e9\\ud83d\\ude00\"}";
        for text in [value.to_owned(), json!({ "p": value }).to_string(), python.to_owned()] {
            let clean = secrets.text(&text);
            assert!(clean.contains("[redacted DB_PASSWORD]") && !clean.contains("b\\"), "{clean}");
        }
        let parsed: Value = serde_json::from_str(&secrets.text(python)).expect("still JSON");
        assert_eq!(parsed, json!({ "p": "[redacted DB_PASSWORD]" }));
    }

    #[test]
    fn numbers_and_names_of_the_user_are_replaced_and_those_of_the_runner_are_not() {
        let secrets = secrets(&json!({ "PIN_TOKEN": 1_234_567, "auth": { "user": "somebody" } }));
        let mut own = json!({ "pid": 1_234_567, "somebody": 1, "vars": { "n": 1_234_567, "somebody": 1 } });
        secrets.own(&mut own);
        let expected = json!({
            "pid": 1_234_567, "somebody": 1,
            "vars": { "n": "[redacted PIN_TOKEN]", "[redacted auth]": 1 },
        });
        assert_eq!(own, expected);
    }

    #[test]
    fn words_of_the_runner_and_short_values_cannot_be_hidden() {
        let secrets = secrets(
            &json!({ "AUTH": "failed", "A_TOKEN": "A_TOKEN", "TOKEN": "short", "SIZE": "plainvalue" }),
        );
        assert!(secrets.is_empty());
        assert_eq!(secrets.ordinary(), ["AUTH", "A_TOKEN"]);
        assert_eq!(format!("{secrets:?}"), "Secrets(0)");
    }

    #[test]
    fn a_secret_across_two_arguments_is_seen() {
        let secrets = secrets(&json!({ "PASSPHRASE": "correct horse" }));
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(secrets.argv(words("echo correct horse now")), ["echo [redacted PASSPHRASE] now"]);
        assert_eq!(secrets.argv(words("echo horse")), ["echo", "horse"]);
    }
}
