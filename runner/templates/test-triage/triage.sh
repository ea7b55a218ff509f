#!/bin/sh
# Lists the failing tests of a log and groups them by message; digits in a message do not count.
# Usage: triage.sh LOG TEXT JSON
set -eu
log=$1 text=$2 json=$3

# `FAILED name - message` (pytest -rf) and `test name ... FAILED` (cargo test), one form for both.
failures() {
    sed -n -e 's/^FAILED //p' -e 's/^test \(.*\) \.\.\. FAILED$/\1 - test failed/p' "$log"
}

count() { grep -c -E "$1" "$log" || true; }

failed=$(failures | wc -l | tr -d ' ')
passed=$(count '^PASSED |^test .* \.\.\. ok$')
# The last line is the one that the workflow printed.
status=$(sed -n 's/^suite: exit status \([0-9]*\)$/\1/p' "$log" | tail -n 1)

groups() { failures | sed -e 's/^[^ ]* - //' -e 's/[0-9][0-9.]*/N/g' | sort | uniq -c | sort -k1,1nr -k2; }

{
    echo "$failed failing tests, by message:"
    groups
    echo
    echo "All of them:"
    failures
} >"$text"

printf '{"passed": %s, "failed": %s, "groups": %s, "exit_status": %s}\n' \
    "$passed" "$failed" "$(groups | wc -l | tr -d ' ')" "${status:-null}" >"$json"
cat "$text"
