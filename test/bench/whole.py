#!/usr/bin/env -S python3 -B
"""whole.py BUILD [--quick] [--only WORD...] [--publish]: what plegd costs a node, in a table.

Runs whole processes, plegd of the build directory BUILD against cri-sim, beside the benchmarks of single
parts. Prints a table, writes BUILD/results.json and BUILD/growth.svg. A budget of time or memory that is
missed is shown, not an error. --publish puts table and picture into docs/.
"""

import argparse
import os
import statistics
import sys
import time

import measure
import report
from node import Failed
from report import Row

MB = 1e6
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")


def idle_rows(run):
    """CPU and memory at rest; also the first half of the picture of growth."""
    budgets = {110: (0.9, "6.5", 20, "39"), 500: (2.0, "22", 26, "45"), 1000: (4.0, "43", 36, "61")}
    windows, seconds = (1, 8) if run.quick else (3, 21)
    costs = measure.idle(run.paths, [10, *budgets], windows, seconds)
    if not run.quick:
        costs |= measure.idle(run.paths, [2500, 5000], 1, seconds)
    run.growth = {pods: {"cpu_ms": statistics.median(cost["cpu"]["off"]) * 1e3, "memory": cost["memory"]}
                  for pods, cost in costs.items()}
    for pods, (cpu, go_cpu, memory, go_memory) in budgets.items():
        for sweep in ("off", "on"):
            yield Row(f"CPU per unchanged relist, {pods} pods × 2, sweep {sweep}", go_cpu, cpu, "ms",
                      [seconds * 1e3 for seconds in costs[pods]["cpu"][sweep]])
    for pods, (cpu, go_cpu, memory, go_memory) in budgets.items():
        used = costs[pods]["memory"]
        yield Row(f"resident memory, {pods} pods × 2", go_memory, memory, "MB", [used["rss"] / MB],
                  note=f"peak {used['peak'] / MB:.1f}")
    yield Row("threads", "", 16, "", [max(cost["threads"] for cost in costs.values())])


def decoding_rows(run):
    results = [measure.decoding(run.paths) for _ in range(run.repeats)]
    run.benchmarks = results[0]["benchmarks"] | measure.micro(run.paths, "pod_records_bench")
    yield Row("projection against parsing into a fresh message, 1,000 containers", "", 20, "× less CPU",
              [result["times_less_cpu"] for result in results], at_least=True)
    yield Row("allocations for a known item", "", 0, "",
              [result["allocations_per_known_item"] for result in results])


def floor_rows(run):
    """Also the second half of the picture of growth."""
    for pods in sorted(run.growth or (1000,)):
        rounds, runs = (5, 4) if pods > 1000 or run.quick else (9, 10)
        floor = measure.relist_floor(run.paths, pods, rounds, runs)
        run.growth.setdefault(pods, {}).update(floor)
        if pods == 1000:
            yield Row("relist of 1,000 pods × 2 against receiving its bytes and dropping them", "", 1.3, "×",
                      [floor["ratio"]], note=f"{floor['relist_ms']:.2f} against {floor['receive_ms']:.2f} ms")


def burst_rows(run):
    for pods, budget, go in ((250, 0.4, "4.8"), (500, 0.8, "9.8")):
        yield Row(f"{pods} pods change at once, statuses take 5 ms: list that shows it to last event", go, budget,
                  "s", measure.burst(run.paths, pods, run.repeats))


def hung_rows(run):
    for silent, go in ((1, "up to 240 s"), (40, "")):
        yield Row(f"50 pods change at once, a status of {silent} hangs: change to last event of the other "
                  f"{50 - silent}", go, 1.1, "s", [measure.hung(run.paths, 50, silent) for _ in range(run.repeats)])


def start_rows(run):
    starts = [measure.start(run.paths, 110) for _ in range(run.repeats)]
    yield Row("exec to everything inspected and told, 110 pods × 2", "", 150, "ms",
              [start["last_event"] * 1e3 for start in starts],
              note=f"first event {statistics.median(s['first_event'] for s in starts) * 1e3:.0f} ms")
    starts = [measure.start(run.paths, 1000) for _ in range(run.repeats)]
    yield Row("first relist of 1,000 pods × 2, all inspected", "1.1", 0.5, "s", [start["relist"] for start in starts],
              note=f"exec to last event {statistics.median(s['last_event'] for s in starts):.2f} s")


def big_rows(run):
    """They must work, and take no more than five times what the runtime sends."""
    for what, go, pods, options in (
            ("2,500 pods × 2", "", 2500, {}),
            ("300 pods × 2, 18,500 exited containers", "blind", 300, {"exited": 18500}),
            ("110 pods × 2, 30 exited, 80 KB each", "blind", 110, {"exited": 30, "container_bytes": "80KiB"})):
        big = measure.start(run.paths, pods, **options)
        yield Row(f"{what}: peak memory by the bytes of both lists", go, 5, "×", [big["memory"]["peak"] / big["reply_bytes"]],
                  note=f"{big['memory']['peak'] / MB:.0f} of {big['reply_bytes'] / MB:.1f} MB; first relist "
                       f"{big['relist']:.1f} s")


def binary_rows(run):
    size = measure.binary_bytes(run.paths)
    yield Row("binary, stripped", "", 20, "MB", [size["stripped"] / MB], note=f"{size['built'] / MB:.1f} as built")


MEASUREMENTS = {"binary": binary_rows, "decoding": decoding_rows, "start": start_rows, "hung": hung_rows,
                "burst": burst_rows, "big": big_rows, "idle": idle_rows, "floor": floor_rows}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.split("\n\n")[1])
    parser.add_argument("build", help="a build directory of the preset bench")
    parser.add_argument("--quick", action="store_true", help="fewer sizes, shorter, once")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    parser.add_argument("--publish", action="store_true", help="put table and picture into docs/")
    return parser.parse_args(arguments)


class Run:
    """What the measurements share."""

    def __init__(self, options):
        self.paths = measure.programs(options.build)
        self.quick = options.quick
        self.repeats = 1 if options.quick else 3
        self.growth = {}
        self.benchmarks = {}


def main(arguments):
    options = parse(arguments)
    rows, failed, began = [], [], time.monotonic()
    run = Run(options)
    machine = report.Machine()
    for name in options.only:
        try:
            for row in MEASUREMENTS[name](run):
                rows.append(row)
                print(row.line(), flush=True)
        except Failed as error:
            failed.append(f"{name}: {error}")
            print(f"{name} FAILED: {error}", flush=True)
    machine.end()
    result = report.Result(machine, rows, run.growth, run.benchmarks, failed)
    result.write(options.build)
    if options.publish:
        result.publish(DOCS)
    print(f"\n{machine}\n{time.monotonic() - began:.0f} s; {os.path.join(options.build, 'results.json')}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Failed, OSError) as problem:
        sys.exit(f"bench: {problem}")
