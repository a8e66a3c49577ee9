// What single processes of the host tell beyond their stat, and in which order it is safe to ask.
//
//   ProcessReader reader(proc);
//   reader.ReadThreads(process);   reader.ReadWait(process);   …   reader.Problems()
//
// Stat, wchan and stack never wait for the process's memory lock, as its command line and its
// environment do: these are read of a process of which no thread is blocked at that moment alone.

#ifndef PLEGD_RUNTIME_HOST_PROCESS_READER_H_
#define PLEGD_RUNTIME_HOST_PROCESS_READER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/host/host_process.h"
#include "runtime/host/host_tree.h"

namespace runtime::host {

// For one look at the host. Its methods leave empty what cannot be read, and may block as the
// kernel does. Thread-compatible.
class ProcessReader {
 public:
  // `proc`, a procfs, outlives it.
  explicit ProcessReader(const HostTree& proc) : proc_(proc) {}

  // The threads in D. Programs in Go have their first thread asleep while another one is stuck. A
  // process has at most 256 of them looked at, all processes together 8,192.
  void ReadThreads(HostProcess& process);
  // The first thread alone, as its stat has it.
  static void TakeFirstThread(HostProcess& process);
  // What the process waits for, and each thread in D.
  void ReadWait(HostProcess& process);
  // Which container a shim was started for: by its working directory, which takes CAP_SYS_PTRACE,
  // else by its command line.
  void ReadBundle(HostProcess& shim);
  // Of a runtime or a kubelet; not told while that is blocked.
  void ReadRoot(HostProcess& process);
  // Of an OCI runtime.
  void ReadCommand(HostProcess& process);

  // From now on nothing is read that may wait for a process's memory, nor its working directory.
  void ReadNoWords() { words_ = false; }

  enum class CniAnswer : uint8_t { kIsOne, kIsNone, kUnknown };
  // Whether a child of the runtime is a CNI plugin, by its environment, and its call.
  CniAnswer ReadCniCall(HostProcess& process);

  // What was not permitted, a line a kind.
  std::vector<std::string> Problems() const;

 private:
  struct Denied {
    int first = 0;
    size_t count = 0;
  };

  static std::string Path(int pid, absl::string_view name);
  std::vector<std::string> ReadStack(const std::string& directory, int pid);
  std::string ReadWaitChannel(const std::string& directory, int pid, bool sleeps);
  // Empty for one that is blocked now.
  std::vector<std::string> ReadCommandLine(int pid);
  // It was looked at when the sample began, and may have blocked since.
  bool IsBlockedNow(int pid);
  void Deny(const char* what, int pid);
  void Note(const absl::Status& status, const char* what, int pid);

  const HostTree& proc_;
  size_t threads_ = 0;  // looked at
  bool words_ = true;
  std::map<std::string, Denied> denied_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROCESS_READER_H_
