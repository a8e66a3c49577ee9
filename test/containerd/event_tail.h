// The event log of a plegd that runs on, read as it grows and judged line by line.
//
//   EventTail tail(plegd->event_log());
//   WaitUntil([&] { tail.Read(); return tail.Of("uid-1") == expected; });
//   EXPECT_EQ(tail.problem(), "");

#ifndef PLEGD_TEST_CONTAINERD_EVENT_TAIL_H_
#define PLEGD_TEST_CONTAINERD_EVENT_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "plegd/v1/event.pb.h"

namespace plegd_testing {

using EventsByPod = std::map<std::string, std::vector<std::string>>;

// Thread-compatible.
class EventTail {
 public:
  explicit EventTail(std::string path) : path_(std::move(path)) {}

  // Takes in the lines that have been completed since the last time.
  void Read();

  // What has been read, as Describe says it, by pod UID in the order told.
  const EventsByPod& by_pod() const { return by_pod_; }
  const std::vector<std::string>& Of(const std::string& uid) const;
  size_t count() const { return count_; }

  // The first line that is no event, or whose number does not follow from the one before; empty if
  // there is none.
  const std::string& problem() const { return problem_; }

 private:
  void Take(const std::string& line);

  const std::string path_;
  size_t offset_ = 0;
  size_t count_ = 0;
  std::string boot_id_;
  uint64_t seq_ = 0;
  EventsByPod by_pod_;
  std::string problem_;
};

// Where the two first differ, pod by pod; empty if they are equal.
std::string Difference(const EventsByPod& expected, const EventsByPod& reported);

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_EVENT_TAIL_H_
