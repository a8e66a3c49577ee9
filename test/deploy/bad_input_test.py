"""What goes wrong on a node, told in one log line and on `/`: a socket that plegd may not use, a node without the socket's
directory, a port in use."""

import os
import re
import shutil
import subprocess

import harness

NOBODY = 65534


class BadInputTest(harness.TestCase):
    def setUp(self):
        self.directory = self.temporary_directory()
        os.chmod(self.directory, 0o755)
        self.log = os.path.join(self.directory, "plegd.log")

    def told(self, endpoint, word, **options):
        """One line of the log names the endpoint and the trouble; so does the page."""
        address = f"127.0.0.1:{harness.free_port()}"
        plegd = shutil.copy(harness.program("plegd"), self.directory)
        self.spawn(plegd, "-r", endpoint, "--web.listen-address", address, "--api.socket", "", log=self.log, **options)

        def lines():
            return [line for line in harness.read(self.log).splitlines() if word in line]

        harness.wait_until(lines, what=f"a line with {word!r}")
        # More than one attempt, and still one line.
        harness.wait_until(lambda: harness.get(f"http://{address}/healthz")[0] == 503, what="a verdict")
        harness.wait_until(lambda: word in self.page(address), what=f"{word!r} on /")
        self.assertIn(endpoint, self.page(address))
        self.assertIn(endpoint, lines()[0])
        self.assertEqual(harness.get(f"http://{address}/livez")[0], 200)
        self.assertEqual(harness.get(f"http://{address}/readyz")[0], 503)
        self.assertEqual(len(lines()), 1, lines())

    @staticmethod
    def page(address):
        return re.sub(r"<[^>]*>", " ", harness.get(f"http://{address}/")[1])

    def test_a_socket_that_it_may_not_use(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        socket = self.simulated_node(self.directory)
        os.chmod(socket, 0o660)
        self.told(socket, "permission denied", user=NOBODY, group=NOBODY, extra_groups=[])

    def test_a_node_without_the_directory(self):
        self.told(os.path.join(self.directory, "nowhere/containerd.sock"), "no such socket")

    def test_a_port_in_use(self):
        socket = self.simulated_node(self.directory)
        address = self.plegd(socket, self.directory)
        done = subprocess.run([harness.program("plegd"), "-r", socket, "--web.listen-address", address, "--api.socket", ""],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn(address, done.stderr)
        self.assertIn("in use", done.stderr)


if __name__ == "__main__":
    harness.main()
