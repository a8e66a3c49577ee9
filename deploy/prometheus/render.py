#!/usr/bin/python3
"""render.py [DIR]: writes plegd-rules.yaml and plegd-alerts.yaml, the mixin as Prometheus reads it, into DIR (default:
beside this file). Needs jsonnet and PyYAML."""

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


def render(field):
    code = f"(import '{HERE}/config.libsonnet') + (import '{HERE}/alerts.libsonnet') + (import '{HERE}/rules.libsonnet')"
    out = subprocess.run(["jsonnet", "-e", f"({code}).{field}"], check=True, capture_output=True, text=True).stdout
    return HEAD + yaml.dump(json.loads(out), Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True)


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else HERE
    for name, field in (("plegd-rules.yaml", "prometheusRules"), ("plegd-alerts.yaml", "prometheusAlerts")):
        with open(os.path.join(target, name), "w", encoding="utf-8") as file:
            file.write(render(field))


main()
