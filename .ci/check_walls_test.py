"""Tests of check-walls: a clean tree passes, and a violation of each kind is found, alone."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
loader = importlib.machinery.SourceFileLoader("check_walls", os.path.join(HERE, "check-walls"))
check_walls = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_walls", loader))
loader.exec_module(check_walls)

CLEAN = {
    "CMakeLists.txt": "add_subdirectory(pleg)\n",
    "pleg/CMakeLists.txt": "plegd_library(pleg SOURCES a.cc DEPS plegd::absl)\n",
    "pleg/a.h": "#ifndef PLEGD_PLEG_A_H_\n#define PLEGD_PLEG_A_H_\n#include <string>\n#endif\n",
    "pleg/a.cc": '#include "pleg/a.h"\n#include "absl/time/time.h"\n#include <mutex>\n',
    "pleg/c.cc": "int a;  // NOLINT(bugprone-x): the reason\n// The reason.\n// NOLINTBEGIN(bugprone-x)\n",
    "pleg/a_test.cc": '#include <thread>\n#include "pleg/testing/fake.h"\n',
    "runtime/CMakeLists.txt": "plegd_library(runtime SOURCES r.cc DEPS plegd::pleg plegd_cri_proto plegd::rpc)\n",
    "runtime/r.cc": '#include "pleg/a.h"\n#include "runtime/v1/api.pb.h"\n#include <grpcpp/grpcpp.h>\n',
    "runtime/sim/CMakeLists.txt": "plegd_library(sim SOURCES s.cc DEPS plegd::rpc)\n",
    "node/CMakeLists.txt": "plegd_library(node SOURCES n.cc DEPS plegd::runtime plegd::pleg)\n",
    "node/n.cc": '#include "pleg/a.h"\n#include "runtime/r.h"\n',
    "metrics/m.cc": '#include "node/n.h"\n',
    "journal/e.cc": '#include "google/protobuf/struct.pb.h"\n#include "plegd/v1/event.pb.h"\n',
    "api/h.cc": '#include "pleg/a.h"\n#include "plegd/v1/pod.pb.h"\n#include <microhttpd.h>\n',
    "cmd/plegd/main.cc": '#include "api/h.h"\n#include "runtime/r.h"\n#include <CLI/CLI.hpp>\n',
    "cmd/plegd/CMakeLists.txt":
        "add_executable(plegd main.cc)\ntarget_link_libraries(plegd PRIVATE plegd::runtime CLI11::CLI11)\n",
    "cmd/cri-sim/main.cc": '#include "runtime/sim/s.h"\n',
    "proto/CMakeLists.txt": "plegd_proto(plegd_cri_proto ROOT cri FILES runtime/v1/api.proto)\n",
    "test/CMakeLists.txt": "plegd_test(t SOURCES t.cc DEPS plegd::sim plegd::runtime plegd_write_proto)\n",
    "test/t.cc": '#include "runtime/sim/s.h"\n#include "api/h.h"\n#include "cri_write.pb.h"\n',
    "docs/a.md": "What it is.\n",
}

# (name, path, text, what must be said)
VIOLATIONS = [
    ("grpc in the core", "pleg/b.cc", "#include <grpcpp/grpcpp.h>\n", "must not use gRPC"),
    ("protobuf in the core", "pleg/b.cc", "#include <google/protobuf/message.h>\n", "must not use Protobuf"),
    ("http in the core", "pleg/b.cc", "#include <microhttpd.h>\n", "must not use HTTP"),
    ("prometheus in the core", "pleg/b.cc", "#include <prometheus/gauge.h>\n", "must not use prometheus-cpp"),
    ("a file in the core", "pleg/b.cc", "#include <fstream>\n", "must not use files"),
    ("a descriptor in the core", "pleg/b.cc", "#  include <unistd.h>\n", "must not use files"),
    ("a thread in the core", "pleg/b.cc", "#include <thread>\n", "must not use threads"),
    ("a socket in the core", "pleg/b.cc", "#include <sys/socket.h>\n", "must not use sockets"),
    ("the core includes upwards", "pleg/b.cc", '#include "runtime/r.h"\n', "must not include runtime/"),
    ("http in runtime", "runtime/b.cc", "#include <microhttpd.h>\n", "must not use HTTP"),
    ("prometheus in runtime", "runtime/b.cc", "#include <prometheus/gauge.h>\n", "must not use prometheus-cpp"),
    ("runtime includes a sibling", "runtime/b.cc", '#include "metrics/m.h"\n', "must not include metrics/"),
    ("runtime includes the simulator", "runtime/b.cc", '#include "runtime/sim/s.h"\n', "only cri-sim and tests"),
    ("a write message in runtime's client", "cmd/plegd/b.cc", '#include "runtime/v1/api.pb.h"\n', "CRI's messages"),
    ("the node includes upwards", "node/b.cc", '#include "api/h.h"\n', "must not include api/"),
    ("runtime includes the node", "runtime/b.cc", '#include "node/n.h"\n', "must not include node/"),
    ("journal includes the node", "journal/b.cc", '#include "node/n.h"\n', "must not include node/"),
    ("http in node", "node/b.cc", "#include <microhttpd.h>\n", "must not use HTTP"),
    ("prometheus in node", "node/b.cc", "#include <prometheus/gauge.h>\n", "must not use prometheus-cpp"),
    ("cri in node", "node/b.cc", '#include "runtime/v1/api.pb.h"\n', "must not use the CRI's messages"),
    ("node links prometheus", "node/x/CMakeLists.txt",
     "target_link_libraries(node PRIVATE ${PROMETHEUS_CPP_CORE})\n", "must not link prometheus-cpp"),
    ("metrics includes the runtime", "metrics/b.cc", '#include "runtime/r.h"\n', "must not include runtime/"),
    ("grpc in journal", "journal/b.cc", "#include <grpcpp/grpcpp.h>\n", "must not use gRPC"),
    ("cri in journal", "journal/b.cc", '#include "runtime/v1/api.pb.h"\n', "must not use the CRI's messages"),
    ("grpc in metrics", "metrics/b.cc", "#include <grpcpp/grpcpp.h>\n", "must not use gRPC"),
    ("cri in metrics", "metrics/b.cc", '#include "runtime/v1/api.pb.h"\n', "must not use the CRI's messages"),
    ("cri in api", "api/b.cc", '#include "runtime/v1/api.pb.h"\n', "must not use the CRI's messages"),
    ("writes in api", "api/b.cc", '#include "cri_write.pb.h"\n', "messages that change a runtime"),
    ("flags outside cmd", "api/b.cc", "#include <CLI/CLI.hpp>\n", "must not use CLI11"),
    ("a fake in the daemon", "cmd/plegd/b.cc", '#include "pleg/testing/fake.h"\n', "only tests may include"),
    ("a test's header in a room", "api/b.cc", '#include "test/t.h"\n', "must not include test/"),
    ("a wrong guard", "pleg/b.h", "#ifndef B_H\n#define B_H\n#endif\n", "include guard is not PLEGD_PLEG_B_H_"),
    ("the core links grpc", "pleg/b/CMakeLists.txt", "plegd_library(b SOURCES b.cc DEPS plegd::rpc)\n",
     "must not link gRPC"),
    ("metrics links the cri", "metrics/CMakeLists.txt",
     "plegd_library(metrics SOURCES b.cc DEPS plegd::pleg PRIVATE_DEPS plegd_cri_proto)\n", "must not link the CRI"),
    ("runtime links http", "runtime/b/CMakeLists.txt", "target_link_libraries(b PRIVATE PkgConfig::MICROHTTPD)\n",
     "must not link HTTP"),
    ("journal links runtime", "journal/CMakeLists.txt", "plegd_library(journal SOURCES b.cc DEPS plegd::runtime)\n",
     "must not link runtime/"),
    ("globbed sources", "api/CMakeLists.txt", "file(GLOB sources *.cc)\n", "not globbed"),
    ("the daemon links the simulator", "runtime/c/CMakeLists.txt",
     "plegd_library(c SOURCES c.cc DEPS plegd::sim)\ntarget_link_libraries(plegd PRIVATE plegd::c)\n",
     "links plegd_sim of runtime/sim/"),
    ("the daemon links a test's messages", "test/x/CMakeLists.txt",
     "plegd_proto(plegd_x_proto ROOT . FILES x.proto)\ntarget_link_libraries(plegd PRIVATE plegd_x_proto)\n",
     "links plegd_x_proto of test/x/"),
    ("a long file", "pleg/b.cc", "\n" * 501, "501 lines, at most 500"),
    ("a long page", "docs/b.md", "\n" * 201, "201 lines, at most 200"),
    ("a long CMake file", "api/CMakeLists.txt", "\n" * 101, "101 lines, at most 100"),
    ("a note to self", "pleg/b.cc", "// FIXME later\n", "says FIXME"),
    ("a TODO without a reason", "pleg/b.cc", "// TODO later\n", "TODO without"),
    ("a silenced warning", "pleg/b.cc", "int a;  // NOLINT\n", "NOLINT without"),
    ("a conflict", "docs/b.md", "<<<<<<< HEAD\n", "conflict"),
    ("a machine's path", "docs/b.md", "See /home/somebody/notes.\n", "path of one machine"),
]


def write(tree, path, text):
    path = os.path.join(tree, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class CheckWallsTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.tree = directory.name
        for path, text in CLEAN.items():
            write(self.tree, path, text)

    def test_a_clean_tree_passes(self):
        self.assertEqual(list(check_walls.check(self.tree)), [])

    def test_each_violation_is_found(self):
        for name, path, text, expected in VIOLATIONS:
            with self.subTest(name):
                write(self.tree, path, text)
                found = list(check_walls.check(self.tree))
                os.remove(os.path.join(self.tree, path))
                if path in CLEAN:
                    write(self.tree, path, CLEAN[path])
                self.assertTrue(found)
                self.assertTrue(any(expected in line for line in found), found)

    def test_a_daemon_with_the_simulator_inside_is_found(self):
        source = os.path.join(self.tree, "main.cc")
        write(self.tree, "main.cc", "namespace sim { int Run() { return 0; } }\nint main() { return sim::Run(); }\n")
        binary = os.path.join(self.tree, "build", "release", "bin", "plegd")
        os.makedirs(os.path.dirname(binary))
        subprocess.run(["c++", "-o", binary, source], check=True)
        found = list(check_walls.check(self.tree))
        self.assertEqual(len(found), 1, found)
        self.assertIn("sim::Run", found[0])


if __name__ == "__main__":
    unittest.main()
