//! [`Places`]: where a command may write besides its bundle, made ready for it.
//!
//! A directory (a name that ends in `/`) that is not there is made, because a program can make it only when it
//! may write above it; when it is still empty afterwards, it goes again.

use std::io;
use std::path::{Path, PathBuf};

use crate::plan::place;

/// The places of one command.
#[derive(Debug, Default)]
pub struct Places {
    paths: Vec<PathBuf>,
    made: Vec<PathBuf>,
}

impl Places {
    /// Finds them, and makes the directories of the project that are not there.
    pub fn prepare(project: &Path, writes: &[String]) -> io::Result<Self> {
        let mut places = Self::default();
        for write in writes {
            let Some(path) = place(project, write) else { continue };
            if write.ends_with('/') && path.starts_with(project) && !path.exists() {
                let missing = path.ancestors().take_while(|above| !above.exists());
                places.made.extend(missing.map(Path::to_owned));
                std::fs::create_dir_all(&path)?;
            }
            places.paths.push(path);
        }
        Ok(places)
    }

    /// The paths, without symbolic links.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Takes away the directories that were made and not used.
    pub fn tidy(&self) {
        for directory in &self.made {
            // One that is not empty stays, and that is what the error would say.
            let _ = std::fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_and_goes_again_when_nobody_used_it() {
        let directory = tempfile::tempdir().expect("tempdir");
        let root = directory.path().canonicalize().expect("real");
        let writes = ["out/deep/".to_owned(), "out/file".to_owned(), "$NO_SUCH_VARIABLE_1/x".to_owned()];
        let places = Places::prepare(&root, &writes).expect("places");
        assert_eq!(places.paths(), [root.join("out/deep"), root.join("out/file")]);
        assert!(root.join("out/deep").is_dir());
        places.tidy();
        assert!(!root.join("out").exists());
        let places = Places::prepare(&root, &writes).expect("places");
        std::fs::create_dir(root.join("out/deep/used")).expect("mkdir");
        places.tidy();
        assert!(root.join("out/deep/used").is_dir());
    }
}
