"""The Prometheus rules: valid, as the mixin says, each alert proved by a scenario and explained by a runbook."""

import glob
import os
import re

import harness
import yaml

RULES = os.path.join(harness.DEPLOY, "prometheus")
SCENARIOS = sorted(glob.glob(os.path.join(harness.ROOT, "test/deploy/rules/*.yaml")))


def alerts():
    groups = yaml.safe_load(harness.read(RULES, "plegd-alerts.yaml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def documented():
    return set(re.findall(r"`(\w+)`", harness.read(harness.ROOT, "docs/metrics.md")))


class RulesTest(harness.TestCase):
    def test_promtool_accepts_them(self):
        for name in ("plegd-rules.yaml", "plegd-alerts.yaml"):
            self.run_ok(harness.tool("promtool"), "check", "rules", "--lint-fatal", os.path.join(RULES, name))

    def test_scenarios(self):
        self.assertGreaterEqual(len(SCENARIOS), 4)
        self.run_ok(harness.tool("promtool"), "test", "rules", *SCENARIOS)

    def test_every_alert_fires_in_a_scenario(self):
        fired = set(re.findall(r'ALERTS\{alertname="(\w+)",alertstate="firing"', "".join(map(harness.read, SCENARIOS))))
        self.assertEqual(fired, {alert["alert"] for alert in alerts()})

    def test_yaml_is_the_mixin_rendered(self):
        harness.tool("jsonnet")
        directory = self.temporary_directory()
        self.run_ok(os.path.join(RULES, "render.py"), directory)
        for name in ("plegd-rules.yaml", "plegd-alerts.yaml"):
            self.assertEqual(harness.read(RULES, name), harness.read(directory, name), f"{name}: run render.py")

    def test_every_alert_says_what_the_conventions_want(self):
        for alert in alerts():
            with self.subTest(alert["alert"]):
                self.assertIn(alert["labels"]["severity"], ("critical", "warning", "info"))
                self.assertEqual(set(alert["annotations"]), {"summary", "description", "runbook_url"})
                page = "/verdicts/{{ $labels.code }}.md" if alert["alert"] == "PlegVerdict" else f"/runbooks/{alert['alert']}.md"
                self.assertTrue(alert["annotations"]["runbook_url"].endswith(page))

    def test_every_alert_has_a_runbook(self):
        folder = os.path.join(harness.ROOT, "docs/runbooks")
        pages = {os.path.splitext(name)[0] for name in os.listdir(folder)} - {"README"}
        self.assertEqual(pages, {alert["alert"] for alert in alerts()})
        for page in pages:
            with self.subTest(page):
                text = harness.read(folder, page + ".md")
                for heading in ("## Meaning", "## Impact", "## Diagnosis", "## Mitigation"):
                    self.assertIn(heading, text)
                self.assertIn(f"({page}.md)", harness.read(folder, "README.md"))

    def scrape(self):
        directory = self.temporary_directory()
        return harness.get(f"http://{self.plegd(self.simulated_node(directory), directory)}/metrics")[1]

    def test_verdicts_are_as_loud_as_plegd_says(self):
        """Every code has the page that the alert links to; PlegVerdict has a rule for each severity and names no code."""
        found = re.findall(r'^pleg_verdict\{code="(\w+)",severity="(\w+)"\}', self.scrape(), re.M)
        pages = {os.path.splitext(name)[0] for name in os.listdir(os.path.join(harness.ROOT, "docs/verdicts"))}
        self.assertEqual({code for code, _ in found}, {page for page in pages if page.isupper()} - {"README"})
        self.assertEqual({severity for _, severity in found} - {"page", "warn", "info", "none"}, set())
        rules = {a["labels"]["severity"]: a["expr"] for a in alerts() if a["alert"] == "PlegVerdict"}
        said = {severity: re.findall(r'severity="(\w+)"', expr) for severity, expr in rules.items()}
        self.assertEqual(said, {"critical": ["page"], "warning": ["warn"], "info": ["info"]})
        self.assertFalse([expr for expr in rules.values() if "code" in expr.split("{")[1]])

    def test_rules_use_metrics_that_plegd_has(self):
        exposed = self.scrape()
        names = set(re.findall(r"^# TYPE (\S+)", exposed, re.M))
        text = harness.read(RULES, "plegd-rules.yaml") + harness.read(RULES, "plegd-alerts.yaml")
        used = set(re.findall(r"\b((?:pleg|process)_\w+?)(?:_bucket)?(?=\{job)", text))
        self.assertGreater(len(used), 8)
        self.assertEqual(used - names, set())
        self.assertEqual(used - documented(), set(), "docs/metrics.md lacks them")


if __name__ == "__main__":
    harness.main()
