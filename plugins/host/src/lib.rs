//! Loads plugin libraries and drives them, in a child process of the runner.
//!
//! The runner starts itself again as `runner plugin-host`, which calls [`serve`]. Everything foreign is
//! loaded here and only here: a crash, an exit or a hang of a plugin is a wait status for the runner.
//! [`protocol`] holds the types of the conversation, which the runner's client shares.

pub mod protocol;
