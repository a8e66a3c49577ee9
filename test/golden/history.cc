#include "test/golden/history.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace golden {
namespace {

namespace cri = ::runtime::v1;

absl::Status NotListed(absl::string_view id) {
  return absl::NotFoundError(absl::StrCat(id, " is not listed"));
}

bool Contains(const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

template <typename Part>
const Part& PartOfStatus(const Part& part) {
  return part.has_status() ? part.status() : part;
}

}  // namespace

std::vector<std::string> HistoryFiles(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<History> LoadHistory(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  History history;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, &history);
  if (!in || !parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", parsed.ToString()));
  }
  if (history.format() != "pleg-golden/1") {
    return absl::InvalidArgumentError(absl::StrCat(path, ": format ", history.format()));
  }
  return history;
}

void RuntimeState::Apply(const Step& step) {
  step_ = &step;
  for (const auto& [id, part] : step.sandboxes()) sandboxes_[id] = part;
  for (const auto& [id, part] : step.containers()) containers_[id] = part;
}

absl::Status RuntimeState::Error(absl::string_view rpc, absl::string_view id) const {
  for (const CallError& error : step_->errors()) {
    if (rpc == error.rpc() && id == error.id()) {
      return absl::Status(static_cast<absl::StatusCode>(error.code()), error.message());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<cri::ListPodSandboxResponse> RuntimeState::ListPodSandbox() const {
  if (absl::Status error = Error("ListPodSandbox", ""); !error.ok()) return error;
  cri::ListPodSandboxResponse response;
  for (const std::string& id : step_->list().sandboxes()) {
    cri::PodSandbox* item = response.add_items();
    *item = history_.sandboxes().at(id);
    item->set_id(id);
    item->set_state(sandboxes_.at(id).state());
  }
  return response;
}

absl::StatusOr<cri::ListContainersResponse> RuntimeState::ListContainers() const {
  if (absl::Status error = Error("ListContainers", ""); !error.ok()) return error;
  cri::ListContainersResponse response;
  for (const std::string& id : step_->list().containers()) {
    cri::Container* item = response.add_containers();
    *item = history_.containers().at(id);
    item->set_id(id);
    item->set_state(containers_.at(id).state());
  }
  return response;
}

absl::StatusOr<cri::PodSandboxStatusResponse> RuntimeState::PodSandboxStatus(
    const std::string& id) const {
  if (absl::Status error = Error("PodSandboxStatus", id); !error.ok()) return error;
  if (!Contains(step_->list().sandboxes(), id)) return NotListed(id);
  const cri::PodSandbox& object = history_.sandboxes().at(id);
  const SandboxPart& part = PartOfStatus(sandboxes_.at(id));
  cri::PodSandboxStatusResponse response;
  cri::PodSandboxStatus& status = *response.mutable_status();
  status.set_id(id);
  *status.mutable_metadata() = object.metadata();
  status.set_created_at(object.created_at());
  *status.mutable_labels() = object.labels();
  *status.mutable_annotations() = object.annotations();
  status.set_runtime_handler(object.runtime_handler());
  status.set_state(part.state());
  if (part.has_network()) *status.mutable_network() = part.network();
  return response;
}

absl::StatusOr<cri::ContainerStatusResponse> RuntimeState::ContainerStatus(
    const std::string& id) const {
  if (absl::Status error = Error("ContainerStatus", id); !error.ok()) return error;
  if (!Contains(step_->list().containers(), id)) return NotListed(id);
  const cri::Container& object = history_.containers().at(id);
  const ContainerPart& part = PartOfStatus(containers_.at(id));
  cri::ContainerStatusResponse response;
  cri::ContainerStatus& status = *response.mutable_status();
  status.set_id(id);
  *status.mutable_metadata() = object.metadata();
  status.set_created_at(object.created_at());
  *status.mutable_image() = object.image();
  status.set_image_ref(object.image_ref());
  status.set_image_id(object.image_id());
  *status.mutable_labels() = object.labels();
  *status.mutable_annotations() = object.annotations();
  status.set_state(part.state());
  status.set_started_at(part.started_at());
  status.set_finished_at(part.finished_at());
  status.set_exit_code(part.exit_code());
  status.set_reason(part.reason());
  status.set_message(part.message());
  return response;
}

std::string GoStatusText(const absl::Status& status) {
  static constexpr absl::string_view kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const auto code = static_cast<size_t>(status.raw_code());
  const absl::string_view name = code < std::size(kNames) ? kNames[code] : "?";
  return absl::StrCat("rpc error: code = ", name, " desc = ", status.message());
}

}  // namespace golden
