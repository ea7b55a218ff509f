#!/bin/sh
# What profiling costs the real kernel: pairs of runs of `nanobragg`, one plain and one profiled at the default
# settings, in turn; for each the median time of an iteration, and at the end the median of the pairs' ratios.
#
#     plugins/profiler/examples/overhead.sh DIRECTORY [PAIRS] [SIZE] [ITERATIONS]
#
# DIRECTORY holds `runner` and the plugins (target/release). Builds nothing; leaves nothing behind.
set -eu
programs=$(cd "$1" && pwd)
pairs=${2:-10} size=${3:-4096} iterations=${4:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git init --quiet
for kind in plain profiled; do
    {
        printf 'version: 1\nid: overhead\nbundle: { root: %s }\nsteps:\n' "$kind"
        printf '  - id: kernel\n    uses: nanobragg\n'
        printf '    with: { size: %s, warmup: 1, iterations: %s }\n' "$size" "$iterations"
        if [ "$kind" = profiled ]; then
            printf '    profile: { uses: profiler, with: { min_seconds: 0, min_samples: 0 } }\n'
        fi
    } > "$kind.yaml"
done
# The median of numbers, one a line.
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# Seconds of the run of a kind: its metric `seconds_median`.
run() {
    rm -rf "$1"
    "$programs/runner" run "$1.yaml" --plugin-dir "$programs" --quiet > /dev/null
    cat "$1"/*/state.json | tr -d ' \n' | sed 's/.*"seconds_median":{"value":\([0-9.eE+-]*\).*/\1/'
}
: > ratios
pair=0
while [ "$pair" -lt "$pairs" ]; do
    pair=$((pair + 1))
    # Which one is first alternates too.
    if [ $((pair % 2)) -eq 0 ]; then plain=$(run plain); profiled=$(run profiled)
    else profiled=$(run profiled); plain=$(run plain); fi
    awk "BEGIN { print $profiled / $plain }" | tee -a ratios
done
cat profiled/*/profile/hotspots.json | tr -d ' \n' | sed 's/.*"sampling":{\([^}]*\)}.*/\1\n/'
printf 'median of %s pairs: %s\n' "$pairs" "$(median < ratios)"
