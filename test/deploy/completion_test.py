"""plegctl's completion in bash, zsh and fish as people have them: typed on a terminal, with Tab."""

import os
import pty
import re
import select
import shutil
import time

import harness

RECORD = os.path.join(harness.ROOT, "test/diagnosis/scenarios/LIST_LOCK_CONVOY/clear.textproto")
# Ready to type, once the prompt is there.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(plegctl completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source <(plegctl completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "plegctl completion fish | source"),
}
PROMPT = "ready> "
ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>])")


class Shell:
    """A shell on a terminal of its own."""

    def __init__(self, test, name, home, socket):
        argv, setup = SHELLS[name]
        program = harness.tool(argv[0])
        environment = {"PATH": os.path.join(harness.BUILD, "bin") + ":/usr/bin:/bin", "HOME": home, "TERM": "vt100", "LC_ALL": "C.UTF-8",
                       "PS1": PROMPT, "PLEGD_SOCKET": socket, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
        self.test, self.said = test, ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execve(program, argv, environment)
        test.addCleanup(self.end)
        if name == "fish":
            self.type(f"function fish_prompt; echo -n '{PROMPT}'; end\r")
        self.wait(PROMPT)
        self.type(setup + "; echo set''up\r")
        self.wait("setup")
        self.wait(PROMPT)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait(self, what, seconds=20):
        end = time.monotonic() + seconds
        while what not in self.said:
            if time.monotonic() > end:
                self.test.fail(f"no {what!r} in {self.said!r}")
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.said += ESCAPE.sub("", os.read(self.terminal, 65536).decode(errors="replace"))
        self.said = self.said.partition(what)[2]

    def end(self):
        os.close(self.terminal)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


class CompletionTest(harness.TestCase):
    def try_shell(self, name):
        harness.program("plegctl")
        home = self.temporary_directory()
        shutil.copy(RECORD, os.path.join(home, "hang-of-today.textproto"))
        node = self.simulated_node(home)
        socket = os.path.join(home, "plegd.sock")
        self.plegd(node, home, "--api.socket", f"unix://{socket}")
        shell = Shell(self, name, home, socket)
        # A command, and one of its flags.
        shell.type("plegctl expl\t--he\t\r")
        shell.wait("What is stuck, since when")
        shell.wait(PROMPT)
        # A file, which the shell knows.
        shell.type("plegctl explain --from hang-\t\r")
        shell.wait("LIST_LOCK_CONVOY: ListContainers has been blocked")
        shell.wait(PROMPT)
        # The values of a flag.
        shell.type("plegctl version --client -o ya\t\r")
        shell.wait("api_version: plegd/v1")
        shell.wait(PROMPT)
        # A pod, whose name plegd knows.
        pod = re.search(r"^default +(\S+)", self.run_ok(harness.program("plegctl"), "pods", "--socket", socket, "-n", "default"), re.M)[1]
        shell.type(f"plegctl pod default/{pod[:-3]}\t -o json\r")
        shell.wait('"kind": "PodStatus"')

    def test_bash(self):
        self.try_shell("bash")

    def test_zsh(self):
        self.try_shell("zsh")

    def test_fish(self):
        self.try_shell("fish")


if __name__ == "__main__":
    harness.main()
