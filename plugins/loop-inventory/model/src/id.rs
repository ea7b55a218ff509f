//! [`number`]: gives each loop the id that survives edits elsewhere.
//!
//! Called by the scanner before loops know their parents, and for inventories that have no ids. An id is made
//! of the module, the function, the header, and which of equal headers in that function this is; lines and
//! columns have no part in it. The readable beginning is for people, the digest makes it unique.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::Loop;

/// So much of a header stands in an id.
const HEADER_CHARS: usize = 32;

/// Sets the ids of loops that have none. They must be in the order of the source.
pub fn number(loops: &mut [Loop]) {
    let mut equal: HashMap<(String, Option<String>, String), u64> = HashMap::new();
    for one in loops {
        let key = (one.module.clone(), one.function.clone(), one.loop_header.clone());
        let ordinal = equal.entry(key).and_modify(|seen| *seen += 1).or_insert(1);
        if one.id.is_empty() {
            one.id = id(one, *ordinal);
        }
    }
}

fn id(one: &Loop, ordinal: u64) -> String {
    let function = one.function.as_deref().unwrap_or_default();
    let mut digest = Sha256::new();
    for part in [&one.module, function, &one.loop_header, &ordinal.to_string()] {
        digest.update(part.as_bytes());
        // A part cannot hold this byte, so two different lists of parts never run together.
        digest.update([0]);
    }
    let digest = digest.finalize();
    let file = one.module.rsplit('/').next().unwrap_or_default();
    let which = if ordinal == 1 { String::new() } else { format!("-{ordinal}") };
    format!(
        "{}:{}:{}{which}:{:02x}{:02x}{:02x}{:02x}",
        words(file, usize::MAX),
        words(if function.is_empty() { "-" } else { function }, usize::MAX),
        words(&one.loop_header, HEADER_CHARS),
        digest[0],
        digest[1],
        digest[2],
        digest[3]
    )
}

/// The letters, digits and `._:` of a text; everything between them becomes one `-`. No character of it means
/// anything in a Markdown table or a shell.
fn words(text: &str, most: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':') {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
        if out.len() >= most {
            break;
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "-".to_owned() } else { out.to_owned() }
}
