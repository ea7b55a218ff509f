//! `runner audit` on bundles that were made to hurt: nothing is executed, followed, waited for, or written,
//! and the end comes soon. Beside `audit.rs`, which has what people really make.

mod support;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use support::{Ended, Project};

const BUNDLE: &str = "reports/20251120T101112Z";

fn audited(project: &Project) -> Ended {
    let begun = Instant::now();
    let ended = project.runner(&["audit", "reports"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{}", ended.transcript());
    ended
}

fn line<'a>(ended: &'a Ended, rule: &str) -> &'a str {
    let start = format!("{rule} ");
    let found = ended.stdout.lines().find(|line| line.starts_with(&start));
    found.unwrap_or_else(|| panic!("{rule}: {}", ended.transcript()))
}

#[test]
fn nothing_of_a_bundle_or_its_repository_is_executed() {
    let project = Project::new();
    let trap = format!("#!/bin/sh\ntouch {}\n", project.path("TRAPPED").display());
    project.write("trap.sh", &trap);
    std::fs::set_permissions(project.path("trap.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("executable");
    let trap_path = project.path("trap.sh").display().to_string();
    project.write(
        &format!("{BUNDLE}/commands.txt"),
        format!("{trap_path}\n$(touch TRAPPED)\n`touch TRAPPED`\n"),
    );
    project.commit();
    for setting in ["core.fsmonitor", "core.pager", "gpg.program", "diff.external", "core.sshCommand"] {
        project.git(&["config", setting, &trap_path]);
    }
    project.git(&["config", "log.showSignature", "true"]);
    let ended = audited(&project);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(!project.path("TRAPPED").exists());
}

#[test]
fn links_fifos_and_files_that_are_no_text_are_told_and_not_waited_for() {
    let project = Project::new();
    project.write("secret.md", "# Secret\n");
    project.write(&format!("{BUNDLE}/env.json"), b"\x00\xff\xfe not text");
    symlink("../../secret.md", project.path(&format!("{BUNDLE}/summary.md"))).expect("linked");
    symlink("/", project.path(&format!("{BUNDLE}/everything"))).expect("linked");
    symlink("everything", project.path(&format!("{BUNDLE}/loop"))).expect("linked");
    let fifo = project.path(&format!("{BUNDLE}/commands.txt"));
    make_fifo(&fifo);
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9.log");
    std::fs::File::create(project.path(BUNDLE).join(odd)).expect("made");
    let ended = audited(&project);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(line(&ended, "summary").contains("unknown  summary.md cannot be read: it is a symbolic link"));
    assert!(
        line(&ended, "commands").contains("unknown  commands.txt cannot be read: it is not a regular file")
    );
    assert!(line(&ended, "environment").contains("broken"), "{}", ended.stdout);
    assert!(ended.stdout.contains("6 files"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Secret"));
}

#[expect(clippy::disallowed_methods, reason = "the fixture needs a fifo")]
fn make_fifo(path: &std::path::Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
}

#[test]
fn huge_files_are_read_in_part_and_ten_thousand_files_are_seen() {
    let project = Project::new();
    for index in 0..10_000 {
        project.write(&format!("{BUNDLE}/d{}/{index}.txt", index % 10), "x");
    }
    for name in ["summary.md", "commands.txt", "trace.json", "collect.log"] {
        let path = project.path(&format!("{BUNDLE}/{name}"));
        std::fs::File::create(path).and_then(|file| file.set_len(3 << 30)).expect("a sparse file");
    }
    let ended = audited(&project);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    assert!(ended.stdout.contains("10004 files"), "{}", ended.stdout);
    assert!(line(&ended, "summary").contains("U+0000"), "{}", line(&ended, "summary"));
}

#[test]
fn an_audit_writes_nothing() {
    let project = Project::new();
    project.write(&format!("{BUNDLE}/summary.md"), "# X\n");
    project.commit();
    let files = project.files();
    let index = || std::fs::read(project.path(".git/index")).expect("an index");
    let before = index();
    audited(&project);
    assert_eq!(project.files(), files);
    assert_eq!(index(), before);
}
