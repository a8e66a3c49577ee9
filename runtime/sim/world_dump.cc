#include "runtime/sim/world_dump.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/sim/json_message.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;
using Json = JsonText::Json;
using Pointer = JsonText::Pointer;

constexpr absl::string_view kKnown =
    "is none of the outputs of crictl pods -o json, ps -a -o json, inspect, inspectp, info and "
    "version";

const JsonMessageOptions& Lenient() {
  static const auto& options = *new JsonMessageOptions{.ignore_unknown = true};
  return options;
}

const Json& Member(const Json& object, const char* name) {
  static const Json& none = *new Json();
  if (!object.is_object()) return none;
  const auto it = object.find(name);
  return it == object.end() ? none : *it;
}

// A sandbox's status has what a container's never has.
bool IsSandboxStatus(const Json& status) {
  const Json& state = Member(status, "state");
  if (state.is_string()) return absl::StartsWith(state.get<std::string>(), "SANDBOX_");
  return Member(status, "metadata").contains("namespace");
}

cri::PodSandbox ListedOf(const cri::PodSandboxStatus& status) {
  cri::PodSandbox listed;
  listed.set_id(status.id());
  *listed.mutable_metadata() = status.metadata();
  listed.set_state(status.state());
  listed.set_created_at(status.created_at());
  *listed.mutable_labels() = status.labels();
  *listed.mutable_annotations() = status.annotations();
  listed.set_runtime_handler(status.runtime_handler());
  return listed;
}

cri::Container ListedOf(const cri::ContainerStatus& status, const std::string& sandbox_id) {
  cri::Container listed;
  listed.set_id(status.id());
  listed.set_pod_sandbox_id(sandbox_id);
  *listed.mutable_metadata() = status.metadata();
  *listed.mutable_image() = status.image();
  listed.set_image_ref(status.image_ref());
  listed.set_state(status.state());
  listed.set_created_at(status.created_at());
  *listed.mutable_labels() = status.labels();
  *listed.mutable_annotations() = status.annotations();
  return listed;
}

// The elements of the list at `at`, each read as an Item and given to `add`. kInvalidArgument also
// for one without an id.
template <typename Item, typename Add>
absl::Status ReadItems(const JsonText& text, const Pointer& at, Add add) {
  const Json& list = text.root().at(at);
  if (list.is_null()) return absl::OkStatus();
  if (!list.is_array()) return text.Error(at, "is not a list");
  for (size_t i = 0; i < list.size(); ++i) {
    Item item;
    if (absl::Status s = ReadMessage(text, at / i, Lenient(), item); !s.ok()) return s;
    if (item.id().empty()) return text.Error(at / i, "has no id");
    if (!add(item))
      return text.Error(at / i / "id", "stands here for the second time: " + item.id());
  }
  return absl::OkStatus();
}

// False if there is one of that id.
template <typename Items, typename Listed>
bool AddListed(Items& items, std::map<std::string, size_t>& index, const Listed& listed) {
  if (!index.emplace(listed.id(), items.size()).second) return false;
  items.emplace_back().listed = listed;
  return true;
}

}  // namespace

absl::Status WorldDump::Add(const std::string& file, absl::string_view text) {
  const absl::string_view content = absl::StripAsciiWhitespace(text);
  if (content.empty()) return absl::InvalidArgumentError(absl::StrCat(file, ":1: is empty"));
  if (content[0] != '{' && content[0] != '[' && absl::StrContains(content, "RuntimeName:")) {
    AddVersionText(content);
    return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<JsonText>> documents = JsonText::ParseAll(file, text);
  if (!documents.ok()) return documents.status();
  for (const JsonText& document : *documents) {
    if (absl::Status s = AddDocument(document, Pointer()); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status WorldDump::AddDocument(const JsonText& text, const Pointer& at) {
  const Json& object = text.root().at(at);
  if (object.is_array()) {
    for (size_t i = 0; i < object.size(); ++i) {
      if (absl::Status s = AddDocument(text, at / i); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  if (object.contains("sandboxes") || object.contains("rules")) {
    return text.Error(at, "is a world of its own: --world FILE");
  }
  if (object.contains("items")) return AddPods(text, at / "items");
  if (object.contains("containers")) return AddContainers(text, at / "containers");
  if (object.contains("runtimeName")) return AddVersion(text, at);
  const Json& status = Member(object, "status");
  if (status.contains("conditions")) return AddInfo(text, at);
  if (!status.contains("id")) return text.Error(at, kKnown);
  return IsSandboxStatus(status) ? AddSandboxStatus(text, at) : AddContainerStatus(text, at);
}

// "RuntimeName:  containerd", a line for each.
void WorldDump::AddVersionText(absl::string_view text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    const std::string value(absl::StripAsciiWhitespace(parts.second));
    if (absl::StripAsciiWhitespace(parts.first) == "RuntimeName") world_.runtime_name = value;
    if (absl::StripAsciiWhitespace(parts.first) == "RuntimeVersion") world_.runtime_version = value;
  }
}

absl::Status WorldDump::AddVersion(const JsonText& text, const Pointer& at) {
  cri::VersionResponse version;
  if (absl::Status s = ReadMessage(text, at, Lenient(), version); !s.ok()) return s;
  world_.runtime_name = version.runtime_name();
  world_.runtime_version = version.runtime_version();
  return absl::OkStatus();
}

absl::Status WorldDump::AddPods(const JsonText& text, const Pointer& at) {
  has_pods_ = true;
  return ReadItems<cri::PodSandbox>(text, at, [this](const cri::PodSandbox& sandbox) {
    return AddListed(world_.sandboxes, sandbox_index_, sandbox);
  });
}

absl::Status WorldDump::AddContainers(const JsonText& text, const Pointer& at) {
  return ReadItems<cri::Container>(text, at, [this](const cri::Container& container) {
    return AddListed(world_.containers, container_index_, container);
  });
}

// Its other fields are the runtime's own; they say which one it is.
absl::Status WorldDump::AddInfo(const JsonText& text, const Pointer& at) {
  world_.status.Clear();
  if (absl::Status s = ReadMessage(text, at / "status", Lenient(), world_.status); !s.ok()) {
    return s;
  }
  const Json& config = Member(text.root().at(at), "config");
  if (!world_.runtime_name.empty()) return absl::OkStatus();
  if (config.contains("containerd")) world_.runtime_name = "containerd";
  if (config.is_string() && absl::StrContains(config.get<std::string>(), "[crio")) {
    world_.runtime_name = "cri-o";
  }
  return absl::OkStatus();
}

absl::Status WorldDump::AddSandboxStatus(const JsonText& text, const Pointer& at) {
  has_pods_ = true;
  cri::PodSandboxStatus status;
  if (absl::Status s = ReadMessage(text, at / "status", Lenient(), status); !s.ok()) return s;
  const std::string id = status.id();
  if (sandbox_statuses_.emplace(id, std::move(status)).second) return absl::OkStatus();
  return text.Error(at / "status" / "id", "stands here for the second time: " + id);
}

absl::Status WorldDump::AddContainerStatus(const JsonText& text, const Pointer& at) {
  cri::ContainerStatus status;
  if (absl::Status s = ReadMessage(text, at / "status", Lenient(), status); !s.ok()) return s;
  const std::string id = status.id();
  const Json& sandbox = Member(Member(text.root().at(at), "info"), "sandboxID");
  if (sandbox.is_string()) sandbox_of_[id] = sandbox.get<std::string>();
  if (container_statuses_.emplace(id, std::move(status)).second) return absl::OkStatus();
  return text.Error(at / "status" / "id", "stands here for the second time: " + id);
}

void WorldDump::AddMissingSandboxes() {
  for (FixedContainer& container : world_.containers) {
    cri::Container& listed = container.listed;
    if (listed.pod_sandbox_id().empty()) listed.set_pod_sandbox_id(sandbox_of_[listed.id()]);
    const auto label = [&](const char* name) {
      const auto it = listed.labels().find(absl::StrCat("io.kubernetes.pod.", name));
      return it == listed.labels().end() ? std::string() : it->second;
    };
    if (listed.pod_sandbox_id().empty()) listed.set_pod_sandbox_id("sandbox-of-" + label("uid"));
    cri::PodSandbox sandbox;
    sandbox.set_id(listed.pod_sandbox_id());
    sandbox.mutable_metadata()->set_name(label("name"));
    sandbox.mutable_metadata()->set_namespace_(label("namespace"));
    sandbox.mutable_metadata()->set_uid(label("uid"));
    sandbox.set_state(cri::SANDBOX_NOTREADY);
    sandbox.set_created_at(listed.created_at());
    AddListed(world_.sandboxes, sandbox_index_, sandbox);
    cri::PodSandbox& made = world_.sandboxes[sandbox_index_[sandbox.id()]].listed;
    made.set_created_at(std::min(made.created_at(), listed.created_at()));
    if (listed.state() == cri::CONTAINER_RUNNING) made.set_state(cri::SANDBOX_READY);
  }
}

FixedWorld WorldDump::Take() && {
  for (const auto& [id, status] : sandbox_statuses_)
    AddListed(world_.sandboxes, sandbox_index_, ListedOf(status));
  for (const auto& [id, status] : container_statuses_) {
    AddListed(world_.containers, container_index_, ListedOf(status, sandbox_of_[id]));
  }
  if (!has_pods_) AddMissingSandboxes();
  for (size_t i = 0; i < world_.sandboxes.size(); ++i) {
    FixedSandbox& sandbox = world_.sandboxes[i];
    const auto known = sandbox_statuses_.find(sandbox.listed.id());
    sandbox.status = known == sandbox_statuses_.end() ? StatusOf(sandbox.listed, i) : known->second;
  }
  for (FixedContainer& container : world_.containers) {
    const auto known = container_statuses_.find(container.listed.id());
    container.status =
        known == container_statuses_.end() ? StatusOf(container.listed) : known->second;
  }
  Complete(world_);
  return std::move(world_);
}

}  // namespace sim
