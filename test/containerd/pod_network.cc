#include "test/containerd/pod_network.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_format.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

namespace fs = std::filesystem;

constexpr char kConfig[] = R"({"cniVersion": "0.4.0", "name": "drill", "plugins": [{"type": "%s"}]}
)";
constexpr char kScript[] = R"(#!/bin/sh
cat >/dev/null
case $CNI_COMMAND in
  ADD)
    [ ! -e %1$s ] || echo $$ >%2$s
    while [ -e %1$s ]; do sleep 0.1; done
    cat <<JSON
{"cniVersion": "0.4.0",
 "interfaces": [{"name": "$CNI_IFNAME", "sandbox": "$CNI_NETNS"}],
 "ips": [{"version": "4", "interface": 0, "address": "192.0.2.2/24"}]}
JSON
    ;;
  VERSION) echo '{"cniVersion": "0.4.0", "supportedVersions": ["0.3.1", "0.4.0"]}' ;;
esac
)";

}  // namespace

PodNetwork::PodNetwork(std::string dir, const std::string& loopback) : dir_(std::move(dir)) {
  fs::create_directories(dir_ + "/conf");
  fs::create_directories(dir_ + "/bin");
  std::ofstream(dir_ + "/conf/10-drill.conflist") << absl::StrFormat(kConfig, kPlugin);
  const std::string plugin = dir_ + "/bin/" + kPlugin;
  std::ofstream(plugin) << absl::StrFormat(kScript, hold(), held());
  chmod(plugin.c_str(), 0755);
  fs::create_symlink(loopback, dir_ + "/bin/loopback");
}

void PodNetwork::Hold() {
  unlink(held().c_str());
  std::ofstream(hold()) << "";
}

void PodNetwork::Release() { unlink(hold().c_str()); }

pid_t PodNetwork::WaitUntilHeld() const {
  pid_t pid = 0;
  WaitUntil([&] {
    pid = static_cast<pid_t>(std::atol(ReadFile(held()).c_str()));
    return pid > 0;
  });
  return pid;
}

}  // namespace plegd_testing
