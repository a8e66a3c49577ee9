"""The Debian package on a clean Debian 12 that boots systemd: installed by apt, run with all of its hardening,
watching a runtime that hangs and comes back, upgraded, purged, and nothing left behind.

Needs root, the network of Debian's packages and some minutes. The clean system is made by debootstrap once and kept as an
archive below build/; PLEGD_BASE names another one.
"""

import glob
import json
import os
import re
import shutil
import subprocess

import harness
import package_test

ARCHIVE = os.environ.get("PLEGD_BASE", os.path.join(harness.ROOT, "build", "deploy", "base.tar.gz"))
MIRROR = "http://deb.debian.org/debian"
HERE = os.path.dirname(os.path.abspath(__file__))


def make_archive():
    """A minimal Debian with systemd, made once."""
    if os.path.exists(ARCHIVE):
        return
    debootstrap = harness.tool("debootstrap")
    os.makedirs(os.path.dirname(ARCHIVE), exist_ok=True)
    folder = ARCHIVE + ".root"
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run(["nice", debootstrap, "--variant=minbase", "--include=systemd,systemd-sysv,ca-certificates",
                           "bookworm", folder, MIRROR], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise harness.unittest.SkipTest(f"debootstrap failed (no network?): {made.stdout[-300:]}")
    subprocess.run(["tar", "-C", folder, "-czf", ARCHIVE + ".new", "."], check=True)
    os.rename(ARCHIVE + ".new", ARCHIVE)
    shutil.rmtree(folder)


class NodeTest(harness.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        harness.tool("unshare")
        make_archive()
        self.deb = os.environ.get("PLEGD_DEB") or package_test.make_deb()
        self.root = self.temporary_directory()
        subprocess.run(["tar", "-C", self.root, "-xzf", ARCHIVE], check=True)
        shutil.copy("/etc/resolv.conf", os.path.join(self.root, "etc"))
        shutil.copy(self.deb, os.path.join(self.root, "root/plegd.deb"))
        self.name = f"plegd-node-{os.getpid()}"
        self.addCleanup(self.remove_cgroups)
        self.boot()

    def remove_cgroups(self):
        for top in glob.glob(f"/sys/fs/cgroup/{self.name}") + glob.glob(f"/sys/fs/cgroup/*/{self.name}"):
            for folder, _, _ in os.walk(top, topdown=False):
                harness.wait_until(lambda folder=folder: self.rmdir(folder), 10, f"the end of {folder}")

    @staticmethod
    def rmdir(folder):
        try:
            os.rmdir(folder)
        except OSError:
            return False
        return True

    def boot(self):
        log = os.path.join(self.root, "boot.log")
        starter = self.spawn(os.path.join(HERE, "boot-root"), self.root, self.name, log=log)
        self.init = None

        def booted():
            children = harness.read(f"/proc/{starter.pid}/task/{starter.pid}/children").split()
            self.init = children[0] if children else None
            return self.init and self.sh("systemctl is-system-running", check=False).strip() in ("running", "degraded")

        harness.wait_until(booted, 60, f"systemd's start ({harness.read(log)})")

    def sh(self, command, check=True):
        done = subprocess.run(["nsenter", "-t", self.init, "-a", "bash", "-c", command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if check:
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
        return done.stdout

    def apt(self, *words):
        return self.sh("DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends "
                       "-o Dpkg::Options::=--force-confold " + " ".join(words))

    def metric(self, series):
        status, text = harness.get(f"http://127.0.0.1:{self.port}/metrics")
        self.assertEqual(status, 200, text)
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
        return float(found[1]) if found else None

    def property(self, name):
        return self.sh(f"systemctl show plegd -P {name}").strip()

    def files(self):
        """Every path of the system but caches, logs and what apt and dpkg keep for themselves."""
        out = self.sh("find / -xdev \\( -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log "
                      "-o -path /root -o -path /boot.log \\) -prune -o -print")
        return set(out.splitlines())

    def test_install_run_upgrade_purge(self):
        self.port = harness.free_port()
        self.apt("update")
        # What it depends on stays when it goes: it is not plegd's to remove.
        self.apt("install", "$(dpkg-deb -f /root/plegd.deb Depends | tr ',' '\\n' | sed 's/(.*)//')")
        before = self.files()
        accounts = harness.read(self.root, "etc/passwd"), harness.read(self.root, "etc/group")
        # The defaults first: installed means running. The port may be taken on the machine whose network this is.
        self.sh("mkdir -p /etc/default; printf 'PLEGD_LISTEN=127.0.0.1:%s\\n' "
                f"{self.port} > /etc/default/plegd")
        self.apt("install", "/root/plegd.deb")
        self.watch_a_runtime()
        self.upgrade()
        self.grant_host_probes()
        self.purge(before, accounts)

    def watch_a_runtime(self):
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertEqual(self.property("ControlGroup"), "/plegd.slice/plegd.service")
        status = self.sh("cat /proc/$(systemctl show plegd -P MainPID)/status")
        self.assertRegex(status, r"CapEff:\s+0{16}\n")
        self.assertRegex(status, r"Seccomp:\s+2\n")
        # No runtime yet: alive, not healthy, and it says so.
        self.assertEqual(harness.get(f"http://127.0.0.1:{self.port}/livez")[0], 200)
        self.assertEqual(self.metric("pleg_healthy"), 0)
        self.assertIn("no socket of a runtime found", self.sh("journalctl -u plegd"))
        # One appears where containerd's is looked for.
        self.sh("mkdir -p /run/containerd; systemd-run -q --unit=sim cri-sim --pods 5 "
                "--listen unix:///run/containerd/containerd.sock")
        harness.wait_until(lambda: self.metric("pleg_healthy") == 1, 30, "health")
        self.assertEqual(self.metric('pleg_pods{state="ready"}'), 5)
        api = json.loads(self.sh(SOCKET_GET))
        self.assertEqual(len(api["pods"]), 5)
        # It hangs: the age moves, plegd lives, systemd's watchdog has nothing to complain of.
        self.sh("cri-sim ctl --control /run/containerd/containerd.sock.ctl freeze")
        series = 'pleg_cri_oldest_unanswered_seconds{method="ListContainers"}'
        sandbox = 'pleg_cri_oldest_unanswered_seconds{method="ListPodSandbox"}'
        harness.wait_until(lambda: max(self.metric(series), self.metric(sandbox)) > 5, 30, "an age that grows")
        # systemctl shows the verdict.
        harness.wait_until(lambda: re.match("RUNTIME_HUNG: .*answer", self.property("StatusText")), 60, "the verdict's line")
        self.assertIn("RUNTIME_HUNG: ", self.sh("systemctl status plegd --no-pager || true"))
        told = self.sh("plegctl explain || true")
        page = re.search(r"^docs +(/usr/share/doc/plegd/verdicts/RUNTIME_HUNG.md)$", told, re.M)
        self.assertTrue(page, told)
        self.assertIn("# RUNTIME_HUNG", self.sh(f"cat {page[1]}"))
        # It dies and returns: plegd's unit is not bound to it.
        self.sh("systemctl kill -s KILL sim; systemctl stop sim; systemctl reset-failed sim || true")
        self.assertEqual(self.property("ActiveState"), "active")
        self.sh("systemd-run -q --unit=sim2 cri-sim --pods 7 --listen unix:///run/containerd/containerd.sock")
        harness.wait_until(lambda: self.metric('pleg_pods{state="ready"}') == 7, 30, "the new runtime's pods")
        self.assertEqual(self.property("NRestarts"), "0")

    def upgrade(self):
        """The same content as a newer version: the setting is kept, the daemon is a new one."""
        pid = self.property("MainPID")
        folder = self.temporary_directory()
        self.run_ok("dpkg-deb", "-R", self.deb, os.path.join(folder, "tree"))
        control = os.path.join(folder, "tree/DEBIAN/control")
        text = re.sub(r"^(Version: .*)$", r"\1+test1", harness.read(control), flags=re.M)
        with open(control, "w", encoding="utf-8") as file:
            file.write(text)
        self.run_ok("dpkg-deb", "-b", "--root-owner-group", os.path.join(folder, "tree"),
                    os.path.join(self.root, "root/newer.deb"))
        self.apt("install", "/root/newer.deb")
        self.assertEqual(self.property("ActiveState"), "active")
        self.assertNotEqual(self.property("MainPID"), pid)
        self.assertIn(str(self.port), harness.read(self.root, "etc/default/plegd"))
        harness.wait_until(lambda: self.metric("pleg_healthy") == 1, 30, "health after the upgrade")

    def grant_host_probes(self):
        folder = "/etc/systemd/system/plegd.service.d"
        self.sh(f"mkdir -p {folder} && cp /usr/share/doc/plegd/examples/10-host-probes.conf {folder} && "
                "systemctl daemon-reload && systemctl restart plegd")
        self.assertEqual(self.property("ActiveState"), "active")
        bounds = self.sh("grep CapBnd /proc/$(systemctl show plegd -P MainPID)/status").split()[1]
        self.assertEqual(int(bounds, 16), 1 << 19 | 1 << 21 | 1 << 34)  # SYS_PTRACE, SYS_ADMIN, SYSLOG
        self.sh(f"rm -r {folder} && systemctl daemon-reload && systemctl restart plegd")

    def purge(self, before, accounts):
        self.sh("systemctl stop sim2; rm -rf /run/containerd")
        self.apt("remove", "plegd")
        self.assertEqual(harness.get(f"http://127.0.0.1:{self.port}/livez")[0], 0)
        self.assertTrue(os.path.exists(os.path.join(self.root, "etc/default/plegd")))
        self.apt("purge", "plegd")
        after = self.files()
        self.assertEqual({path for path in after - before if not path.startswith(("/proc", "/sys", "/tmp"))}, set())
        self.assertEqual((harness.read(self.root, "etc/passwd"), harness.read(self.root, "etc/group")), accounts)
        self.assertNotIn("plegd", self.sh("systemctl list-units --all --no-legend --no-pager"))
        self.assertNotIn("plegd", self.sh("dpkg -l"))


# Nothing that speaks HTTP is in a minimal Debian but perl.
SOCKET_GET = r"""perl -MIO::Socket::UNIX -e '
  my $s = IO::Socket::UNIX->new(Peer => "/run/plegd/http.sock") or die $!;
  print $s "GET /api/v1/pods HTTP/1.0\r\nHost: localhost\r\n\r\n";
  local $/; my $reply = <$s>; $reply =~ s/.*?\r\n\r\n//s; print $reply;'"""


if __name__ == "__main__":
    harness.main()
