// The CNI plugin of a private containerd, which can be told not to return.
//
//   PodNetwork network("/tmp/x/cni", "/usr/lib/cni/loopback");
//   network.Hold();    …  network.WaitUntilHeld()  …    network.Release();
//
// It changes nothing on the host: it answers ADD with an address that nobody uses, and a pod has no
// interface but lo.

#ifndef PLEGD_TEST_CONTAINERD_POD_NETWORK_H_
#define PLEGD_TEST_CONTAINERD_POD_NETWORK_H_

#include <sys/types.h>

#include <string>

namespace plegd_testing {

// Thread-compatible.
class PodNetwork {
 public:
  // The plugin's name, and its process's.
  static constexpr char kPlugin[] = "drill-net";

  // Makes `dir`, with the configuration in `dir`/conf and the plugins in `dir`/bin. `loopback` is
  // the plugin of that name, which containerd calls for lo whatever is configured.
  PodNetwork(std::string dir, const std::string& loopback);

  // From now on an ADD does not return until Release.
  void Hold();
  void Release();
  // Blocks until an ADD is held since Hold. Its process; 0 if none is in time.
  pid_t WaitUntilHeld() const;

 private:
  std::string held() const { return dir_ + "/held"; }
  std::string hold() const { return dir_ + "/hold"; }

  std::string dir_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_POD_NETWORK_H_
