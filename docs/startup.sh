#!/usr/bin/env bash
# What a start and a step that does nothing cost: runner beside bash, make, ninja and just.
#
#   docs/startup.sh [RUNNER [REPETITIONS [PROGRAM]]]     default: target/release/runner, 11, true
#
# Each tool runs the same list, once with 1 and once with 51 times PROGRAM, without arguments. All tools take turns,
# so that a slow moment of the machine meets each of them. Every run of runner has a fresh repository of its own: two
# bundles of one project never begin in the same second, and one would wait. Making them is not timed.
# Builds nothing, needs bash 5, git and awk, and removes what it made. Tools that are missing are named.
#
# What PROGRAM takes itself is in every figure. In a virtual machine most of what `true` takes is its C library asking
# for the processor's features; a program without one, for x86-64, to be given as ./nothing:
#
#   echo 'void _start(void) { __asm__("syscall" :: "a"(60), "D"(0)); }' | cc -x c -nostdlib -static -o nothing -
set -euo pipefail
export LC_ALL=C GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 2
}

[[ -n ${EPOCHREALTIME:-} ]] || fail "this needs bash 5 or newer, for its clock"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
runner=${1:-$here/target/release/runner}
repetitions=${2:-11}
[[ $repetitions =~ ^[1-9][0-9]*$ ]] || fail "repetitions must be a number from 1: $repetitions"
[[ -x $runner && ! -d $runner ]] || fail "$runner is no program: build it with \`cargo build --release\`, or name another"
runner=$(cd "$(dirname "$runner")" && pwd)/$(basename "$runner")
for needed in git awk; do
    command -v "$needed" >/dev/null || fail "$needed is missing"
done
program=$(type -P "${3:-true}") || fail "there is no program \`${3:-true}\`"
[[ $program == /* ]] || program=$PWD/$program
[[ $program != *[[:space:]\"\'\$]* ]] || fail "this cannot be written into every list: $program"

scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch" && rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
times=$scratch/times
counts=(1 51)

tools=(bash) absent=()
for tool in make ninja just; do
    if command -v "$tool" >/dev/null; then tools+=("$tool"); else absent+=("$tool"); fi
done
tools+=(runner)

# The same list for every tool.
for count in "${counts[@]}"; do
    lists=$scratch/$count
    mkdir "$lists"
    {
        echo 'set -e'
        for ((i = 0; i < count; i++)); do echo "$program"; done
    } >"$lists/list.sh"
    {
        printf 'all:\n'
        for ((i = 0; i < count; i++)); do printf '\t@%s\n' "$program"; done
    } >"$lists/Makefile"
    {
        printf 'all:\n'
        for ((i = 0; i < count; i++)); do printf '    @%s\n' "$program"; done
    } >"$lists/justfile"
    {
        printf 'rule true\n  command = %s\n' "$program"
        for ((i = 0; i < count; i++)); do printf 'build step%d: true\n' "$i"; done
    } >"$lists/build.ninja"
    {
        printf 'version: 1\nid: startup\nbundle: { root: reports/startup }\nsteps:\n'
        for ((i = 0; i < count; i++)); do printf '  - { id: s%d, run: ["%s"] }\n' "$i" "$program"; done
    } >"$lists/startup.yaml"
done

# A fresh repository with few files for one run of runner.
project() {
    local count=$1 directory=$2
    mkdir -p "$directory"
    cp "$scratch/$count/startup.yaml" "$directory/"
    printf '# A project\n' >"$directory/README.md"
    printf 'int main(void) { return 0; }\n' >"$directory/main.c"
    git -C "$directory" init --quiet
    git -C "$directory" add --all
    git -C "$directory" -c user.name=startup -c user.email=startup@example.org commit --quiet --message start
}

# Runs one tool with one list, and writes how many microseconds it took, and how many milliseconds of processors.
once() {
    local tool=$1 count=$2 repetition=$3 directory=$scratch/$count command begin end user system
    local TIMEFORMAT='%3U %3S'
    case $tool in
    bash) command=(bash list.sh) ;;
    make) command=(make --silent --jobs=1) ;;
    ninja) command=(ninja -j1) ;;
    just) command=(just all) ;;
    runner)
        directory=$scratch/project-$count-$repetition
        command=("$runner" run startup.yaml --quiet)
        ;;
    esac
    cd "$directory"
    begin=$EPOCHREALTIME
    if ! { time "${command[@]}" </dev/null >"$scratch/output" 2>&1; } 2>"$scratch/cpu"; then
        cat "$scratch/output" >&2
        fail "\`${command[*]}\` did not end well with $count steps"
    fi
    end=$EPOCHREALTIME
    cd "$scratch"
    # The first one only warms up.
    if ((repetition > 0)); then
        read -r user system <"$scratch/cpu"
        printf '%s %s %s %s\n' "$tool" "$count" "$((${end/./} - ${begin/./}))" \
            "$((10#${user/./} + 10#${system/./}))" >>"$times"
    fi
}

for ((repetition = 0; repetition <= repetitions; repetition++)); do
    for count in "${counts[@]}"; do
        project "$count" "$scratch/project-$count-$repetition"
    done
done
# What the disk still has to write of that is no cost of any tool.
sync

for ((repetition = 0; repetition <= repetitions; repetition++)); do
    for count in "${counts[@]}"; do
        for tool in "${tools[@]}"; do
            once "$tool" "$count" "$repetition"
        done
    done
done

version() {
    case $1 in
    runner) "$runner" --version ;;
    *) "$1" --version ;;
    esac 2>/dev/null | awk 'match($0, /[0-9]+(\.[0-9]+)+/) { print substr($0, RSTART, RLENGTH); exit }'
}

printf 'Medians of %d interleaved runs, %s cores, %s.\n' "$repetitions" "$(getconf _NPROCESSORS_ONLN)" "$(uname -sr)"
printf 'start: one step, in ms. step: what each of 50 more steps adds, in ms. x: times as long as bash.\n'
printf 'cpu: processor time of the same, programs included, in ms; a busy machine changes it least.\n\n'
printf '| %-6s | %-8s | %9s | %7s | %7s | %8s | %7s | %7s |\n' tool version start x cpu step x cpu
printf '|--------|----------|----------:|--------:|--------:|---------:|--------:|--------:|\n'
for tool in "${tools[@]}"; do
    printf '%s %s\n' "$tool" "$(version "$tool")"
done | awk -v file="$times" '
    function median(key,    n, i, j, swap, list) {
        n = split(values[key], list, " ")
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) {
                swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap
            }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    BEGIN {
        while ((getline line < file) > 0) {
            split(line, field, " ")
            key = field[1] "/" field[2]
            values[key] = values[key] " " field[3]
            values["cpu/" key] = values["cpu/" key] " " field[4]
        }
    }
    {
        start = median($1 "/1") / 1000
        step = (median($1 "/51") / 1000 - start) / 50
        if (NR == 1) { first = start; each = step }
        cpu = median("cpu/" $1 "/1")
        printf "| %-6s | %-8s | %9.2f | %7.1f | %7.1f | %8.3f | %7s | %7.2f |\n", $1, $2, start, start / first, cpu, \
            step, (each > 0 ? sprintf("%.1f", step / each) : "-"), (median("cpu/" $1 "/51") - cpu) / 50
    }'
if ((${#absent[@]} > 0)); then
    printf '\nnot installed here: %s\n' "${absent[*]}"
fi
