#include "pleg/event.h"

namespace pleg {

absl::string_view EventTypeName(EventType type) {
  switch (type) {
    case EventType::kContainerStarted:
      return "ContainerStarted";
    case EventType::kContainerDied:
      return "ContainerDied";
    case EventType::kContainerRemoved:
      return "ContainerRemoved";
    case EventType::kContainerChanged:
      return "ContainerChanged";
    case EventType::kPodSync:
      break;
  }
  return "PodSync";
}

}  // namespace pleg
