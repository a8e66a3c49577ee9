"""A simulated node and plegd on it, as whole processes, and what the kernel and plegd tell of them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import datetime

PATIENCE = 120  # seconds until what should have happened counts as failed


class Failed(Exception):
    """A measurement that could not be made."""


def wait_for(what, condition, every=0.01, patience=PATIENCE):
    """The first true answer of condition()."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(every)
    raise Failed(f"waited {patience} s for {what}")


def parse_time(text):
    """Seconds since 1970 of an RFC 3339 time with nanoseconds."""
    whole, fraction, zone = re.fullmatch(r"([^.Z+]+)(\.\d+)?(Z|[+-]\d\d:\d\d)", text).groups()
    zone = "+00:00" if zone == "Z" else zone
    return datetime.fromisoformat(whole + zone).timestamp() + float(fraction or 0)


class Process:
    """A child that ends with the `with` block."""

    def __init__(self, command, log):
        self.log = log
        self.started_at = time.time()
        with open(log, "wb") as out:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.pid = self._child.pid

    def stop(self):
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def check(self):
        if self._child.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                raise Failed(f"{self._child.args[0]} ended: {log.read()[-500:]}")

    def cpu_seconds(self):
        """Of all threads since the start, in the kernel's nanoseconds: the clock that
        clock_getcpuclockid(3) names."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def status(self, field):
        """A number of /proc/PID/status; memory in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            match = re.search(rf"^{field}:\s+(\d+)( kB)?", status.read(), re.MULTILINE)
        return int(match[1]) * (1024 if match[2] else 1)

    def memory(self):
        return {"rss": self.status("VmRSS"), "peak": self.status("VmHWM")}


class Plegd(Process):
    """plegd with its event log and its metrics."""

    def __init__(self, node, name, flags):
        self._web = os.path.join(node.directory, f"{name}.web")
        self._events = os.path.join(node.directory, f"{name}.events")
        self._tail = {"offset": 0, "events": []}
        super().__init__(
            [node.programs["plegd"], "--runtime-endpoint", node.endpoint, "--event-log", self._events,
             "--web.listen-address", f"unix://{self._web}", *flags],
            os.path.join(node.directory, f"{name}.log"))

    def events(self):
        """All events so far; each has its time as "at"."""
        if os.path.exists(self._events):
            with open(self._events, "rb") as log:
                log.seek(self._tail["offset"])
                data = log.read()
            data = data[:data.rfind(b"\n") + 1]
            self._tail["offset"] += len(data)
            for line in data.splitlines():
                event = json.loads(line)
                event["at"] = parse_time(event["time"])
                self._tail["events"].append(event)
        return self._tail["events"]

    def await_events(self, count):
        """The first `count` events."""
        def enough():
            self.check()
            return len(self.events()) >= count
        wait_for(f"{count} events", enough)
        return self.events()[:count]

    def metrics(self):
        """{series: value}, of one scrape."""
        with socket.socket(socket.AF_UNIX) as web:
            web.settimeout(PATIENCE)
            web.connect(self._web)
            web.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            reply = b"".join(iter(lambda: web.recv(65536), b"")).decode()
        series = {}
        for line in reply.split("\r\n\r\n", 1)[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                series[name] = float(value)
        return series

    def relists(self):
        return int(self.metrics()["pleg_relist_duration_seconds_count"])

    def last_relist_at(self):
        return self.metrics()["pleg_last_relist_timestamp_seconds"]

    def await_relist(self, after):
        """Start of a good relist that began later than `after`."""
        def later():
            at = self.last_relist_at()
            return at if at > after else None
        return wait_for("a relist", later, every=0.05)


class Node:
    """cri-sim in a directory of its own, with any number of plegds. To be used in a `with`. It lists as
    today's runtimes do, in one message."""

    def __init__(self, programs, pods, containers=2, **options):
        self.programs = programs
        self.pods = pods
        self.objects = pods * (containers + 1) + options.get("exited", 0)
        self.directory = tempfile.mkdtemp(prefix="plegd-bench.")
        self._socket = os.path.join(self.directory, "cri.sock")
        self.endpoint = f"unix://{self._socket}"
        self._plegds = []
        command = [programs["cri-sim"], "--listen", self.endpoint, "--pods", str(pods), "--containers",
                   str(containers), "--no-list-streaming"]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        self.simulator = Process(command, os.path.join(self.directory, "cri-sim.log"))

    def __enter__(self):
        try:
            wait_for("cri-sim", self._answers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (*self._plegds, self.simulator):
            process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _answers(self):
        self.simulator.check()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self._socket) == 0 and os.path.exists(self._socket + ".ctl")

    def plegd(self, *flags):
        """Starts one."""
        child = Plegd(self, f"plegd{len(self._plegds)}", flags)
        self._plegds.append(child)
        return child

    def settled_plegd(self, *flags):
        """Starts one and waits until it has told of everything that there is."""
        child = self.plegd(*flags)
        child.await_events(self.objects)
        return child

    def control(self, *words):
        done = subprocess.run([self.programs["cri-sim"], "ctl", "--control", self._socket + ".ctl", *words],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"cri-sim ctl {' '.join(words)}: {done.stderr}")
        return done.stdout

    def list(self):
        return json.loads(self.control("list"))["pods"]

    def change_many(self, pods):
        """Restarts a container in each of so many pods; when that happened."""
        self.control("change-many", str(pods))
        return parse_time(json.loads(self.control("history", "1"))["time"])
