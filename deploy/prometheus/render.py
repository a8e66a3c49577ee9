#!/usr/bin/python3
"""render.py [DIR]: writes the mixin as Prometheus and Grafana read it: plegd-rules.yaml and plegd-alerts.yaml beside this
file, ../grafana/plegd.json; or all three into DIR. Needs jsonnet and PyYAML."""

import json
import os
import subprocess
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "# Made from the mixin beside this file by render.py: change that.\n"


class Dumper(yaml.SafeDumper):
    """Expressions of several lines stay readable."""


def text(dumper, value):
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, text)


def jsonnet(*argv):
    return json.loads(subprocess.run(["jsonnet", *argv], check=True, capture_output=True, text=True).stdout)


def rules(field):
    code = f"(import '{HERE}/config.libsonnet') + (import '{HERE}/alerts.libsonnet') + (import '{HERE}/rules.libsonnet')"
    return HEAD + yaml.dump(jsonnet("-e", f"({code}).{field}"), Dumper=Dumper, sort_keys=False, width=1000)


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def main():
    grafana = os.path.join(HERE, "../grafana")
    rules_to, dashboard_to = (sys.argv[1:2] * 2) or (HERE, grafana)
    write(rules_to, "plegd-rules.yaml", rules("prometheusRules"))
    write(rules_to, "plegd-alerts.yaml", rules("prometheusAlerts"))
    dashboard = jsonnet(os.path.join(grafana, "dashboard.jsonnet"))
    write(dashboard_to, "plegd.json", json.dumps(dashboard, indent=1) + "\n")


main()
