"""The Helm chart and the Kustomize overlays, rendered by the real helm and kubectl: as the snapshots say, of the types of
Kubernetes' API (unknown fields are errors), without any privilege that is not asked for.

UPDATE_SNAPSHOTS=1 writes the snapshots anew; their diff is what a review reads.
"""

import json
import os
import re
import shutil
import subprocess

import harness
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
CHART = os.path.join(harness.DEPLOY, "helm/plegd")
KUBERNETES = os.path.join(harness.DEPLOY, "kubernetes")
OVERLAYS = ("containerd", "crio", "host-probes", "k3s", "kubelet-probe", "monitored")
# No image of the sources has a digest yet.
DIGEST = "sha256:" + "0" * 64
# Name of the snapshot: values set beside image.digest.
VALUES = {
    "default": [],
    "everything": ["kubeRBACProxy.enabled=true", "service.enabled=true", "prometheus.podMonitor.enabled=true",
                   "prometheus.monitor.enabled=true", "prometheus.rules.enabled=true", "hostNetwork=true",
                   "hostProbes.enabled=true", "kubeletProbe.enabled=true", "image.registry=registry.example", "commonLabels.team=node",
                   "kubeRBACProxy.image.digest=" + DIGEST, "extraArgs={--log-format=json}", "seLinuxOptions.type=spc_t"],
    "kubelet": ["kubeletProbe.enabled=true", "kubeletProbe.insecureSkipVerify=true"],
    "kubelet-pinned": ["kubeletProbe.enabled=true", "kubeletProbe.pinnedCert=/var/lib/kubelet/pki/kubelet.crt"],
    "group": ["runtime.socketGroup=997", "runtime.socket=/run/crio/crio.sock", "socketDirectory=", "networkPolicy.enabled=false"],
}
# A value that cannot work: what must be told.
BAD_VALUES = {
    "runtime.socket=unix:///run/containerd/containerd.sock": "/runtime/socket",
    "runtime.socket=containerd.sock": "/runtime/socket",
    "runtime.socketGroup=docker": "/runtime/socketGroup",
    "prometheus.rules.documentation=wiki": "/prometheus/rules/documentation",
    "service.port=70000": "/service/port",
    "tolerations=all": "/tolerations",
    "hostPID=true": "hostPID",
    "image.pullPolicy=Sometimes": "/image/pullPolicy",
    "image.digest=abc": "/image/digest",
    "image.tag=0.1.0": "tag",
    "image.digest=": "image.digest is required: sha256:..., of the image plegd/plegd that you trust",
    "kubeRBACProxy.enabled=true": "kubeRBACProxy.image.digest is required: sha256:..., of the image quay.io/brancz/kube-rbac-proxy that",
    "prometheus.podMonitor.interval=fast": "/prometheus/podMonitor/interval",
    "extraArgs={log-format=json}": "/extraArgs/0",
    "runtime.mountPropagation=Bidirectional": "/runtime/mountPropagation",
    "hostProbes.capabilities={ALL}": "/hostProbes/capabilities/0",
    "kubeletProbe.host=https://node": "/kubeletProbe/host",
    "kubeletProbe.port=kubelet": "/kubeletProbe/port",
    "kubeletProbe.pinnedCert=kubelet.crt": "/kubeletProbe/pinnedCert",
    "prometheus.monitor.enabled=true": "needs service.enabled",
}
# Where the types package declares a kind.
TYPES = {
    "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
    "v1": "kubernetes-models/v1",
}


def helm(*values):
    sets = [word for value in ("image.digest=" + DIGEST, *values) for word in ("--set", value)]
    return subprocess.run([harness.tool("helm"), "template", "plegd", CHART, "--namespace", "plegd", *sets],
                          capture_output=True, text=True, check=False)


def render(name):
    """The manifests of a snapshot's name, helm-… or kustomize-…"""
    if name.startswith("kustomize-"):
        argv = [harness.tool("kubectl"), "kustomize", os.path.join(KUBERNETES, "overlays", name.removeprefix("kustomize-"))]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    else:
        done = helm(*VALUES[name.removeprefix("helm-")])
    assert done.returncode == 0, done.stderr
    return done.stdout


# Those that ask the kubelet.
KUBELET = ("helm-everything", "helm-kubelet", "helm-kubelet-pinned", "kustomize-kubelet-probe")
NAMES = [f"helm-{name}" for name in VALUES] + [f"kustomize-{name}" for name in OVERLAYS]


def objects(name):
    return [item for item in yaml.safe_load_all(render(name)) if item]


def pod_spec(name):
    return next(item for item in objects(name) if item["kind"] == "DaemonSet")["spec"]["template"]["spec"]


class ManifestsTest(harness.TestCase):
    def test_snapshots(self):
        for name in NAMES:
            path = os.path.join(HERE, "snapshots", name + ".yaml")
            if os.environ.get("UPDATE_SNAPSHOTS"):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(render(name))
            with self.subTest(name):
                self.assertEqual(render(name), harness.read(path), "UPDATE_SNAPSHOTS=1 if this is meant")

    def test_types(self):
        """Each object as a literal of its TypeScript type: unknown fields, missing ones and wrong types fail."""
        tools = os.path.join(harness.TOOLS, "deploy")
        compiler = os.path.join(tools, "node_modules/typescript/bin/tsc")
        harness.tool("node")
        if not os.path.exists(compiler):
            self.skipTest("the types of Kubernetes' API are missing")
        lines = []
        for name in NAMES:
            for item in objects(name):
                version, kind = item["apiVersion"], item["kind"]
                module = f"{TYPES.get(version, 'kubernetes-models/' + version)}/{kind}"
                lines.append(f"// {name}\nimport {{ I{kind} as T{len(lines)} }} from '{module}';\n"
                             f"const x{len(lines)}: T{len(lines)} = {json.dumps(item)};\nexport {{ x{len(lines)} }};")
        self.assertGreater(len(lines), 30)
        lines.append(WRONG)
        source = os.path.join(tools, f"check-{os.getpid()}.mts")
        self.addCleanup(os.unlink, source)
        with open(source, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        done = subprocess.run([harness.tool("node"), compiler, "--noEmit", "--strict", "--skipLibCheck", "--module", "node16",
                               "--moduleResolution", "node16", "--target", "es2022", source],
                              cwd=tools, capture_output=True, text=True, check=False)
        errors = [line for line in done.stdout.splitlines() if "error TS" in line]
        # The one literal that is wrong on purpose shows that wrong ones are found.
        self.assertEqual(len(errors), 1, done.stdout)
        self.assertIn("tolerationz", errors[0])

    def test_lint(self):
        self.run_ok(harness.tool("helm"), "lint", "--strict", CHART)

    def test_bad_values_are_told_by_name(self):
        for value, told in BAD_VALUES.items():
            with self.subTest(value):
                done = helm(value)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(told, done.stderr)

    def test_the_chart_and_the_overlay_make_the_same_pod(self):
        self.assertEqual(pod_spec("helm-default"), pod_spec("kustomize-containerd"))

    def test_every_image_is_named_by_digest(self):
        """Of every rendering; and no image is named anywhere else."""
        for name in NAMES:
            for container in pod_spec(name)["containers"]:
                self.assertRegex(container["image"], r"^[a-z0-9./-]+@sha256:[0-9a-f]{64}$", name)
            text = render(name)
            self.assertEqual(len(re.findall(r"\bimage: ", text)), len(pod_spec(name)["containers"]), name)

    def test_nobody_has_a_privilege_that_is_not_asked_for(self):
        for name in NAMES:
            spec = pod_spec(name)
            probes = name in ("kustomize-host-probes", "helm-everything")
            with self.subTest(name):
                self.assertIs(spec["automountServiceAccountToken"], False)
                self.assertIs(spec["hostPID"], probes)
                for container in spec["containers"]:
                    security = container["securityContext"]
                    self.assertIs(security["allowPrivilegeEscalation"], False)
                    self.assertIs(security["readOnlyRootFilesystem"], True)
                    self.assertEqual(security["capabilities"]["drop"], ["ALL"])
                    self.assertEqual(security["capabilities"].get("add", []),
                                     ["SYS_PTRACE"] if probes and container["name"] == "plegd" else [])
                for volume in spec["volumes"]:
                    if "hostPath" in volume:
                        self.assertFalse(volume["hostPath"]["path"].endswith(".sock"), "the directory, not the socket")
                token = [c["name"] for c in spec["containers"] for m in c["volumeMounts"] if m["name"] == "token"]
                self.assertIn(token, ([], ["kube-rbac-proxy"]))
                asks = [c["name"] for c in spec["containers"] for m in c["volumeMounts"] if m["name"] == "kubelet-token"]
                self.assertEqual(asks, ["plegd"] if name in KUBELET else [])

    def test_the_kubelet_probe_is_let_out_and_may_read_metrics_alone(self):
        for name in NAMES:
            items = objects(name)
            rules = [rule for item in items if item["kind"] == "ClusterRole" and item["metadata"]["name"] == "plegd-kubelet-probe"
                     for rule in item["rules"]]
            ports = {port["port"] for item in items if item["kind"] == "NetworkPolicy"
                     for rule in item["spec"].get("egress", []) for port in rule["ports"]}
            with self.subTest(name):
                url = [word for word in pod_spec(name)["containers"][0]["args"] if word.startswith("--kubelet.metrics-url=")]
                if name not in KUBELET:
                    self.assertEqual((url, rules), ([], []))
                    self.assertNotIn(10250, ports)
                    continue
                self.assertEqual(url, ["--kubelet.metrics-url=https://$(NODE_IP):10250/metrics"])
                self.assertEqual(rules, [{"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}])
                self.assertIn(10250, ports)

    def test_probes_ask_what_they_should(self):
        for name in NAMES:
            plegd = pod_spec(name)["containers"][0]
            # A port by name is looked for in the same container only; by number in the whole pod.
            ports = [port["name"] for port in plegd.get("ports", [])]
            ports += [port["containerPort"] for c in pod_spec(name)["containers"] for port in c.get("ports", [])]
            self.assertIn(plegd["livenessProbe"]["httpGet"]["port"], ports)
            self.assertIn(plegd["readinessProbe"]["httpGet"]["port"], ports)
            self.assertEqual(plegd["livenessProbe"]["httpGet"]["path"], "/livez")
            self.assertEqual(plegd["readinessProbe"]["httpGet"]["path"], "/readyz")

    def test_plegd_knows_every_flag(self):
        """plegd accepts the arguments of each rendering: it starts and only then ends for want of a socket's place."""
        for name in NAMES:
            arguments = [word for word in pod_spec(name)["containers"][0]["args"] if "listen-address" not in word]
            with self.subTest(name):
                done = subprocess.run([harness.program("plegd"), *arguments, "--find-runtime"], capture_output=True,
                                      text=True, timeout=30, check=False)
                self.assertIn(done.returncode, (0, 3), done.stderr)

    def test_the_chart_ships_the_rules(self):
        rule = next(item for item in objects("helm-everything") if item["kind"] == "PrometheusRule")
        shipped = []
        for file in ("plegd-rules.yaml", "plegd-alerts.yaml"):
            shipped += yaml.safe_load(harness.read(harness.DEPLOY, "prometheus", file))["groups"]
        self.assertEqual(rule["spec"]["groups"], shipped)

    def test_alerts_link_to_where_the_documents_are(self):
        done = helm("prometheus.rules.enabled=true", "prometheus.rules.documentation=https://wiki.example/plegd/")
        rule = next(item for item in yaml.safe_load_all(done.stdout) if item["kind"] == "PrometheusRule")
        links = [r["annotations"]["runbook_url"] for group in rule["spec"]["groups"] for r in group["rules"] if "alert" in r]
        self.assertGreater(len(links), 10)
        for link in links:
            self.assertRegex(link, r"^https://wiki\.example/plegd/(runbooks/\w+|verdicts/\{\{ \$labels\.code \}\})\.md$")

    def test_the_dashboard_is_shipped_as_it_is(self):
        done = helm("grafana.dashboard.enabled=true")
        config = next(item for item in yaml.safe_load_all(done.stdout) if item["kind"] == "ConfigMap")
        self.assertEqual(json.loads(config["data"]["plegd.json"]), json.loads(harness.read(harness.DEPLOY, "grafana/plegd.json")))

    def test_the_packed_chart_renders_alike(self):
        directory = self.temporary_directory()
        shutil.copytree(CHART, os.path.join(directory, "plegd"), symlinks=False)
        done = subprocess.run([harness.tool("helm"), "template", "plegd", os.path.join(directory, "plegd"), "--namespace", "plegd",
                               "--set", "image.digest=" + DIGEST], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, render("helm-default"))


WRONG = ("import { IDaemonSet as Wrong } from 'kubernetes-models/apps/v1/DaemonSet';\n"
         "const wrong: Wrong = {apiVersion: 'apps/v1', kind: 'DaemonSet', spec: {selector: {}, template: {spec: "
         "{containers: [{name: 'x'}], tolerationz: []}}}};\nexport { wrong };")


if __name__ == "__main__":
    harness.main()
