"""The example for Alertmanager, in a real one: an incident pages once, and what is another's stays loud."""

import json
import os
import subprocess
import urllib.request

import harness

CONFIG = os.path.join(harness.DEPLOY, "prometheus/alertmanager.yaml")


def alert(name, severity, instance="node-1", cluster="eu", **labels):
    return {"alertname": name, "severity": severity, "instance": instance, "cluster": cluster, **labels}


class AlertmanagerTest(harness.TestCase):
    def setUp(self):
        unpacked = os.path.join(harness.TOOLS, "deploy/alertmanager")
        program = os.path.join(unpacked, "usr/bin/prometheus-alertmanager")
        if not os.path.exists(program):
            self.skipTest("Alertmanager is missing")
        # Its templates are where Debian's package has them, for this process alone.
        share = f"mount -t overlay overlay -o lowerdir={unpacked}/usr/share:/usr/share /usr/share"
        if subprocess.run(["unshare", "-rm", "sh", "-c", share], check=False).returncode != 0:
            self.skipTest("no user namespaces")
        directory = self.temporary_directory()
        self.address = f"127.0.0.1:{harness.free_port()}"
        self.spawn("unshare", "-rm", "sh", "-c", share + ' && exec "$@"', "sh", program, "--config.file", CONFIG, "--storage.path", os.path.join(directory, "data"),
                   "--web.listen-address", self.address, "--cluster.listen-address", "",
                   log=os.path.join(directory, "alertmanager.log"))
        harness.wait_until(lambda: harness.get(f"http://{self.address}/-/ready")[0] == 200, what="Alertmanager")

    def post(self, *alerts):
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        request = urllib.request.Request(f"http://{self.address}/api/v2/alerts", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as reply:
            self.assertEqual(reply.status, 200)

    def alerts(self):
        return json.loads(harness.get(f"http://{self.address}/api/v2/alerts")[1])

    def loud(self, receiver, count):
        """Names of the alerts that reach the receiver, once all are there."""
        alerts = harness.wait_until(lambda: len(self.alerts()) == count and self.alerts(), what="the alerts")
        return sorted((a["labels"]["alertname"], a["labels"]["instance"]) for a in alerts
                      if not a["status"]["inhibitedBy"] and receiver in [r["name"] for r in a["receivers"]])

    def test_a_convoy_pages_once(self):
        self.post(alert("PlegVerdict", "critical", code="LIST_LOCK_CONVOY"),
                  alert("PlegNodeNotReadySoon", "critical"), alert("PlegUnhealthy", "critical"),
                  alert("PlegVerdict", "warning", code="NODE_IO_STARVED"),
                  alert("PlegCallUnanswered", "warning", method="ListContainers"), alert("PlegRelistOverdue", "warning"))
        self.assertEqual(self.loud("page", 6), [("PlegVerdict", "node-1")])
        self.assertEqual(self.loud("ticket", 6), [])

    def test_without_a_verdict_that_pages_the_countdown_does(self):
        self.post(alert("PlegVerdict", "warning", code="LATENT_HANG"), alert("PlegNodeNotReadySoon", "critical"))
        self.assertEqual(self.loud("page", 2), [("PlegNodeNotReadySoon", "node-1")])

    def test_other_nodes_and_clusters_stay_loud(self):
        self.post(alert("PlegVerdict", "critical", code="RUNTIME_DOWN"),
                  alert("PlegUnhealthy", "critical", instance="node-2"),
                  alert("PlegUnhealthy", "critical", cluster="us"),
                  alert("PlegCallUnanswered", "warning", instance="node-3"))
        self.assertEqual(self.loud("page", 4), [("PlegUnhealthy", "node-1"), ("PlegUnhealthy", "node-2"), ("PlegVerdict", "node-1")])
        self.assertEqual(self.loud("ticket", 4), [("PlegCallUnanswered", "node-3")])


if __name__ == "__main__":
    harness.main()
