//! The last check of an edit: [`check`] applies the splices to a copy of the ledger and reads it again.
//! Called by [`crate::edit`] before it hands the splices out. A hand-kept document can always hold a
//! construct that this plugin misjudges; then the run must hear so, and the ledger must stay as it is.

use runner_plugin::{Error, Splice};

use fix_plan_model::item::Item;
use fix_plan_model::ledger::LedgerDocument;

/// Refuses an edit after which the item does not hold the attempts that it held, and the new one (if there is one).
pub fn check(
    ledger: &LedgerDocument<'_>,
    id: &str,
    before: &Item,
    added: Option<u64>,
    splices: &[Splice],
) -> Result<(), Error> {
    let text = ledger.text();
    let after = apply(text.source(), splices);
    let read = LedgerDocument::read(text.path(), &after).and_then(|ledger| ledger.item(id));
    let mut expected: Vec<_> = before.attempts.iter().map(|attempt| attempt.head.number).collect();
    expected.extend(added);
    expected.sort_unstable();
    let mut found: Vec<_> = read.iter().flat_map(|item| &item.attempts).map(|a| a.head.number).collect();
    found.sort_unstable();
    if found == expected {
        return Ok(());
    }
    let path = text.path();
    let number = added.or(before.attempts.iter().map(|attempt| attempt.head.number).max()).unwrap_or(0);
    let open = text.unclosed_list_fences().iter().rfind(|line| before.lines.contains(line));
    Err(Error::invalid(match open {
        Some(line) => format!(
            "{path}:{}: a code fence in item `[{id}]` is never closed: attempt #{number} would become code",
            line + 1
        ),
        None => format!(
            "{path}:{}: attempt #{number} of item `[{id}]` could not be read back from the edited text, so \
             nothing is changed",
            before.lines.start + 1
        ),
    }))
}

fn apply(source: &str, splices: &[Splice]) -> String {
    let mut result =
        String::with_capacity(source.len() + splices.iter().map(|s| s.text.len()).sum::<usize>());
    let mut at = 0;
    for splice in splices {
        result.push_str(&source[at..splice.start]);
        result.push_str(&splice.text);
        at = splice.end;
    }
    result.push_str(&source[at..]);
    result
}
