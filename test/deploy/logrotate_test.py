"""The packaged logrotate configuration, by Debian's logrotate on the event log of a plegd that writes all the time: each event
is in one file, once."""

import glob
import gzip
import json
import os

import harness

CONFIG = os.path.join(harness.DEPLOY, "logrotate/plegd")
UNPACKED = os.path.join(harness.TOOLS, "deploy/logrotate")


def logrotate():
    """Argument vector and environment of Debian's logrotate, installed or unpacked."""
    path = os.path.join(UNPACKED, "usr/sbin/logrotate")
    if not os.access(path, os.X_OK):
        return harness.tool("logrotate"), {}
    libraries = glob.glob(os.path.join(UNPACKED, "usr/lib/*")) + glob.glob(os.path.join(UNPACKED, "lib/*"))
    return path, {"LD_LIBRARY_PATH": ":".join(libraries)}


class LogrotateTest(harness.TestCase):
    def setUp(self):
        self.program, self.extra = logrotate()
        self.directory = self.temporary_directory()
        self.log = os.path.join(self.directory, "log/events.jsonl")
        os.mkdir(os.path.dirname(self.log))

    def rotate(self, config):
        path = os.path.join(self.directory, "logrotate.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config.replace("/var/log/plegd/", os.path.dirname(self.log) + "/"))
        os.chmod(path, 0o644)
        return self.run_ok(self.program, "-v", "-f", "-s", os.path.join(self.directory, "state"), path,
                           env={**os.environ, **self.extra})

    def watch(self):
        node = self.simulated_node(self.directory, "--churn", "20")
        self.plegd(f"unix://{node}", self.directory, "--event-log", self.log, "--relist-period", "20ms")

    def wait_for_events(self):
        size = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        harness.wait_until(lambda: os.path.exists(self.log) and os.path.getsize(self.log) > size, what="an event")

    def numbers(self, path):
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
            lines = file.read().split("\n")
        # What is written at this moment may lack its end.
        return [json.loads(line)["seq"] for line in lines[:-1]]

    def files(self):
        """Oldest first."""
        rotated = glob.glob(self.log + ".*")
        return sorted(rotated, key=lambda path: -int(path[len(self.log) + 1:].removesuffix(".gz"))) + [self.log]

    def test_no_event_is_lost_and_none_is_there_twice(self):
        self.watch()
        for _ in range(5):
            self.wait_for_events()
            self.rotate(harness.read(CONFIG))
        self.wait_for_events()
        files = self.files()
        self.assertEqual(len(files), 6, files)
        self.assertEqual([path.endswith(".gz") for path in files], [True] * 4 + [False] * 2)
        found = [number for path in files for number in self.numbers(path)]
        self.assertGreater(len(found), 20)
        self.assertEqual(found, list(range(1, len(found) + 1)))

    def test_a_truncated_copy_leaves_no_hole(self):
        self.watch()
        self.wait_for_events()
        self.rotate(harness.read(CONFIG).replace("    nocreate\n", "    copytruncate\n").replace("delaycompress", ""))
        self.wait_for_events()
        with open(self.log, "rb") as file:
            self.assertNotIn(b"\0", file.read())
        found = [number for path in self.files() for number in self.numbers(path)]
        self.assertEqual(found, sorted(set(found)), "an event is there twice")

    def test_an_idle_log_comes_back(self):
        node = self.simulated_node(self.directory)
        self.plegd(f"unix://{node}", self.directory, "--event-log", self.log)
        # The events of a node that rests come with the first relist.
        harness.wait_until(lambda: os.path.getsize(self.log) > 0, what="the first events")
        self.rotate(harness.read(CONFIG))
        harness.wait_until(lambda: os.path.exists(self.log), what="the next file")

    def test_nothing_is_said_of_a_plegd_without_an_event_log(self):
        told = self.rotate(harness.read(CONFIG))
        self.assertNotIn("error", told.lower())


if __name__ == "__main__":
    harness.main()
