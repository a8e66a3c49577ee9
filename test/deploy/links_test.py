"""Every link of the documents leads somewhere: within the repository, and within what the package installs of it. So does
every test that they name as a proof."""

import os
import re
import subprocess

import harness

# As `install(DIRECTORY …)` of deploy/CMakeLists.txt lays them out below /usr/share/doc/plegd; package_test looks at the package.
INSTALLED = {"docs/runbooks": "runbooks", "docs/verdicts": "verdicts", "docs/signs.md": "signs.md",
             "deploy/prometheus": "examples/prometheus", "deploy/grafana": "examples/grafana",
             "deploy/node-problem-detector": "examples/node-problem-detector"}
PUBLIC = re.compile(r"^(https://|mailto:)")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
                            cwd=harness.ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split() if os.path.exists(os.path.join(harness.ROOT, path))]


def markdown():
    return tracked("*.md")


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def links(path):
    return re.findall(r"\]\(([^()\s]*)\)", without_code(harness.read(harness.ROOT, path)))


def anchor(heading):
    """What GitHub makes of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(path):
    text = re.sub(r"^```.*?^```", "", harness.read(path), flags=re.M | re.S)
    return {anchor(heading) for heading in re.findall(r"^#{1,6} (.*)$", text, re.M)}


class LinksTest(harness.TestCase):
    def test_links_lead_somewhere(self):
        followed = 0
        for path in markdown():
            for link in links(path):
                if PUBLIC.match(link):
                    continue
                with self.subTest(path, link=link):
                    followed += 1
                    target, _, fragment = link.partition("#")
                    file = os.path.normpath(os.path.join(harness.ROOT, os.path.dirname(path), target)) if target else \
                        os.path.join(harness.ROOT, path)
                    self.assertTrue(os.path.exists(file))
                    if fragment and file.endswith(".md"):
                        self.assertIn(fragment, anchors(file))
        self.assertGreater(followed, 150)

    def test_tests_that_prove_a_rule_exist(self):
        tests = set()
        for path in tracked("*.cc"):
            tests.update(re.findall(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", harness.read(harness.ROOT, path), re.M))
        named = re.findall(r"\b(\w+Test)\.(\w+)", harness.read(harness.ROOT, "docs/semantics.md"))
        self.assertGreater(len(named), 100)
        for suite, name in named:
            with self.subTest(f"{suite}.{name}"):
                self.assertIn((suite, name), tests)

    def test_pages_that_are_installed_link_to_installed_ones(self):
        places = {}
        for path in tracked():
            for folder, place in INSTALLED.items():
                if path == folder or path.startswith(folder + "/"):
                    places[path] = os.path.normpath(os.path.join(place, os.path.relpath(path, folder)))
        installed = set(places.values())
        for path, place in places.items():
            for link in links(path) if path.endswith(".md") else ():
                target = link.partition("#")[0]
                if PUBLIC.match(link) or not target:
                    continue
                with self.subTest(path, link=link):
                    self.assertTrue(os.path.normpath(os.path.join(os.path.dirname(place), target)) in installed)

    def test_every_page_can_be_reached_from_the_readme(self):
        seen, todo = set(), ["README.md"]
        while todo:
            path = todo.pop()
            if path in seen:
                continue
            seen.add(path)
            for link in links(path):
                target = link.partition("#")[0]
                if target.endswith(".md") and not PUBLIC.match(link):
                    todo.append(os.path.normpath(os.path.join(os.path.dirname(path), target)))
        self.assertEqual({path for path in markdown() if path.startswith("docs/")} - seen, set())

    def test_pages_are_short(self):
        for path in markdown():
            if path != "CHANGELOG.md":
                with self.subTest(path):
                    self.assertLessEqual(len(harness.read(harness.ROOT, path).splitlines()), 200)


if __name__ == "__main__":
    harness.main()
