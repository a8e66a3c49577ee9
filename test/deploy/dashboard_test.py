"""The Grafana dashboard: as its source says, of the structure that Grafana reads, and with data behind every query, tried by
promtool on scrapes of a real plegd whose runtime works, fails and hangs."""

import json
import os
import re
import subprocess
import time

import harness
import yaml

DASHBOARD = os.path.join(harness.DEPLOY, "grafana/plegd.json")
# Titles of the kubelet's dashboard in kubernetes-mixin.
KUBELET_TITLES = ("PLEG relist rate", "PLEG relist interval", "PLEG relist duration", "Operation Rate",
                  "Operation Error Rate", "Operation Duration 99th quantile")
CLUSTER = "test"


def panels():
    return [panel for panel in json.loads(harness.read(DASHBOARD))["panels"] if panel["type"] != "row"]


def queries():
    """Title and expression of each panel, with the variables as a user who looks at all nodes has them."""
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"].replace("$cluster", CLUSTER).replace("$instance", ".*")
            yield panel["title"], expression.replace("$__rate_interval", "4m")


class DashboardTest(harness.TestCase):
    def test_it_is_rendered_from_its_source(self):
        harness.tool("jsonnet")
        directory = self.temporary_directory()
        self.run_ok(os.path.join(harness.DEPLOY, "prometheus/render.py"), directory)
        self.assertEqual(harness.read(DASHBOARD), harness.read(directory, "plegd.json"), "run render.py")

    def test_structure(self):
        dashboard = json.loads(harness.read(DASHBOARD))
        self.assertEqual([v["name"] for v in dashboard["templating"]["list"]], ["datasource", "cluster", "instance"])
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        taken = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertEqual(cells & taken, set(), panel["title"])
            taken |= cells
        titles = [panel["title"] for panel in panels()]
        self.assertEqual(len(titles), len(set(titles)))
        for title in KUBELET_TITLES:
            self.assertIn(title, titles)
        for panel in panels():
            self.assertTrue(panel["description"], panel["title"])
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")

    def record(self):
        """Scrapes of a runtime that works, then with calls that fail, at last with one that hangs."""
        directory = self.temporary_directory()
        socket = self.simulated_node(directory, "--churn", "5", "--exited", "5")
        address = self.plegd(socket, directory, "--relist-period", "200ms")

        def ctl(*words):
            self.run_ok(harness.program("cri-sim"), "ctl", "--control", socket + ".ctl", *words)

        def scrape():
            time.sleep(1)  # a scrape interval
            return harness.get(f"http://{address}/metrics")[1]

        scrapes = [scrape()]
        ctl("fault", "add", "ContainerStatus", "error=INTERNAL", "count=1000")
        scrapes += [scrape(), scrape()]
        for method in ("ListContainers", "StreamContainers"):
            ctl("fault", "add", method, "hang")
        scrapes.append(scrape())
        # The last one has a verdict, and the host has been looked at.
        wrong = re.compile(r'^pleg_verdict\{code="\w+",severity="page"\} 1$', re.M)
        return scrapes + [harness.wait_until(lambda: (lambda text: wrong.search(text) and "pleg_host_mounts" in text and text)(
            scrape()), 60, "a verdict")]

    @staticmethod
    def series(scrapes):
        """promtool's input: each series with its value in each scrape, a minute apart."""
        values = {}
        for index, scrape in enumerate(scrapes):
            for line in scrape.splitlines():
                match = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
                if match:
                    labels = ",".join(filter(None, (match[2], f'job="plegd",instance="node-1",cluster="{CLUSTER}"')))
                    name = f"{match[1]}{{{labels}}}"
                    values.setdefault(name, ["_"] * len(scrapes))[index] = match[3].replace("+Inf", "Inf")
        return [{"series": name, "values": " ".join(points)} for name, points in values.items()]

    def test_every_metric_is_documented(self):
        used = {name for _, expression in queries() for name in re.findall(r"\b((?:pleg|process)_\w+?)(?:_bucket|_count)?\{", expression)}
        self.assertGreater(len(used), 25)
        self.assertEqual(used - set(re.findall(r"`(\w+)`", harness.read(harness.ROOT, "docs/metrics.md"))), set())

    def test_verdicts_are_shown_over_time(self):
        timeline = next(panel for panel in panels() if panel["type"] == "state-timeline")
        self.assertRegex(timeline["targets"][0]["expr"], r"pleg_verdict\{.*severity!=.none")
        self.assertIn("{{code}}", timeline["targets"][0]["legendFormat"])
        mapped = {option for mapping in timeline["fieldConfig"]["defaults"]["mappings"] for option in mapping["options"]}
        self.assertEqual(mapped, {"1"})

    def test_every_query_has_data(self):
        promtool = harness.tool("promtool")
        scrapes = self.record()
        checks = [{"expr": f"count({expression}) > bool 0", "eval_time": "4m", "exp_samples": [{"labels": "{}", "value": 1}]}
                  for _, expression in queries()]
        self.assertGreater(len(checks), 20)
        path = os.path.join(self.temporary_directory(), "queries.yaml")
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump({"evaluation_interval": "1m", "rule_files": [],
                            "tests": [{"interval": "1m", "input_series": self.series(scrapes),
                                       "promql_expr_test": checks}]}, file)
        done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
