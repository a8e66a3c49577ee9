#include "test/containerd/event_tail.h"

#include <fstream>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "test/containerd/scripted_pod.h"
#include "test/process/plegd_process.h"

namespace plegd_testing {
namespace {

const std::vector<std::string>& Find(const EventsByPod& events, const std::string& uid) {
  static const auto* const kNone = new std::vector<std::string>;
  const auto found = events.find(uid);
  return found == events.end() ? *kNone : found->second;
}

std::string At(const std::vector<std::string>& events, size_t i) {
  return i < events.size() ? events[i] : "nothing";
}

}  // namespace

void EventTail::Read() {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset_));
  std::string line;
  // The end of the file within a line: it is still being written.
  while (std::getline(file, line) && !file.eof()) {
    offset_ += line.size() + 1;
    Take(line);
  }
}

void EventTail::Take(const std::string& line) {
  const absl::StatusOr<plegd::v1::Event> event = ParseEvent(line);
  if (!event.ok()) {
    if (problem_.empty()) problem_ = std::string(event.status().message());
    return;
  }
  if (boot_id_ != event->boot_id()) seq_ = 0;
  boot_id_ = event->boot_id();
  if (event->seq() != ++seq_ && problem_.empty()) {
    problem_ = absl::StrCat("number ", event->seq(), " instead of ", seq_, ": ", line);
  }
  seq_ = event->seq();
  ++count_;
  by_pod_[event->pod_uid()].push_back(Describe(*event));
}

const std::vector<std::string>& EventTail::Of(const std::string& uid) const {
  return Find(by_pod_, uid);
}

std::string Difference(const EventsByPod& expected, const EventsByPod& reported) {
  std::set<std::string> uids;
  for (const auto& [uid, events] : expected) uids.insert(uid);
  for (const auto& [uid, events] : reported) uids.insert(uid);
  std::string result;
  for (const std::string& uid : uids) {
    const std::vector<std::string>& wanted = Find(expected, uid);
    const std::vector<std::string>& told = Find(reported, uid);
    size_t i = 0;
    while (i < wanted.size() && i < told.size() && wanted[i] == told[i]) ++i;
    if (i == wanted.size() && i == told.size()) continue;
    absl::StrAppend(&result, uid, " event ", i + 1, ": expected ", At(wanted, i), ", told ",
                    At(told, i), " (", wanted.size(), " expected, ", told.size(), " told)\n");
  }
  return result;
}

}  // namespace plegd_testing
