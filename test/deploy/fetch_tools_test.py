"""What the tests fetch and run is what was meant: packages of npm by the hash of their content, those of Debian by apt's
signatures. Whatever is altered on the way is refused before it is unpacked."""

import base64
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading

import harness

LOCK = os.path.join(harness.ROOT, "test/deploy/npm-lock")
# What test/fetch-tools may ask for.
PACKAGES = ("containernetworking-plugins", "prometheus", "containerd", "runc", "libseccomp2", "busybox-static")


def sha512(content):
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


class NpmTest(harness.TestCase):
    def test_every_package_is_pinned_by_its_content(self):
        wanted = json.loads(harness.read(LOCK, "package.json"))["dependencies"]
        for name, version in wanted.items():
            self.assertRegex(version, r"^\d+\.\d+\.\d+$", name)
        packages = json.loads(harness.read(LOCK, "package-lock.json"))["packages"]
        self.assertEqual(packages.pop("")["dependencies"], wanted)
        self.assertGreater(len(packages), 10)
        for name, package in packages.items():
            self.assertRegex(package["integrity"], r"^sha512-[A-Za-z0-9+/]{86}==$", name)

    def test_nothing_else_runs_npm(self):
        """Every call of npm or npx in the repository's scripts is the one that reads the lock file."""
        files = self.run_ok("git", "-C", harness.ROOT, "ls-files", "--", "dev", ".ci", "test", "deploy").splitlines()
        calls = []
        for name in files:
            path = os.path.join(harness.ROOT, name)
            if name.startswith("test/deploy/npm-lock/") or not os.path.isfile(path) or path == os.path.abspath(__file__):
                continue
            with open(path, encoding="utf-8", errors="replace") as file:
                calls += [line.strip() for line in file if re.search(r"^\s*[^#]*\b(npm|npx|yarn|pnpm) +[a-z]", line)]
        calls = [call for call in calls if not call.startswith("#") and 'die "' not in call]
        self.assertEqual(len(calls), 1, calls)
        self.assertRegex(calls[0], r"^npm ci .*--ignore-scripts")

    def fetch(self, content, pinned):
        """What fetch-tools says when the registry has `content` for a package that is pinned to `pinned`."""
        harness.tool("npm")
        work = self.temporary_directory()
        os.mkdir(os.path.join(work, "npm-lock"))
        shutil.copy(os.path.join(harness.ROOT, "test/deploy/fetch-tools"), work)
        package = {"name": "tools", "version": "1.0.0", "dependencies": {"tiny": "1.0.0"}}
        lock = {"name": "tools", "version": "1.0.0", "lockfileVersion": 3, "requires": True,
                "packages": {"": package, "node_modules/tiny": {"version": "1.0.0", "integrity": sha512(pinned)}}}
        for name, value in (("package.json", package), ("package-lock.json", lock)):
            with open(os.path.join(work, "npm-lock", name), "w", encoding="utf-8") as file:
                json.dump(value, file)
        for fake in ("alertmanager/usr/bin/prometheus-alertmanager", "logrotate/usr/sbin/logrotate"):
            path = os.path.join(work, "tools/deploy", fake)
            os.makedirs(os.path.dirname(path))
            os.symlink("/bin/true", path)
        registry = self.registry(content)
        done = subprocess.run([os.path.join(work, "fetch-tools"), os.path.join(work, "tools")], capture_output=True, text=True,
                              check=False, env={**os.environ, "npm_config_registry": registry, "HOME": work,
                                                "npm_config_cache": os.path.join(work, "cache")})
        return done.stderr, os.path.isdir(os.path.join(work, "tools/deploy/node_modules/tiny"))

    def registry(self, content):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = f"http://127.0.0.1:{self.server.server_port}"
                body = content
                if not self.path.endswith(".tgz"):
                    dist = {"tarball": url + "/tiny-1.0.0.tgz", "integrity": sha512(content)}
                    body = json.dumps({"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {
                        "1.0.0": {"name": "tiny", "version": "1.0.0", "dist": dist}}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    def archive(self, text):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, body in (("package.json", json.dumps({"name": "tiny", "version": "1.0.0"})), ("index.js", text)):
                info = tarfile.TarInfo("package/" + name)
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body.encode()))
        return out.getvalue()

    def test_another_content_of_the_same_version_is_refused(self):
        meant, other = self.archive("1"), self.archive("2")
        told, unpacked = self.fetch(meant, meant)
        self.assertTrue(unpacked, told)
        self.assertNotIn("could not fetch", told)
        # The registry itself vouches for it: its own hash agrees.
        told, unpacked = self.fetch(other, meant)
        self.assertFalse(unpacked)
        self.assertIn("EINTEGRITY", told)
        self.assertIn("npm could not fetch what npm-lock/ pins", told)


class AptTest(harness.TestCase):
    """test/fetch-tools with a repository of our own, of packages that are empty but for one file."""

    def setUp(self):
        for name in ("apt-get", "dpkg-deb", "gpg"):
            harness.tool(name)
        self.work = self.temporary_directory()
        os.chmod(self.work, 0o755)
        self.repository = os.path.join(self.work, "repository")
        os.mkdir(self.repository)
        packages = "".join(self.package(name) for name in PACKAGES)
        self.write("repository/Packages", packages)
        digest = hashlib.sha256(packages.encode()).hexdigest()
        self.write("repository/Release", "Origin: plegd-test\nSuite: test\nCodename: test\nDate: Mon, 30 Nov 2026 00:00:00 UTC\n"
                   f"Architectures: amd64 arm64\nSHA256:\n {digest} {len(packages)} Packages\n")
        self.home = os.path.join(self.work, "gpg")
        os.mkdir(self.home, 0o700)
        self.addCleanup(subprocess.run, ["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)
        self.gpg("--quick-gen-key", "test@plegd.invalid", "ed25519", "sign", "never")
        self.gpg("--output", os.path.join(self.work, "key.gpg"), "--export")
        self.configure("")

    def write(self, name, text):
        with open(os.path.join(self.work, name), "w", encoding="utf-8") as file:
            file.write(text)

    def gpg(self, *arguments):
        self.run_ok("gpg", "--homedir", self.home, "--batch", "--yes", "--passphrase", "", *arguments)

    def package(self, name):
        tree = os.path.join(self.work, "tree", name)
        os.makedirs(os.path.join(tree, "DEBIAN"))
        os.makedirs(os.path.join(tree, "marks"))
        architecture = self.run_ok("dpkg", "--print-architecture").strip()
        control = (f"Package: {name}\nVersion: 999.0\nArchitecture: {architecture}\nMaintainer: nobody <nobody@plegd.invalid>\n"
                   "Description: for a test\n")
        for path, text in ((f"tree/{name}/DEBIAN/control", control), (f"tree/{name}/marks/{name}", "")):
            self.write(path, text)
        deb = os.path.join(self.repository, f"{name}.deb")
        self.run_ok("dpkg-deb", "--root-owner-group", "-b", tree, deb)
        with open(deb, "rb") as file:
            content = file.read()
        return f"{control}Filename: ./{name}.deb\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n\n"

    def configure(self, more):
        state = os.path.join(self.work, "apt")
        for folder in ("lists/partial", "cache/archives/partial", "parts"):
            os.makedirs(os.path.join(state, folder), exist_ok=True)
        self.write("apt/status", "")
        self.write("apt/sources.list", f"deb copy:{self.repository} ./\n")
        self.write("apt.conf", f"""Dir::State::Lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
Dir::Etc::SourceList "{state}/sources.list";
Dir::Etc::SourceParts "{state}/parts";
Dir::Etc::Trusted "{self.work}/key.gpg";
Dir::Etc::TrustedParts "{state}/parts";
APT::Sandbox::User "root";
{more}
""")

    def apt(self, *argv):
        return subprocess.run(argv, capture_output=True, text=True, check=False,
                              env={**os.environ, "APT_CONFIG": os.path.join(self.work, "apt.conf")})

    def sign(self):
        release = os.path.join(self.repository, "Release")
        self.gpg("--output", os.path.join(self.repository, "InRelease"), "--clearsign", release)
        os.unlink(release)

    def fetch(self):
        """What is told, and which packages were unpacked."""
        done = self.apt(os.path.join(harness.ROOT, "test/fetch-tools"), os.path.join(self.work, "tools"))
        marks = os.path.join(self.work, "tools/root/marks")
        return done.stdout + done.stderr, os.listdir(marks) if os.path.isdir(marks) else []

    def test_what_a_signed_list_names_is_unpacked(self):
        self.sign()
        updated = self.apt("apt-get", "update")
        self.assertEqual(updated.returncode, 0, updated.stderr)
        told, unpacked = self.fetch()
        self.assertIn("prometheus", unpacked, told)

    def test_a_package_that_was_altered_is_refused(self):
        self.sign()
        self.assertEqual(self.apt("apt-get", "update").returncode, 0)
        deb = os.path.join(self.repository, "prometheus.deb")
        size = os.path.getsize(deb)
        with open(deb, "r+b") as file:  # of the same size
            file.seek(size - 1)
            last = file.read(1)
            file.seek(size - 1)
            file.write(bytes([last[0] ^ 1]))
        told, unpacked = self.fetch()
        self.assertEqual(unpacked, [], told)
        self.assertRegex(told, "(?i)hash sum mismatch")

    def test_a_list_that_was_altered_is_refused(self):
        self.sign()
        path = os.path.join(self.repository, "InRelease")
        text = harness.read(path)
        self.write("repository/InRelease", text.replace("Suite: test", "Suite: evil"))
        self.assertNotEqual(self.apt("apt-get", "update", "-o", "APT::Update::Error-Mode=any").returncode, 0)
        told, unpacked = self.fetch()
        self.assertEqual(unpacked, [], told)
        self.assertIn("apt knows no package", told)

    def test_an_unsigned_list_is_refused_even_where_the_machine_allows_it(self):
        lax = ('Acquire::AllowInsecureRepositories "true";\nAPT::Get::AllowUnauthenticated "true";\n'
               'Acquire::AllowWeakRepositories "true";')
        self.configure(lax)
        self.assertEqual(self.apt("apt-get", "update").returncode, 0)
        # With the machine's configuration alone apt would take it.
        taken = subprocess.run(["apt-get", "-qq", "download", "prometheus"], cwd=self.work, capture_output=True, text=True, check=False,
                               env={**os.environ, "APT_CONFIG": os.path.join(self.work, "apt.conf")})
        self.assertEqual(taken.returncode, 0, taken.stderr)
        told, unpacked = self.fetch()
        self.assertEqual(unpacked, [], told)
        self.assertIn("could not download", told)


if __name__ == "__main__":
    harness.main()
