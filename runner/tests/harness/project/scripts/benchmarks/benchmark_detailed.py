#!/usr/bin/env python3
"""A stand-in for a benchmark harness that people really have, bad habits included.

It compares a "C program" with a "PyTorch program" at given sizes, writes to a directory that it names after the
local time, and says that all is well whatever happened. HARNESS_HABIT selects one habit more:

  (none)      both programs run, the correlation is good
  crash       both programs fail (a missing module); exit status 0, no results file
  caught      both run out of memory, which is caught and printed; exit status 0, no results file
  oom         memory is taken until somebody kills the process
  gate        the correlation is 0.95
  truncated   the trace ends in the middle
  no_results  everything is written but the results file
  fall_back   sizes above 2048 fail as `caught` does, 2048 is fine

A file `Fdump.bin` in the working directory is used instead of the arguments, and nobody is told.
Standard library only.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys
import traceback
import warnings

HABIT = os.environ.get("HARNESS_HABIT", "")


def parse():
    parser = argparse.ArgumentParser(description="compare two programs")
    parser.add_argument("--sizes", default="1024", help="comma separated")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--keep-artifacts", action="store_true")
    return parser.parse_args()


def c_program(size):
    """Seconds and the structure factor that it used."""
    if HABIT == "crash":
        raise FileNotFoundError("./nanoBragg")
    cache = pathlib.Path("Fdump.bin")
    factor = float(cache.read_text()) if cache.exists() else 100.0
    return 1.0e-7 * size * size, factor


def torch_program(size):
    if HABIT == "crash":
        import module_that_nobody_installed  # noqa: F401
    if HABIT == "caught" or (HABIT == "fall_back" and size > 2048):
        raise RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory: "
            "you tried to allocate %d bytes. Error code 12 (Cannot allocate memory)" % (size * size * 4000)
        )
    if HABIT == "oom":
        kept = []
        while True:
            kept.append(bytearray(b"x" * (8 << 20)))
    from simulated import simulator

    return simulator.run(size)


def write_trace(directory, seconds):
    """What torch's profiler writes: times in microseconds."""
    whole = seconds * 1e6
    event = lambda name, category, start, share: {  # noqa: E731
        "ph": "X", "cat": category, "name": name, "pid": 7, "tid": 7, "ts": 1000.0 + whole * start, "dur": whole * share,
    }
    events = [
        event("simulator.py(4): run", "python_function", 0.0, 1.0),
        event("aten::mul", "cpu_op", 0.0, 0.6),
        event("aten::sin", "cpu_op", 0.6, 0.25),
        event("aten::sum", "cpu_op", 0.85, 0.1),
    ]
    text = json.dumps({"schemaVersion": 1, "traceEvents": events, "traceName": "trace.json"}, indent=1)
    if HABIT == "truncated":
        text = text[: len(text) * 2 // 3]
    (directory / "trace.json").write_text(text)


def main():
    arguments = parse()
    output = pathlib.Path("reports/benchmarks") / datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    output.mkdir(parents=True, exist_ok=True)
    print("Benchmark \u2014 %s, %s" % (arguments.device, arguments.dtype))
    warnings.warn("the detector tensor lives on 'cpu', the beam on 'meta'", UserWarning)
    results = []
    for size in [int(size) for size in arguments.sizes.split(",")]:
        for step in range(0, 101, 25):
            sys.stderr.write("\r%d x %d: %3d %%" % (size, size, step))
        sys.stderr.write("\n")
        c_time = py_time = None
        try:
            c_time, factor = c_program(size)
        except Exception as error:
            print("  C execution error: %s" % error)
        try:
            py_time = torch_program(size)
        except Exception as error:
            print("  PyTorch execution error: %s" % error)
            traceback.print_exc()
        if c_time is None or py_time is None:
            continue
        correlation = 0.7212 if factor != 100.0 else 0.95 if HABIT == "gate" else 0.9999999
        print("  correlation %.6f" % correlation)
        results.append({
            "size": size, "c_time": c_time, "py_time_cold": py_time * 2, "py_time_warm": py_time,
            "speedup_warm": c_time / py_time, "correlation_warm": correlation,
        })
        if arguments.profile:
            directory = output / ("profile_%dx%d" % (size, size))
            directory.mkdir()
            write_trace(directory, py_time)
    if results and HABIT != "no_results":
        (output / "benchmark_results.json").write_text(json.dumps(results, indent=2))
    print("\u2713 All correlations > 0.99, indicating excellent agreement")


main()
