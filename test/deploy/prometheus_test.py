"""A real Prometheus with the rules of deploy/ scrapes a real plegd every 15 s, as installed: a lock convoy on the
runtime raises the hang alert within 90 s and then pages with the verdict and its page, its end clears both."""

import json
import os
import subprocess
import time
import urllib.parse

import harness
import yaml

ALERT_WITHIN = 90
PAGE_WITHIN = 150


class ConvoyAlertTest(harness.TestCase):
    def setUp(self):
        self.prometheus_program = harness.tool("prometheus")
        self.directory = self.temporary_directory()
        self.socket = self.simulated_node(self.directory)
        self.plegd_address = self.plegd(self.socket, self.directory)

    def ctl(self, *words):
        return self.run_ok(harness.program("cri-sim"), "ctl", "--control", self.socket + ".ctl", *words)

    def start_prometheus(self):
        rules = os.path.join(harness.DEPLOY, "prometheus")
        config = {
            "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
            "rule_files": [os.path.join(rules, name) for name in ("plegd-rules.yaml", "plegd-alerts.yaml")],
            "scrape_configs": [{"job_name": "plegd", "static_configs": [{"targets": [self.plegd_address]}]}],
        }
        path = os.path.join(self.directory, "prometheus.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(config, file)
        self.address = f"127.0.0.1:{harness.free_port()}"
        log = os.path.join(self.directory, "prometheus.log")
        self.spawn(self.prometheus_program, "--config.file", path, "--storage.tsdb.path",
                   os.path.join(self.directory, "tsdb"), "--web.listen-address", self.address, log=log)
        harness.wait_until(lambda: harness.get(f"http://{self.address}/-/ready")[0] == 200, what="Prometheus")

    def query(self, expression):
        url = f"http://{self.address}/api/v1/query?query={urllib.parse.quote(expression)}"
        return json.loads(harness.get(url)[1])["data"]["result"]

    def firing(self):
        return {(r["metric"]["alertname"], r["metric"].get("method")) for r in self.query('ALERTS{alertstate="firing"}')}

    def alerts(self):
        return json.loads(harness.get(f"http://{self.address}/api/v1/alerts")[1])["data"]["alerts"]

    def page(self):
        return next((a for a in self.alerts() if a["state"] == "firing" and a["labels"].get("severity") == "critical"), None)

    def test_the_hang_alert_fires_within_90_seconds_and_clears(self):
        self.start_prometheus()
        harness.wait_until(lambda: self.query("instance:pleg_last_relist:age_seconds < 60"), 60, "a scrape and its rules")
        self.assertEqual(self.firing(), set())

        container = json.loads(self.ctl("list"))["pods"][0]["containers"][0]["id"]
        self.ctl("convoy", container)
        began = time.monotonic()
        harness.wait_until(lambda: ("PlegCallUnanswered", "ListContainers") in self.firing(), ALERT_WITHIN, "the alert")
        print(f"PlegCallUnanswered fired {time.monotonic() - began:.0f} s into the convoy")

        page = harness.wait_until(self.page, PAGE_WITHIN, "the page")
        print(f"PlegVerdict paged {time.monotonic() - began:.0f} s into the convoy")
        self.assertEqual((page["labels"]["alertname"], page["labels"]["code"]), ("PlegVerdict", "LIST_LOCK_CONVOY"))
        self.assertTrue(os.path.exists(page["annotations"]["runbook_url"].replace(
            "file:///usr/share/doc/plegd", os.path.join(harness.ROOT, "docs"))))
        unanswered = next(a for a in self.alerts() if a["labels"]["alertname"] == "PlegCallUnanswered")
        self.assertRegex(unanswered["annotations"]["description"], r"Verdict:.* LIST_LOCK_CONVOY")

        self.ctl("convoy", "clear")
        began = time.monotonic()
        harness.wait_until(lambda: self.firing() == set(), 60, "the end of the alert")
        print(f"and cleared {time.monotonic() - began:.0f} s after its end")

    def test_a_scrape_passes_promtool(self):
        scrape = harness.get(f"http://{self.plegd_address}/metrics")[1]
        checked = subprocess.run([harness.tool("promtool"), "check", "metrics"], input=scrape, capture_output=True,
                                 text=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))


if __name__ == "__main__":
    harness.main()
