"""The Debian package and `cmake --install`: what is in them, lintian, the unit, man pages and completions."""

import glob
import os
import re
import shutil
import subprocess

import harness

UNIT = "usr/lib/systemd/system/plegd.service"
# Ten times what systemd-analyze may say of the unit; docs/security.md publishes the figure, and that with the drop-in.
EXPOSURE_LIMIT = 20

deb = None
root = None


def make_deb():
    for name in ("cpack", "dpkg-deb", "dpkg-shlibdeps"):
        harness.tool(name)
    harness.program("plegd")
    folder = os.path.join(harness.BUILD, "deploy", "deb")
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run(["cpack", "-G", "DEB", "-B", folder], cwd=harness.BUILD, capture_output=True, text=True, check=False)
    debs = glob.glob(os.path.join(folder, "plegd_*.deb"))
    if made.returncode != 0 or len(debs) != 1:
        raise AssertionError(made.stdout + made.stderr)
    return debs[0]


def setUpModule():
    global deb, root
    deb = os.environ.get("PLEGD_DEB") or make_deb()
    root = os.path.join(harness.BUILD, "deploy", "package-root")
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", deb, root], check=True)


def in_root(*path):
    return os.path.join(root, *path)


class DebTest(harness.TestCase):
    def test_lintian_is_silent(self):
        told = self.run_ok(harness.tool("lintian"), "--allow-root", "--display-info", "--tag-display-limit", "0",
                           "--fail-on", "error,warning,info", deb)
        self.assertEqual(told, "")

    def test_contents(self):
        for path in ("usr/bin/plegd", "usr/bin/plegctl", "usr/bin/cri-sim", UNIT, "usr/lib/systemd/system/plegd.slice",
                     "usr/lib/sysusers.d/plegd.conf", "etc/default/plegd", "etc/logrotate.d/plegd", "usr/share/man/man8/plegd.8.gz",
                     "usr/share/man/man1/cri-sim.1.gz", "usr/share/man/man1/plegctl.1.gz",
                     "usr/share/bash-completion/completions/plegctl", "usr/share/zsh/vendor-completions/_plegctl",
                     "usr/share/fish/vendor_completions.d/plegctl.fish", "usr/share/bash-completion/completions/plegd",
                     "usr/share/zsh/vendor-completions/_plegd", "usr/share/fish/vendor_completions.d/plegd.fish",
                     "usr/share/doc/plegd/copyright", "usr/share/doc/plegd/runbooks/PlegCallUnanswered.md",
                     "usr/share/doc/plegd/examples/prometheus/plegd-alerts.yaml",
                     "usr/share/doc/plegd/examples/10-host-probes.conf",
                     "usr/share/doc/plegd/examples/20-remote-scrape.conf"):
            self.assertTrue(os.path.isfile(in_root(path)), path)
        self.assertEqual(harness.read(root, "DEBIAN/conffiles"), "/etc/default/plegd\n/etc/logrotate.d/plegd\n")

    def test_alerts_and_explain_name_pages_that_are_installed(self):
        for folder in ("runbooks", "verdicts"):
            pages = os.listdir(os.path.join(harness.ROOT, "docs", folder))
            self.assertGreater(len(pages), 10)
            self.assertEqual(set(os.listdir(in_root("usr/share/doc/plegd", folder))), set(pages))
        config = harness.read(root, "usr/share/doc/plegd/examples/prometheus/config.libsonnet")
        for url in re.findall(r"'file://(/\S+)'", config):
            self.assertTrue(os.path.isdir(in_root(url.lstrip("/"))), url)
        record = os.path.join(harness.ROOT, "test/diagnosis/scenarios/LIST_LOCK_CONVOY/clear.textproto")
        told = subprocess.run([in_root("usr/bin/plegctl"), "explain", "--from", record], capture_output=True, text=True, check=False)
        self.assertEqual(told.returncode, 1, told)
        page = re.search(r"^docs +(\S+)$", told.stdout, re.M)[1]
        self.assertEqual(page, in_root("usr/share/doc/plegd/verdicts/LIST_LOCK_CONVOY.md"))
        self.assertTrue(os.path.isfile(page))

    def test_binaries_are_stripped_and_say_the_package_version(self):
        version = re.search(r"^Version: (\S+)-\d+$", harness.read(root, "DEBIAN/control"), re.M)[1]
        for name in ("plegd", "plegctl", "cri-sim"):
            path = in_root("usr/bin", name)
            self.assertEqual(self.run_ok(path, "--version").split(), [name, version])
            self.assertNotIn(".debug_info", self.run_ok(harness.tool("readelf"), "-SW", path))

    def test_maintainer_scripts_are_shell(self):
        for name in ("postinst", "prerm", "postrm"):
            self.run_ok("sh", "-n", in_root("DEBIAN", name))


class ManPageTest(harness.TestCase):
    def test_no_warnings(self):
        pages = glob.glob(in_root("usr/share/man/man?/*.gz"))
        self.assertGreaterEqual(len(pages), 2)
        for page in pages:
            told = subprocess.run([harness.tool("man"), "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                                  env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
            self.assertEqual(told.stderr, "", page)

    def test_every_flag_is_told(self):
        page = self.run_ok("zcat", in_root("usr/share/man/man8/plegd.8.gz")).replace("\\-", "-")
        flags = re.findall(r"(--[a-z][\w.-]*)", self.run_ok(harness.program("plegd"), "--help"))
        self.assertGreater(len(flags), 15)
        for flag in flags:
            self.assertIn(flag, page)


class CompletionTest(harness.TestCase):
    def test_bash(self):
        script = in_root("usr/share/bash-completion/completions/plegd")
        self.run_ok("bash", "-n", script)
        for words, wanted in ((("plegd", "--relist-p"), "--relist-period"), (("plegd", "--log-format", "j"), "json")):
            out = self.run_ok("bash", "-c", f"compopt() {{ :; }}; . {script}; COMP_WORDS=({' '.join(words)}); "
                              f"COMP_CWORD={len(words) - 1}; _plegd; echo ${{COMPREPLY[@]}}")
            self.assertEqual(out.split(), [wanted])

    def test_fish(self):
        for name in ("plegd", "cri-sim"):
            script = in_root("usr/share/fish/vendor_completions.d", name + ".fish")
            out = self.run_ok(harness.tool("fish"), "--no-config", "-c", f"source {script}; complete -C '{name} --'",
                              env={**os.environ, "HOME": self.temporary_directory()})
            self.assertIn("--help", out)
            self.assertIn("--version\tDisplay program version", out)

    def test_zsh(self):
        for name in ("plegd", "cri-sim"):
            script = in_root("usr/share/zsh/vendor-completions/_" + name)
            self.run_ok(harness.tool("zsh"), "-fn", script)
            specs = self.run_ok("zsh", "-fc", f"_arguments() {{ print -rl -- $@ }}; . {script}").splitlines()
            self.assertIn("(--version)--version[Display program version information and exit]", specs)
            for spec in specs:
                self.assertRegex(spec, r"^(-C|\*?(\(.*\))?-[\w.-]+\[.*\](:.*:.*)?|\d: :->\w+|\*:: :->\w+)$")


class UnitTest(harness.TestCase):
    def setUp(self):
        harness.tool("systemd-analyze")
        self.directory = self.temporary_directory()
        # The program is not installed here.
        text = harness.read(root, UNIT).replace("/usr/bin/plegd", in_root("usr/bin/plegd"))
        self.path = os.path.join(self.directory, "plegd.service")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        shutil.copy(in_root("usr/lib/systemd/system/plegd.slice"), self.directory)

    def test_verify(self):
        told = self.run_ok("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", self.path,
                           os.path.join(self.directory, "plegd.slice"))
        self.assertEqual(told, "")

    def exposure(self, *arguments):
        out = self.run_ok("systemd-analyze", "security", "--no-pager", "--offline=true", *arguments, self.path)
        return re.search(r"Overall exposure level for \S+: ([\d.]+) ", out)[1]

    def published(self):
        page = harness.read(harness.ROOT, "docs/security.md")
        return re.search(r"`systemd-analyze security`[^|]*?\*\*([\d.]+)\*\*[^|]*?\*\*([\d.]+)\*\*\s+with\s+the\s+drop-in", page).groups()

    def drop_in(self, name):
        os.makedirs(self.path + ".d", exist_ok=True)
        shutil.copy(in_root("usr/share/doc/plegd/examples", name), self.path + ".d")
        self.assertEqual(self.run_ok("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", self.path), "")

    def test_exposure_is_as_published(self):
        self.assertEqual(self.exposure(f"--threshold={EXPOSURE_LIMIT}"), self.published()[0])

    def test_exposure_with_host_probes_is_as_published(self):
        self.drop_in("10-host-probes.conf")
        self.assertEqual(self.exposure(), self.published()[1])

    def setting(self, name):
        """What systemd makes of a list in the unit and its drop-ins, in order."""
        folder = self.path + ".d"
        texts = [harness.read(self.path)] + [harness.read(folder, name) for name in sorted(os.listdir(folder))] \
            if os.path.isdir(folder) else [harness.read(self.path)]
        return re.findall(rf"(?m)^{name}=(.*)$", "".join(texts))

    def test_only_this_machine_is_let_in_unless_a_drop_in_names_others(self):
        self.assertEqual((self.setting("IPAddressDeny"), self.setting("IPAddressAllow")), (["any"], ["localhost"]))
        self.drop_in("20-remote-scrape.conf")
        self.assertEqual(self.setting("IPAddressAllow"), ["localhost", "192.0.2.0/24"])
        self.assertEqual(self.setting("Environment"), ["PLEGD_LISTEN=127.0.0.1:10270", "PLEGD_LISTEN=:10270"])

    def test_it_does_not_depend_on_a_runtime(self):
        text = harness.read(self.path)
        self.assertNotRegex(text, r"(?m)^(After|Requires|BindsTo|PartOf|Wants)=")
        watchdog = int(re.search(r"^WatchdogSec=(\d+)s$", text, re.M)[1])
        self.assertGreaterEqual(watchdog, 60)
        for line in ("Type=notify", "Slice=plegd.slice", "CapabilityBoundingSet="):
            self.assertIn(f"\n{line}\n", text)
        for setting in ("MemoryMax", "CPUQuota", "OOMScoreAdjust"):
            self.assertRegex(text, rf"(?m)^{setting}=\S")

    def test_host_probes_drop_in(self):
        self.drop_in("10-host-probes.conf")


class InstallTest(harness.TestCase):
    def test_cmake_install_to_a_prefix(self):
        target = self.temporary_directory()
        self.run_ok("cmake", "--install", harness.BUILD, "--prefix", "/opt/plegd", env={**os.environ, "DESTDIR": target})
        unit = harness.read(target, "opt/plegd/lib/systemd/system/plegd.service")
        self.assertIn("\nExecStart=/opt/plegd/bin/plegd ", unit)
        self.assertIn("\nEnvironmentFile=-/opt/plegd/etc/default/plegd\n", unit)
        self.assertTrue(os.path.exists(os.path.join(target, "opt/plegd/etc/default/plegd")))
        self.run_ok(os.path.join(target, "opt/plegd/bin/plegd"), "--version")


if __name__ == "__main__":
    harness.main()
