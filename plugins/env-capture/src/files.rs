//! [`Files`]: how the sections read `/proc`, `/sys` and `/etc`: through the host, or from a test's table.
//!
//! Every section that looks at the machine takes one. A section must never open a file by itself: what the
//! host reads is in the evidence.

use runner_plugin::Host;

/// Reads small text files.
pub(crate) trait Files {
    /// The whole text; the error names the path and the reason.
    fn read(&self, path: &str) -> Result<String, String>;

    /// One line, without the white space around it.
    fn line(&self, path: &str) -> Result<String, String> {
        Ok(self.read(path)?.trim().to_owned())
    }

    /// A file that holds one whole number.
    fn number(&self, path: &str) -> Result<i64, String> {
        let line = self.line(path)?;
        line.parse().map_err(|_| format!("{path} holds {line:?}, which is not a whole number"))
    }
}

/// The files of this machine.
pub(crate) struct HostFiles(pub(crate) Host);

impl Files for HostFiles {
    fn read(&self, path: &str) -> Result<String, String> {
        let bytes = self.0.read(path).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The files of a test: path to text.
#[cfg(test)]
pub(crate) struct FakeFiles(pub(crate) &'static [(&'static str, &'static str)]);

#[cfg(test)]
impl Files for FakeFiles {
    fn read(&self, path: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| format!("read `{path}`: not in this test"))
    }
}
