"""What the tests of deploy/ share: where things are, processes that end with the test, waiting.

    class RulesTest(harness.TestCase): ...
    harness.main()

A tool that is missing skips the test that needs it and names it; a file of which every test was skipped ends with
ctest's exit code for that, 77.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

SKIPPED = 77

try:
    import yaml as _yaml  # noqa: F401: most of these tests need it
except ImportError:
    print("SKIPPED: PyYAML is missing")
    sys.exit(SKIPPED)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPLOY = os.path.join(ROOT, "deploy")
BUILD = os.environ.get("PLEGD_BUILD", os.path.join(ROOT, "build", "dev"))
TOOLS = os.environ.get("PLEGD_TOOLS", os.path.join(ROOT, "build", "tools"))


def find_tool(name):
    """The path of a program: of test/fetch-tools, of test/deploy/fetch-tools or of the system. None without one."""
    for folder in (os.path.join(TOOLS, "bin"), os.path.join(TOOLS, "deploy"), os.path.join(TOOLS, "root/usr/bin")):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def tool(name):
    path = find_tool(name)
    if path is None:
        raise unittest.SkipTest(f"{name} is missing")
    return path


def program(name):
    path = os.path.join(BUILD, "bin", name)
    if not os.access(path, os.X_OK):
        raise unittest.SkipTest(f"{path} is not built")
    return path


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def wait_until(condition, seconds=30, what="it"):
    """The condition's first true value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.1)


def get(url, timeout=5):
    """Status code and body; (0, reason) if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class TestCase(unittest.TestCase):
    maxDiff = None

    def run_ok(self, *argv, **options):
        """The output of a command that must succeed; standard error included."""
        result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
        self.assertEqual(result.returncode, 0, f"{' '.join(argv)}\n{result.stdout}")
        return result.stdout

    def temporary_directory(self):
        path = tempfile.mkdtemp(prefix="plegd-deploy.")
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def spawn(self, *argv, log=None, **options):
        """A process that ends with the test."""
        output = open(log, "ab") if log else subprocess.DEVNULL
        process = subprocess.Popen(argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL, **options)
        if log:
            output.close()
        self.addCleanup(end, process)
        return process

    def simulated_node(self, directory, *flags):
        """A cri-sim; its socket, which takes `ctl` commands at socket + '.ctl'."""
        path = os.path.join(directory, "cri.sock")
        self.spawn(program("cri-sim"), "--listen", f"unix://{path}", "--pods", "10", *flags)
        wait_until(lambda: os.path.exists(path), what="the simulated node's socket")
        return path

    def plegd(self, endpoint, directory, *flags):
        """The address of a ready plegd."""
        address = f"127.0.0.1:{free_port()}"
        if "--api.socket" not in flags:
            flags += ("--api.socket", "")  # the default one may be another plegd's
        self.spawn(program("plegd"), "-r", endpoint, "--web.listen-address", address, *flags,
                   log=os.path.join(directory, "plegd.log"))
        wait_until(lambda: get(f"http://{address}/readyz")[0] == 200, what="plegd's first relist")
        return address


def end(process):
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main():
    outcome = unittest.main(exit=False, verbosity=2).result
    if not outcome.wasSuccessful():
        sys.exit(1)
    if outcome.testsRun and len(outcome.skipped) >= outcome.testsRun:
        print("SKIPPED: " + "; ".join(sorted({reason for _, reason in outcome.skipped})))
        sys.exit(SKIPPED)
