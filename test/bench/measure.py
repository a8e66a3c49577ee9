"""The measurements: each starts the processes it needs and returns plain figures.

Seconds of CPU are of a whole process, all its threads. Times of events are those of the event log.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import time

from node import Failed, Node, wait_for

KUBELET_LIMIT = 16 * 1024 * 1024  # bytes; what pleg_list_size_limit_ratio is a share of


def programs(build, wanted=None):
    """Paths of what a build directory of the preset `bench` has; of these names or of all."""
    paths = {name: os.path.join(build, where, name) for where, name in (
        ("bin", "plegd"), ("bin", "cri-sim"), ("bench-bin", "relist_bench"),
        ("bench-bin", "list_decoder_bench"), ("bench-bin", "pod_records_bench")) if wanted is None or name in wanted}
    for path in paths.values():
        if not os.access(path, os.X_OK):
            raise Failed(f"{path} is not built")
    return paths


def run_json(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def micro(paths, name, min_time=0.2):
    """{benchmark: {"cpu_us", counters}} of a Google Benchmark program; errors are failures."""
    found = {}
    for run in run_json([paths[name], "--benchmark_format=json", f"--benchmark_min_time={min_time}"])["benchmarks"]:
        if run.get("error_occurred"):
            raise Failed(f"{run['name']}: {run['error_message']}")
        to_us = {"ns": 1e-3, "us": 1.0, "ms": 1e3}[run["time_unit"]]
        found[run["name"]] = {"cpu_us": run["cpu_time"] * to_us,
                              "allocations": run.get("allocations")}
    return found


def decoding(paths, min_time=0.2):
    """The projection beside libprotobuf, for 1,000 containers."""
    found = micro(paths, "list_decoder_bench", min_time)
    projected, half = found["BM_DecodeProjected/1000"], found["BM_DecodeProjected/500"]
    return {
        "times_less_cpu": found["BM_DecodeFreshMessage/1000"]["cpu_us"] / projected["cpu_us"],
        "allocations_per_known_item": (projected["allocations"] - half["allocations"]) / 500,
        "benchmarks": found,
    }


def relist_floor(paths, pods, rounds=9, runs=5):
    """A relist in one process, beside receiving its bytes and copying them: see relist_bench.cc."""
    with Node(paths, pods) as node:
        return run_json([paths["relist_bench"], node.endpoint, str(rounds), str(runs)])


def _cpu_per_relist(plegd, seconds):
    """Starts to measure; the answer, to be called after `seconds`, ends it. Scrapes stay outside."""
    first = plegd.metrics()
    time.sleep(0.05)
    start = (time.monotonic(), plegd.cpu_seconds())

    def end():
        elapsed = time.monotonic() - start[0]
        used = plegd.cpu_seconds() - start[1]
        plegd.check()
        last = plegd.metrics()
        intervals, total = (last[f"pleg_relist_interval_seconds_{part}"] - first[f"pleg_relist_interval_seconds_{part}"]
                            for part in ("count", "sum"))
        if intervals < seconds / 2:
            raise Failed(f"{intervals} relists in {seconds} s")
        return used / elapsed * (total / intervals)

    return end


def idle(paths, sizes, windows, seconds):
    """What plegd costs while nothing changes, relisting each second, by number of pods of 2 containers:
    with and without the sweep, on one simulated runtime. All at the same time."""
    plegds, result = {}, {}
    with contextlib.ExitStack() as stack:
        for pods in sizes:
            node = stack.enter_context(Node(paths, pods))
            plegds[pods] = {sweep: node.settled_plegd("--sweep", sweep) for sweep in ("off", "on")}
            result[pods] = {"cpu": {"off": [], "on": []}}
        time.sleep(2)
        for _ in range(windows):
            ends = [(pods, sweep, _cpu_per_relist(plegd, seconds))
                    for pods, pair in plegds.items() for sweep, plegd in pair.items()]
            time.sleep(seconds)
            for pods, sweep, end in ends:
                result[pods]["cpu"][sweep].append(end())
        for pods, pair in plegds.items():
            result[pods]["memory"] = pair["on"].memory()
            result[pods]["threads"] = pair["on"].status("Threads")
    return result


def burst(paths, pods, repeats, latency="5ms"):
    """One container of every pod is restarted at once: from the start of the list that shows it to the
    last event."""
    took = []
    with Node(paths, pods, status_latency=latency) as node:
        plegd = node.settled_plegd()
        for _ in range(repeats):
            known = len(plegd.events())
            plegd.await_relist(time.time())
            changed_at = node.change_many(pods)
            listed_at = plegd.await_relist(changed_at)
            last = plegd.await_events(known + 2 * pods)[-1]
            took.append(last["at"] - listed_at)
    return took


def hung(paths, pods, silent):
    """One container of every pod is restarted, while one status of each of `silent` pods never answers:
    from the change to the last event of the others."""
    with Node(paths, pods) as node:
        plegd = node.settled_plegd()
        victims = {pod["uid"]: pod["containers"][0]["id"] for pod in node.list()[:silent]}
        plegd.await_relist(time.time())
        for container in victims.values():
            node.control("fault", "add", "ContainerStatus", "--id", container, "hang")
        known = len(plegd.events())
        changed_at = node.change_many(pods)

        def others():
            plegd.check()
            events = [e for e in plegd.events()[known:] if e["pod_uid"] not in victims]
            return events if len(events) >= 2 * (pods - silent) else None
        events = wait_for("the events of the pods that answer", others, patience=300)
        node.control("fault", "clear")
        return max(event["at"] for event in events) - changed_at


def reply_bytes(metrics):
    """Of the last two lists together."""
    return round(sum(metrics[f'pleg_list_size_limit_ratio{{method="{method}"}}'] * KUBELET_LIMIT
                     for method in ("ListPodSandbox", "ListContainers")))


def start(paths, pods, **options):
    """From exec to having told of everything there is, and what that took."""
    with Node(paths, pods, **options) as node:
        plegd = node.plegd()
        events = plegd.await_events(node.objects)
        first = wait_for("the end of the relist", lambda: plegd.relists() and plegd.metrics())
        relists = plegd.relists()
        wait_for("three more relists", lambda: plegd.check() or plegd.relists() >= relists + 3, every=0.2)
        return {
            "first_event": events[0]["at"] - plegd.started_at,
            "last_event": events[-1]["at"] - plegd.started_at,
            "relist": first["pleg_relist_duration_seconds_sum"],
            "reply_bytes": reply_bytes(plegd.metrics()),
            "memory": plegd.memory(),
            "threads": plegd.status("Threads"),
        }


def binary_bytes(paths):
    """As built, and without symbols."""
    with tempfile.TemporaryDirectory() as directory:
        stripped = os.path.join(directory, "plegd")
        subprocess.run(["strip", "-o", stripped, paths["plegd"]], check=True)
        return {"built": os.path.getsize(paths["plegd"]), "stripped": os.path.getsize(stripped)}
