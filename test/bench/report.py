"""What was measured, as a table, as JSON and as a picture."""

import json
import math
import os
import platform
import re
import statistics


class Row:
    """One measurement with its budget: the median of its values counts."""

    def __init__(self, what, kubelet, budget, unit, values, note="", at_least=False):
        self.what, self.kubelet, self.budget, self.unit = what, kubelet, budget, unit
        self.values, self.note, self.at_least = list(values), note, at_least
        self.value = statistics.median(self.values)
        self.met = self.value >= budget if at_least else self.value <= budget

    def _figure(self, value):
        text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
        return f"{text} {self.unit}".strip()

    def cells(self):
        spread = f" ({min(self.values):.3g} … {max(self.values):.3g})" if len(self.values) > 1 else ""
        return (self.what, f"{self.kubelet} {self.unit}" if self.kubelet[:1].isdigit() else self.kubelet,
                ("≥ " if self.at_least else "≤ ") + self._figure(self.budget),
                self._figure(self.value) + spread, "met" if self.met else "**missed**", self.note)

    def line(self):
        what, _, budget, value, verdict, note = self.cells()
        return f"{verdict.strip('*'):6}  {value:32}  {budget:16}  {what}" + (f"; {note}" if note else "")

    def json(self):
        return {key: getattr(self, key) for key in ("what", "kubelet", "budget", "unit", "at_least", "value", "values",
                                                    "met", "note")}


class Machine:
    """Where it was measured, and how busy that was."""

    def __init__(self):
        self.loads = [os.getloadavg()[0]]
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
            match = re.search(r"^model name\s*:\s*(.*)$", info.read(), re.MULTILINE)
        self.cpu = match[1] if match else platform.machine()

    def end(self):
        self.loads.append(os.getloadavg()[0])

    def __str__(self):
        return (f"{os.cpu_count()} CPUs ({self.cpu}), Linux {platform.release().split('-')[0]}; load average "
                f"{self.loads[0]:.1f} before and {self.loads[-1]:.1f} after, plegd's and cri-sim's own included.")


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def growth_cells(pods, cost):
    share = cost["socket_copy_ms"] / cost["relist_ms"]
    return (f"{pods:,}", f"{cost['bytes'] / 1e6:.2f}", f"{cost['cpu_ms']:.2f}", f"{cost['relist_ms']:.2f}",
            f"{cost['receive_ms']:.2f}", f"{cost['socket_copy_ms']:.2f} ({share:.0%})",
            f"{cost['memory']['rss'] / 1e6:.1f}", f"{cost['memory']['peak'] / 1e6:.1f}")


GROWTH_HEADER = ("pods × 2", "bytes of both lists, MB", "CPU per relist at 1 Hz, ms", "back to back, ms",
                 "of it receiving, ms", "of it socket copy, ms", "resident, MB", "peak, MB")


class Result:
    """All of one run."""

    def __init__(self, machine, rows, growth, benchmarks, failed):
        self.machine, self.rows, self.benchmarks, self.failed = machine, rows, benchmarks, failed
        self.growth = {pods: cost for pods, cost in sorted(growth.items()) if {"cpu_ms", "relist_ms"} <= cost.keys()}

    def write(self, directory):
        with open(os.path.join(directory, "results.json"), "w", encoding="utf-8") as out:
            json.dump({"machine": str(self.machine), "rows": [row.json() for row in self.rows],
                       "growth": self.growth, "benchmarks": self.benchmarks, "failed": self.failed}, out, indent=1)
        if len(self.growth) > 1:
            with open(os.path.join(directory, "growth.svg"), "w", encoding="utf-8") as out:
                out.write(svg(self.growth))

    def publish(self, docs):
        """Replaces what stands between the marks of performance.md."""
        if self.failed or len(self.growth) < 2:
            raise OSError("an incomplete run is not published")
        path = os.path.join(docs, "performance.md")
        with open(path, encoding="utf-8") as page:
            text = page.read()
        for mark, content in (
                ("table", f"{self.machine}\n\n" + markdown(
                    ("what", "kubelet's PLEG (Go)", "budget", "plegd: median (range)", "", ""),
                    [row.cells() for row in self.rows])),
                ("growth", markdown(GROWTH_HEADER, [growth_cells(*item) for item in self.growth.items()])),
                ("parts", markdown(("benchmark / items", "CPU, µs", "allocations"), [
                    (f"`{name}`", f"{found['cpu_us']:,.1f}",
                     "" if found["allocations"] is None else f"{found['allocations']:,.1f}")
                    for name, found in self.benchmarks.items()]))):
            block = f"<!-- bench:{mark} -->\n{content}<!-- bench:end -->"
            text, found = re.subn(rf"<!-- bench:{mark} -->\n.*?<!-- bench:end -->", lambda _, b=block: b, text,
                                  flags=re.DOTALL)
            if found != 1:
                raise OSError(f"{path} has no place for the {mark}")
        with open(path, "w", encoding="utf-8") as page:
            page.write(text)
        with open(os.path.join(docs, "growth.svg"), "w", encoding="utf-8") as out:
            out.write(svg(self.growth))


# The picture: two panels with logarithmic axes.

WIDTH, HEIGHT, LEFT, TOP, GAP = 380, 260, 60, 40, 90
COLOURS = ("#1f5fa8", "#c2571a", "#5b8c3a", "#7a4f9a")


def ticks(low, high):
    """1, 2 and 5 of each decade that the values span."""
    steps = [m * 10.0 ** e for e in range(-4, 8) for m in (1, 2, 5)]
    first = max(i for i, step in enumerate(steps) if step <= low)
    last = min(i for i, step in enumerate(steps) if step >= high)
    return steps[first:last + 1]


def panel(left, title, unit, lines):
    """lines: {name: [(pods, value)]}"""
    points = [point for line in lines.values() for point in line]
    x_ticks = ticks(min(p[0] for p in points), max(p[0] for p in points))
    y_ticks = ticks(min(p[1] for p in points), max(p[1] for p in points))

    def place(value, axis, length):
        return length * math.log(value / axis[0]) / math.log(axis[-1] / axis[0])

    def x(value):
        return left + place(value, x_ticks, WIDTH)

    def y(value):
        return TOP + HEIGHT - place(value, y_ticks, HEIGHT)

    yield f'<text x="{left}" y="{TOP - 16}" class="title">{title}</text>'
    for tick in y_ticks:
        yield f'<path d="M{left} {y(tick):.1f}h{WIDTH}" class="grid"/>'
        yield f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
    for tick in x_ticks:
        yield f'<path d="M{x(tick):.1f} {TOP}v{HEIGHT}" class="grid"/>'
        yield f'<text x="{x(tick):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{tick:g}</text>'
    yield f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 34}" text-anchor="middle">pods × 2; {unit}</text>'
    for (name, line), colour, row in zip(lines.items(), COLOURS, range(len(lines))):
        path = " ".join(f"{'L' if i else 'M'}{x(p):.1f} {y(v):.1f}" for i, (p, v) in enumerate(line))
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x(p):.1f}" cy="{y(v):.1f}" r="3" fill="{colour}"/>' for p, v in line)
        yield f'<text x="{left + 10}" y="{TOP + 16 + 16 * row}" fill="{colour}">{name}</text>'


def svg(growth):
    def line(*keys):
        def value(cost):
            for key in keys:
                cost = cost[key]
            return cost
        return [(pods, value(cost)) for pods, cost in growth.items()]

    def megabytes(points):
        return [(pods, value / 1e6) for pods, value in points]

    width, height = 2 * (LEFT + WIDTH) + GAP - LEFT, TOP + HEIGHT + 50
    body = "\n".join((
        *panel(LEFT, "CPU of one unchanged relist", "ms", {
            "plegd, once a second": line("cpu_ms"), "back to back": line("relist_ms"),
            "receiving the bytes": line("receive_ms"), "copying them out of a socket": line("socket_copy_ms")}),
        *panel(LEFT + WIDTH + GAP, "Memory of plegd", "MB", {
            "resident": megabytes(line("memory", "rss")), "bytes of both lists": megabytes(line("bytes"))})))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
            "<style>text{font:12px sans-serif}.title{font-weight:bold}.grid{stroke:#ddd;fill:none}</style>\n"
            f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n')
