//! [`Wire`]: the two pipes to the runner, as a [`Peer`].
//!
//! Made by `serve` before anything else happens: it moves stdin and stdout to descriptors that no plugin
//! knows, so that whatever a plugin prints goes to the step's log and never into the conversation. A reader
//! thread takes the runner's lines. It must never block a plugin's log line on an answer.

use std::fs::File;
use std::io::{BufRead, BufReader, Error, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::orphan::orphaned;
use crate::protocol::{FromHost, Job, ToHost};
use crate::{Cancellation, Peer};

const GONE: &str = "the runner is gone";

enum Answer {
    Ran(Result<Value, String>),
    Text(Result<String, String>),
    Ended,
}

/// The conversation with the runner.
pub(crate) struct Wire {
    out: Mutex<File>,
    /// Locked for a whole question, so that two threads cannot take each other's answers.
    answers: Mutex<Receiver<Answer>>,
}

impl Wire {
    /// Takes stdin and stdout over and reads the job. Standard input reads as empty from now on, and
    /// standard output is standard error. A runner that goes away leaves the plugin `grace` to return.
    pub(crate) fn open(cancellation: &Arc<Cancellation>, grace: Duration) -> Result<(Self, Job), Error> {
        // Copies close on exec: a program that a plugin starts behind our back inherits neither.
        let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        let out = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(std::io::stderr())?;

        let mut input = BufReader::new(input);
        let job = first_line(&mut input)?;
        let (sender, answers) = channel();
        let cancellation = Arc::clone(cancellation);
        std::thread::Builder::new().name("runner-messages".to_owned()).spawn(move || {
            listen(input, &sender, &cancellation);
            // Whoever waits for an answer learns now that none will come.
            drop(sender);
            orphaned(&cancellation, grace);
        })?;
        Ok((Self { out: Mutex::new(out), answers: Mutex::new(answers) }, job))
    }

    /// Sends one line; one `write` call for each, as far as the pipe takes it.
    pub(crate) fn say(&self, message: &FromHost) -> Result<(), Error> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }

    fn ask(&self, question: &FromHost) -> Result<Answer, String> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        self.say(question).map_err(|error| format!("{GONE}: {error}"))?;
        answers.recv().map_err(|_| GONE.to_owned())
    }
}

impl Peer for Wire {
    fn tell(&self, event: FromHost) {
        // A runner that is gone closes both pipes: the reader notices, and ends the work.
        let _ = self.say(&event);
    }

    fn run(&self, request: Value) -> Result<Value, String> {
        match self.ask(&FromHost::Run(request))? {
            Answer::Ran(reply) => reply,
            _ => Err("the runner answered another question".to_owned()),
        }
    }

    fn read(&self, path: &str) -> Result<String, String> {
        match self.ask(&FromHost::Read { path: path.to_owned() })? {
            Answer::Text(text) => text,
            _ => Err("the runner answered another question".to_owned()),
        }
    }

    fn attached(&self) -> Result<(), String> {
        match self.ask(&FromHost::Attached)? {
            Answer::Ended => Ok(()),
            _ => Err("the runner answered another question".to_owned()),
        }
    }
}

fn first_line(input: &mut impl BufRead) -> Result<Job, Error> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    match serde_json::from_str(&line) {
        Ok(ToHost::Job(job)) => Ok(*job),
        Ok(_) => Err(Error::other("the first message must be a job")),
        Err(error) => Err(Error::other(format!("the first message must be a job: {error}"))),
    }
}

/// Runs until the runner closes its end, or speaks another language: then nobody waits for the result.
fn listen(input: impl BufRead, answers: &Sender<Answer>, cancellation: &Cancellation) {
    for line in input.lines() {
        let message = line.ok().and_then(|line| serde_json::from_str(&line).ok());
        let answer = match message {
            Some(ToHost::Ran(reply)) => Answer::Ran(reply),
            Some(ToHost::Text(text)) => Answer::Text(text),
            Some(ToHost::Ended) => Answer::Ended,
            Some(ToHost::Cancel) => {
                cancellation.cancel();
                continue;
            }
            Some(ToHost::Job(_)) | None => break,
        };
        if answers.send(answer).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancellation_is_heard_while_the_runner_goes_on_talking() {
        let (mut runner, host) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let cancellation = Arc::new(Cancellation::new());
        let (sender, answers) = channel();
        let heard = Arc::clone(&cancellation);
        let listener = std::thread::spawn(move || listen(BufReader::new(host), &sender, &heard));
        runner.write_all(b"{\"text\":{\"Ok\":\"\"}}\n").expect("sent");
        assert!(matches!(answers.recv(), Ok(Answer::Text(Ok(_)))));
        assert!(!cancellation.is_cancelled());
        runner.write_all(b"\"cancel\"\n{\"ran\":{\"Ok\":null}}\n").expect("sent");
        assert!(matches!(answers.recv(), Ok(Answer::Ran(Ok(Value::Null)))));
        assert!(cancellation.is_cancelled());
        drop(runner);
        listener.join().expect("ends with the runner");
    }

    #[test]
    fn the_answers_of_a_runner_that_is_gone_are_still_delivered() {
        let cancellation = Cancellation::new();
        let (sender, answers) = channel();
        let lines = "{\"ran\":{\"Err\":\"no such file\"}}\n{\"text\":{\"Ok\":\"# Plan\"}}\n";
        listen(lines.as_bytes(), &sender, &cancellation);
        assert!(matches!(answers.recv(), Ok(Answer::Ran(Err(error))) if error == "no such file"));
        assert!(matches!(answers.recv(), Ok(Answer::Text(Ok(text))) if text == "# Plan"));
        assert!(answers.try_recv().is_err(), "there are no others");
    }

    #[test]
    fn the_first_message_must_be_a_job() {
        for (line, reason) in [("\"cancel\"\n", "must be a job"), ("", "EOF"), ("{]\n", "must be a job")] {
            let error = first_line(&mut line.as_bytes()).expect_err(reason);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
