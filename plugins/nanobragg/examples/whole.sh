#!/bin/sh
# What the kernel costs as a whole: the plugin's process from its start to its end, image file written, no warm-up, and the
# self-check at its least (65,536 pixels by the other variant). Median seconds and greatest resident memory, by size.
#
#     plugins/nanobragg/examples/whole.sh DIRECTORY [REPETITIONS] [SIZE ...]
#
# DIRECTORY holds `runner` and the plugins (target/release). Builds nothing; leaves nothing behind.
set -eu
programs=$(cd "$1" && pwd)
repetitions=${2:-5}
[ "$#" -ge 2 ] && shift 2 || shift 1
[ "$#" -ge 1 ] || set -- 1024 2048 4096 8192
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git init --quiet
# The middle one of numbers, one a line.
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
printf '%6s %10s %12s %12s\n' size seconds 'memory MiB' 'image MiB'
for size in "$@"; do
    {
        printf 'version: 1\nid: whole\nbundle: { root: whole }\nsteps:\n  - id: kernel\n    uses: nanobragg\n'
        printf '    with: { size: %s, warmup: 0, iterations: 1, image: true }\n' "$size"
    } > whole.yaml
    : > seconds
    : > memory
    repetition=0
    while [ "$repetition" -lt "$repetitions" ]; do
        repetition=$((repetition + 1))
        rm -rf whole
        "$programs/runner" run whole.yaml --plugin-dir "$programs" --quiet > /dev/null
        # The end of the one command of the step.
        line=$(grep '"peak_rss_bytes":[0-9]' whole/*/commands.jsonl | tail -n 1)
        echo "$line" | sed 's/.*"seconds":\([0-9.eE+-]*\).*/\1/' >> seconds
        echo "$line" | sed 's/.*"peak_rss_bytes":\([0-9]*\).*/\1/' >> memory
    done
    awk -v size="$size" -v seconds="$(median < seconds)" -v memory="$(median < memory)" \
        'BEGIN { printf "%6d %10.3f %12.1f %12.1f\n", size, seconds, memory / 1048576, size * size * 4 / 1048576 }'
done
