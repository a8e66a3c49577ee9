#!/usr/bin/python3
"""draw_dashboard.py PROMETHEUS OUT.svg [MINUTES]: draws deploy/grafana/plegd.json from a running Prometheus.

A stand-in for Grafana, which Debian does not have: the same grid, titles, queries, units and thresholds, to look at the
dashboard with real data. It knows the panel types that the dashboard uses and no more."""

import html
import json
import os
import sys
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
DASHBOARD = os.path.join(HERE, "../../deploy/grafana/plegd.json")
COLUMN, ROW = 62, 36
COLORS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a")
NAMED = {"green": "#299c46", "orange": "#ed8128", "red": "#d44a3a", "blue": "#3274d9"}


def call(address, path, **parameters):
    url = f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as reply:
        return json.load(reply)["data"]["result"]


def show(value, unit):
    if value != value:
        return "–"
    if unit == "s":
        return f"{value:.0f} s" if value >= 10 else f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"
    if unit == "percentunit":
        return f"{value:.1%}"
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "ops":
        return f"{value:.2f}/s"
    return f"{value:g}"


class Drawing:
    def __init__(self, address, minutes):
        self.address, self.end = address, time.time()
        self.start = self.end - minutes * 60
        self.cluster = call(address, "query", query="pleg_build_info")[0]["metric"]["cluster"]
        self.out = []

    def query(self, target):
        expression = target["expr"].replace("$cluster", self.cluster).replace("$instance", ".*").replace("$__rate_interval", "1m")
        if target.get("instant"):
            return [(item["metric"], [item["value"]]) for item in call(self.address, "query", query=expression)]
        return [(item["metric"], item["values"]) for item in
                call(self.address, "query_range", query=expression, start=self.start, end=self.end, step=5)]

    def text(self, x, y, words, size=11, color="#ccccdc", anchor="start"):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}">'
                        f"{html.escape(words)}</text>")

    def box(self, x, y, width, height, color):
        self.out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}" rx="2"/>')

    def panel(self, panel):
        place = panel["gridPos"]
        x, y = place["x"] * COLUMN + 4, place["y"] * ROW + 4
        width, height = place["w"] * COLUMN - 6, place["h"] * ROW - 6
        if panel["type"] == "row":
            self.text(x + 4, y + 20, "▾ " + panel["title"], 14)
            return
        self.box(x, y, width, height, "#181b1f")
        self.text(x + 8, y + 16, panel["title"], 12, "#ffffff")
        defaults = panel["fieldConfig"]["defaults"]
        series = [(metric, points, target["legendFormat"]) for target in panel["targets"] for metric, points in self.query(target)]
        draw = {"stat": self.stat, "timeseries": self.graph, "table": self.table, "state-timeline": self.timeline}[panel["type"]]
        draw(series, defaults, x, y + 22, width, height - 22)

    def stat(self, series, defaults, x, y, width, height):
        value = float(series[0][1][-1][1]) if series else float("nan")
        color = "red"
        for step in defaults["thresholds"]["steps"]:
            if step["value"] is None or value >= step["value"]:
                color = step["color"]
        words = show(value, defaults["unit"])
        for mapping in defaults.get("mappings", []):
            words = mapping["options"].get(f"{value:g}", {}).get("text", words)
        self.box(x + 4, y, width - 8, height - 4, NAMED[color])
        self.text(x + width / 2, y + height / 2 + 8, words, 24, "#ffffff", "middle")

    def timeline(self, series, _defaults, x, y, width, height):
        left, right, tall = x + 260, x + width - 8, 18
        for index, (metric, points, form) in enumerate(series[: int(height / tall)]):
            for key, value in metric.items():
                form = form.replace("{{%s}}" % key, value)
            self.text(left - 8, y + 13 + index * tall, form, 10, anchor="end")
            for at, _ in points:
                px = left + (float(at) - self.start) / (self.end - self.start) * (right - left)
                self.box(px, y + 2 + index * tall, (right - left) * 5 / (self.end - self.start) + 1, tall - 4, NAMED["red"])

    def table(self, series, defaults, x, y, _width, height):
        rows = sorted(series, key=lambda item: -float(item[1][-1][1]))
        for index, (metric, points, _) in enumerate(rows[: int(height / 16) - 1]):
            names = ", ".join(value for key, value in sorted(metric.items()) if key != "cluster")
            self.text(x + 8, y + 14 + index * 16, f"{show(float(points[-1][1]), defaults['unit']):>10}  {names}", 10)

    def graph(self, series, defaults, x, y, width, height):
        legend = 0.42 * width
        left, right, bottom = x + 52, x + width - legend, y + height - 18
        limit = defaults.get("thresholds", {}).get("steps", [{}])[-1].get("value")
        highest = max([float(v) for _, points, _ in series for _, v in points if v not in ("NaN", "+Inf")] or [1]) or 1
        # As Grafana does, a limit is drawn only where it lies within the axis.
        for fraction in (0, 0.5, 1):
            level = bottom - fraction * (bottom - y - 6)
            self.out.append(f'<line x1="{left}" x2="{right}" y1="{level:.1f}" y2="{level:.1f}" stroke="#2c3235"/>')
            self.text(left - 4, level + 4, show(highest * fraction, defaults["unit"]), 9, "#9fa7b3", "end")

        def spot(at, value):
            return (left + (float(at) - self.start) / (self.end - self.start) * (right - left),
                    bottom - float(value) / highest * (bottom - y - 6))

        if limit and limit <= highest:
            level = spot(self.start, limit)[1]
            self.out.append(f'<line x1="{left}" x2="{right}" y1="{level:.1f}" y2="{level:.1f}" stroke="#e02f44" stroke-dasharray="4 3"/>')
        for index, (metric, points, form) in enumerate(series):
            color = COLORS[index % len(COLORS)]
            path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (spot(at, v) for at, v in points if v != "NaN"))
            self.out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.3"/>')
            if (index + 1) * 13 < height - 4:
                name = form
                for key, value in metric.items():
                    name = name.replace("{{%s}}" % key, value)
                self.box(right + 8, y + 4 + index * 13, 8, 3, color)
                self.text(right + 20, y + 9 + index * 13, f"{name}  {show(float(points[-1][1]), defaults['unit'])}", 9)
        for minute in range(0, int((self.end - self.start) / 60) + 1, 2):
            self.text(spot(self.start + minute * 60, 0)[0], bottom + 13, f"{minute} min", 9, "#9fa7b3", "middle")

    def svg(self, panels):
        for panel in panels:
            self.panel(panel)
        height = max((p["gridPos"]["y"] + p["gridPos"]["h"]) * ROW for p in panels) + 8
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{24 * COLUMN + 8}" height="{height}" '
                f'font-family="DejaVu Sans, sans-serif"><rect width="100%" height="100%" fill="#111217"/>' + "\n".join(self.out) + "</svg>\n")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    with open(DASHBOARD, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    drawing = Drawing(sys.argv[1], float(sys.argv[3]) if len(sys.argv) == 4 else 6)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(drawing.svg(panels))


main()
