//! What can be read of a git repository without starting git: its root and the commit of HEAD.
//!
//! Cheap enough to be asked for every command. Whether the tree is dirty is asked of git itself, by the run.

use std::fs;
use std::path::{Path, PathBuf};

/// The nearest directory at or above `start` that holds a `.git` (a directory, or the file of a worktree).
pub fn root_above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_owned)
}

/// The commit that HEAD names, in 40 (or 64) hexadecimal digits; `None` outside a repository or before the
/// first commit. `start` lies anywhere in the repository.
pub fn head(start: &Path) -> Option<String> {
    let git = git_directory(&root_above(start)?)?;
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else { return commit(&head) };
    // In a linked worktree the branches live in the common directory.
    let common = match fs::read_to_string(git.join("commondir")) {
        Ok(common) => git.join(common.trim()),
        Err(_) => git.clone(),
    };
    for directory in [&git, &common] {
        if let Ok(text) = fs::read_to_string(directory.join(reference)) {
            return commit(&text);
        }
    }
    let packed = fs::read_to_string(common.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(reference)?.strip_suffix(' ').and_then(commit))
}

fn git_directory(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    Some(root.join(text.trim().strip_prefix("gitdir: ")?))
}

fn commit(text: &str) -> Option<String> {
    let text = text.trim();
    (matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::write_atomic;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn head_is_read_loose_packed_detached_and_from_a_worktree() {
        let directory = tempfile::tempdir().expect("tempdir");
        let root = directory.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
            write_atomic(&path, text.as_bytes()).expect("write");
        };
        assert_eq!(head(root), None, "no repository");
        write(".git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(head(root), None, "before the first commit");
        write(".git/packed-refs", &format!("# pack-refs\n{COMMIT} refs/heads/main\n"));
        assert_eq!(head(root).as_deref(), Some(COMMIT), "packed");
        write(".git/refs/heads/main", &"a".repeat(40));
        assert_eq!(head(root).as_deref(), Some("a".repeat(40).as_str()), "a loose ref wins");
        write(".git/worktrees/w/HEAD", "ref: refs/heads/main\n");
        write(".git/worktrees/w/commondir", "../..\n");
        write("w/.git", &format!("gitdir: {}/.git/worktrees/w\n", root.display()));
        assert_eq!(head(&root.join("w")).as_deref(), Some("a".repeat(40).as_str()), "worktree");
        write(".git/HEAD", &format!("{COMMIT}\n"));
        assert_eq!(head(root).as_deref(), Some(COMMIT), "detached");
        assert_eq!(head(&root.join("x/y")).as_deref(), Some(COMMIT), "from below");
        assert_eq!(root_above(&root.join("x/y")).as_deref(), Some(root));
    }
}
