//! Times the reading of a Chrome trace like the PyTorch profiler's, beside a bare parse of the same bytes.
//!
//! `cargo bench -p profile-model -- [MEGABYTES] [FILE]` (256 without). The trace is made in a temporary directory; each
//! way runs in a process of its own, so that its peak memory is its own: our reader, a JSON crate (whole file in
//! memory, to its leanest form), and `python3` with `json.load` and a sum by name, where there is one. Times are of the
//! processor, so that other work on the machine disturbs them less. It judges nothing.
#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]
#![expect(
    clippy::disallowed_methods,
    reason = "no step of a workflow: the processes are those of the benchmark"
)]

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use profile_model::{Hotspots, read};

type Outcome<T> = Result<T, Box<dyn Error>>;

const WAYS: [&str; 4] = ["ours", "ours-and-ranking", BARE, "scan"];
/// A bare parse, which all are compared with.
const BARE: &str = "simd-json";
const RUNS: usize = 3;
const PYTHON: &str = "
import collections, json, resource, sys, time
start = time.process_time()
own = collections.Counter()
for event in json.load(open(sys.argv[1]))['traceEvents']:
    if event.get('ph') == 'X':
        own[event['name']] += event['dur']
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
";

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [way, path] = &arguments[..]
        && WAYS.contains(&way.as_str())
    {
        let seconds = timed(way, path)?;
        println!("{seconds} {}", peak_kib()?);
        return Ok(());
    }
    let megabytes: u64 = arguments.first().map_or(Ok(256), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let path = if let Some(path) = arguments.get(1) {
        path.into()
    } else {
        let path = directory.path().join("trace.json");
        generate(&path, megabytes * 1_000_000)?;
        path
    };
    let bytes = std::fs::metadata(&path)?.len();
    println!("{bytes} bytes; seconds of processor time, best of {RUNS}");
    let myself = std::env::current_exe()?;
    let bare = best(RUNS, || measured(Command::new(&myself).arg(BARE).arg(&path)))?;
    let show = |way: &str, (seconds, peak): (f64, u64)| {
        let rate = bytes as f64 / seconds / 1e6;
        let memory = (peak * 1024) as f64 / bytes as f64 * 100.0;
        let ratio = seconds / bare.0;
        println!(
            "{way:>16}: {seconds:>8.3} s, {rate:>5.0} MB/s, {ratio:>6.2} times {BARE}, peak {memory:>6.1} % of the file"
        );
    };
    show(BARE, bare);
    for way in WAYS.into_iter().filter(|way| *way != BARE) {
        show(way, best(RUNS, || measured(Command::new(&myself).arg(way).arg(&path)))?);
    }
    match best(1, || measured(Command::new("python3").args(["-c", PYTHON]).arg(&path))) {
        Ok(python) => show("python json.load", python),
        Err(error) => println!("python3: {error}"),
    }
    Ok(())
}

/// Seconds of one way, in this process. The file is in the page cache after the first run.
fn timed(way: &str, path: &str) -> Outcome<f64> {
    let mut start = processor_seconds()?;
    match way {
        "ours" => drop(black_box(read(File::open(path)?, "trace.json")?)),
        "ours-and-ranking" => drop(black_box(Hotspots::of(&read(File::open(path)?, "trace.json")?.profile))),
        "scan" => {
            let bytes = std::fs::read(path)?;
            black_box(memchr::memchr_iter(b'\n', &bytes).count());
        }
        _ => {
            let mut bytes = std::fs::read(path)?;
            start = processor_seconds()?; // reading the file is not parsing
            black_box(simd_json::to_tape(&mut bytes)?);
        }
    }
    Ok(processor_seconds()? - start)
}

fn best(runs: usize, run: impl Fn() -> Outcome<(f64, u64)>) -> Outcome<(f64, u64)> {
    let mut results = (0..runs).map(|_| run()).collect::<Outcome<Vec<_>>>()?;
    results.sort_by(|a, b| a.0.total_cmp(&b.0));
    results.first().copied().ok_or_else(|| "no run".into())
}

/// What a process printed: its seconds and its peak memory in KiB.
fn measured(command: &mut Command) -> Outcome<(f64, u64)> {
    let output = command.output()?;
    let text = String::from_utf8(output.stdout)?;
    let (seconds, peak) = text.trim().split_once(' ').ok_or("the process printed nothing")?;
    Ok((seconds.parse()?, peak.parse()?))
}

/// Time that this process, which has one thread, had a processor.
fn processor_seconds() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanoseconds / 1e9)
}

fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// A trace with the shape of a real one: operations first, with their shapes, then instants of memory, then Python
/// functions, each in the order of time; a call tree of some depth, again and again with other times.
fn generate(path: &Path, bytes: u64) -> Outcome<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let head =
        "{\n  \"schemaVersion\": 1,\n  \"record_shapes\": 1,\n  \"with_stack\": 1,\n  \"traceEvents\": [\n";
    out.write_all(head.as_bytes())?;
    // A round of each kind takes about these bytes; a real trace has 39 % operations, 40 % instants, 21 % functions.
    let rounds = bytes / 3_700;
    for round in 0..rounds {
        for operation in 0..4_u64 {
            let (ts, dur) = (round * 1000 + 100 + operation * 200, 150 - operation * 7);
            operation_event(
                &mut out,
                OPERATIONS[(operation + round % 5) as usize % OPERATIONS.len()],
                ts,
                dur,
                round,
            )?;
        }
    }
    for round in 0..rounds {
        for instant in 0..4_u64 {
            let ts = round * 1000 + 120 + instant * 200;
            writeln!(
                out,
                "  {{\n    \"ph\": \"i\", \"cat\": \"cpu_instant_event\", \"s\": \"t\", \"name\": \"[memory]\",\n    \
                 \"pid\": 194596, \"tid\": 194596,\n    \"ts\": {}.353,\n    \"args\": {{\n      \
                 \"Total Reserved\": 0, \"Total Allocated\": {round}, \"Bytes\": 4, \"Device Id\": -1, \
                 \"Device Type\": 0, \"Addr\": 498946304, \"finished\": true, \"Ev Idx\": {ts}\n    }}\n  }},",
                693_476_729_000 + ts,
            )?;
        }
    }
    for round in 0..rounds {
        for depth in 0..3_u64 {
            let (ts, dur) = (round * 1000 + depth * 10, 990 - depth * 20);
            let name = FUNCTIONS[(depth + (round % 3) * 3) as usize];
            writeln!(
                out,
                "  {{\n    \"ph\": \"X\", \"cat\": \"python_function\", \"name\": \"{name}\", \"pid\": 194596, \
                 \"tid\": 194596,\n    \"ts\": {}.{:03}, \"dur\": {dur}.{:03},\n    \"args\": {{\n      \
                 \"Python parent id\": {round}, \"Python id\": {}, \"finished\": true, \"Ev Idx\": {}\n    }}\n  }},",
                693_476_729_000 + ts,
                round % 1000,
                depth * 100,
                round * 3 + depth,
                round * 11 + depth,
            )?;
        }
    }
    let tail = "  {\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 194596, \"tid\": 0, \"args\": {\"name\": \"python\"}}\n";
    out.write_all(tail.as_bytes())?;
    out.write_all(b"  ],\n  \"displayTimeUnit\": \"ms\"\n}\n")?;
    out.into_inner()?.sync_all()?;
    Ok(())
}

const OPERATIONS: [&str; 5] = ["aten::mul", "aten::to", "aten::_to_copy", "aten::copy_", "aten::sum"];
const FUNCTIONS: [&str; 9] = [
    "nanobrag_torch/simulator.py(701): run",
    "nanobrag_torch/simulator.py(637): _compute_physics_for_position",
    "<built-in method clone of Tensor object at 0x79f1d10184b0>",
    "torch/_dynamo/eval_frame.py(619): _fn",
    "torch/_functorch/_aot_autograd/runtime_wrappers.py(291): runtime_wrapper",
    "<built-in function isinstance>",
    "nanobrag_torch/utils/physics.py(182): polarization_factor",
    "torch/_inductor/output_code.py(457): __call__",
    "<built-in function kernel>",
];

fn operation_event(out: &mut impl Write, name: &str, ts: u64, dur: u64, round: u64) -> Outcome<()> {
    writeln!(
        out,
        "  {{\n    \"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"{name}\", \"pid\": 194596, \"tid\": 194596,\n    \
         \"ts\": {}.{:03}, \"dur\": {dur}.279,\n    \"args\": {{\n      \"External id\": {round},\
         \"Record function id\": 0, \"Concrete Inputs\": [\"\", \"6\", \"False\", \"False\", \"\"], \"Input type\": \
         [\"double\", \"Scalar\", \"Scalar\", \"Scalar\", \"\"], \"Input Strides\": [[1], [], [], [], []], \
         \"finished\": true, \"Input Dims\": [[1], [], [], [], []], \"Ev Idx\": {round}\n    }}\n  }},",
        693_476_729_000 + ts,
        (round * 7) % 1000,
    )?;
    Ok(())
}
