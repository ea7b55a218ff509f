//! Scans a directory and says how fast: `cargo run --release --example scan -- DIRECTORY [OUT.json]`.
//!
//! For people who change the scanner: the same code as in the plugin, without a runner around it. The clock is
//! that of the process, for a duration only.
#![expect(clippy::print_stdout, reason = "its report is for a terminal")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use loop_inventory::take::{Outside, take};

struct Disk(PathBuf);

impl Outside for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(path)).map_err(|error| error.to_string())
    }

    fn go_on(&self, _done: u64, _total: u64) -> bool {
        true
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let config = serde_json::from_value(serde_json::json!({ "paths": ["."] }))?;
    let begin = Instant::now();
    let taken = take(&root, &config, &Disk(root.clone()))?;
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{} files, {:.1} MB, {} loops, {} problems in {seconds:.2} s: {:.0} files/s, {:.1} MB/s",
        taken.files,
        taken.bytes as f64 / 1e6,
        taken.inventory.total_loops,
        taken.inventory.problems.len(),
        taken.files as f64 / seconds,
        taken.bytes as f64 / 1e6 / seconds,
    );
    println!("counts {:?}, skipped {:?}", taken.inventory.counts, taken.skipped);
    if let Some(out) = arguments.next() {
        let mut file = std::fs::File::create(Path::new(&out))?;
        std::io::Write::write_all(&mut file, &taken.inventory.to_json()?)?;
    }
    Ok(())
}
