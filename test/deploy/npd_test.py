"""node-problem-detector's plugin: a configuration that it reads, and a check that answers as it wants."""

import json
import os
import subprocess
import time

import harness

CONFIG = os.path.join(harness.DEPLOY, "node-problem-detector/plegd.json")
# What node-problem-detector cuts a message to.
MESSAGE_BYTES = 80


class PluginTest(harness.TestCase):
    def setUp(self):
        self.config = json.loads(harness.read(CONFIG))

    def test_configuration(self):
        self.assertEqual(self.config["plugin"], "custom")
        self.assertLessEqual(self.config["pluginConfig"]["max_output_length"], MESSAGE_BYTES)
        conditions = {condition["type"]: condition for condition in self.config["conditions"]}
        self.assertEqual(set(conditions), {"RuntimePlegUnhealthy"})
        for rule in self.config["rules"]:
            # A temporary rule would send an event at each check.
            self.assertEqual(rule["type"], "permanent")
            self.assertEqual([rule["path"], *rule["args"]], ["/usr/bin/plegctl", "check", "--no-ages"])
            self.assertNotEqual(rule["reason"], conditions["RuntimePlegUnhealthy"]["reason"])
            self.assertIn(rule["condition"], conditions)

    def check(self, socket):
        arguments = self.config["rules"][0]["args"]
        return subprocess.run([harness.program("plegctl"), *arguments, "--socket", socket, "--patience", "5s"],
                              capture_output=True, text=True, timeout=30, check=False)

    def test_check_tells_ok_problem_and_unknown(self):
        harness.program("plegctl")
        directory = self.temporary_directory()
        runtime = self.simulated_node(directory)
        socket = os.path.join(directory, "plegd.sock")
        unknown = self.check(socket)
        self.assertEqual(unknown.returncode, 2, unknown)
        self.plegd(runtime, directory, "--api.socket", f"unix://{socket}")
        healthy = self.check(socket)
        self.assertEqual(healthy.returncode, 0, healthy)

        def ctl(*words):
            return self.run_ok(harness.program("cri-sim"), "ctl", "--control", runtime + ".ctl", *words)

        pod = json.loads(ctl("list"))["pods"][0]
        container = pod["containers"][0]["id"]
        ctl("fault", "add", "ContainerStatus", "--id", container, "hang")
        ctl("exit", container, "1")
        harness.wait_until(lambda: self.check(socket).returncode == 1, 60, "a problem")
        told = self.check(socket).stdout.encode()[:MESSAGE_BYTES].decode(errors="replace")
        # A long name is cut in its middle.
        self.assertIn(f"{pod['namespace']}/{pod['name'][:8]}", told)
        self.assertIn(pod["name"][-8:], told)
        # As soon as the verdict is there, it is first, and nothing of the message changes any more.
        first = harness.wait_until(lambda: (lambda said: "_" in said and said)(self.check(socket).stdout), 60, "the verdict")
        self.assertRegex(first, r"^PROBLEM: (CONTAINER_STUCK|SILENT_LAG) \S+/\S+ \(\w+\)\n$")
        time.sleep(2.5)
        self.assertEqual(self.check(socket).stdout, first)


if __name__ == "__main__":
    harness.main()
