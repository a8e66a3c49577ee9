#include "test/records/record.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace plegd_testing {
namespace {

namespace fs = std::filesystem;

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMostBases = 4;

// By which an element of a list is found.
constexpr std::pair<absl::string_view, absl::string_view> kKeys[] = {
    {"plegd.v1.MethodEvidence", "method"},  {"plegd.v1.ListSizeEvidence", "method"},
    {"plegd.v1.KubeletTwin", "generation"}, {"plegd.v1.Disk", "device"},
    {"plegd.v1.Headroom", "resource"},
};

// Null for what is no list, or has no key.
const FieldDescriptor* KeyOf(const FieldDescriptor* list) {
  if (!list->is_repeated() || list->message_type() == nullptr) return nullptr;
  for (const auto& [message, key] : kKeys) {
    if (list->message_type()->full_name() == message) {
      return list->message_type()->FindFieldByName(std::string(key));
    }
  }
  return nullptr;
}

std::string KeyIn(const Message& element, const FieldDescriptor* key) {
  return element.GetReflection()->GetString(element, key);
}

// The index of the element with this key; -1 without one.
int Find(const Message& message, const FieldDescriptor* list, const std::string& key) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, list); ++i) {
    if (KeyIn(reflection.GetRepeatedMessage(message, list, i), KeyOf(list)) == key) return i;
  }
  return -1;
}

void Merge(const Message& from, Message& into);

void MergeList(const Message& from, const FieldDescriptor* list, Message& into) {
  const Reflection& reflection = *from.GetReflection();
  for (int i = 0; i < reflection.FieldSize(from, list); ++i) {
    const Message& element = reflection.GetRepeatedMessage(from, list, i);
    const int at = Find(into, list, KeyIn(element, KeyOf(list)));
    Merge(element, at < 0 ? *reflection.AddMessage(&into, list)
                          : *reflection.MutableRepeatedMessage(&into, list, at));
  }
}

void Merge(const Message& from, Message& into) {
  const Reflection& reflection = *from.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(from, &fields);
  const std::unique_ptr<Message> plain(from.New());
  plain->CopyFrom(from);
  for (const FieldDescriptor* field : fields) {
    if (KeyOf(field) != nullptr) {
      MergeList(from, field, into);
    } else if (field->is_repeated()) {
      reflection.ClearField(&into, field);
      continue;
    } else if (field->message_type() != nullptr) {
      Merge(reflection.GetMessage(from, field), *reflection.MutableMessage(&into, field));
    } else {
      continue;
    }
    plain->GetReflection()->ClearField(plain.get(), field);
  }
  into.MergeFrom(*plain);
}

// "headroom[pids]" into its field and its key, which is empty without one.
std::pair<std::string, std::string> Split(absl::string_view part) {
  const size_t open = part.find('[');
  if (open == absl::string_view::npos || part.back() != ']') return {std::string(part), ""};
  return {std::string(part.substr(0, open)),
          std::string(part.substr(open + 1, part.size() - open - 2))};
}

void RemoveElement(Message& message, const FieldDescriptor* list, int at) {
  const Reflection& reflection = *message.GetReflection();
  const int last = reflection.FieldSize(message, list) - 1;
  for (int i = at; i < last; ++i) reflection.SwapElements(&message, list, i, i + 1);
  reflection.RemoveLast(&message, list);
}

bool Has(const Message& message, const FieldDescriptor* field) {
  const Reflection& reflection = *message.GetReflection();
  return field->is_repeated() ? reflection.FieldSize(message, field) > 0
                              : reflection.HasField(message, field);
}

// False if it is not there.
bool Clear(absl::string_view path, Message& message) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(path, absl::MaxSplits('.', 1));
  const auto [name, key] = Split(parts.first);
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || !Has(message, field)) return false;
  const Reflection& reflection = *message.GetReflection();
  if (!key.empty()) {
    const int at = KeyOf(field) == nullptr ? -1 : Find(message, field, key);
    if (at < 0) return false;
    if (!parts.second.empty()) {
      return Clear(parts.second, *reflection.MutableRepeatedMessage(&message, field, at));
    }
    RemoveElement(message, field, at);
  } else if (!parts.second.empty()) {
    if (field->is_repeated() || field->message_type() == nullptr) return false;
    return Clear(parts.second, *reflection.MutableMessage(&message, field));
  } else {
    reflection.ClearField(&message, field);
  }
  return true;
}

absl::StatusOr<plegd::v1::Evidence> Load(const fs::path& path, int bases_left) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return absl::NotFoundError(absl::StrCat(path.string(), ": cannot be read"));
  if (!absl::StrContains(text, "# proto-message: plegd.test.Difference\n")) {
    plegd::v1::Evidence evidence;
    if (google::protobuf::TextFormat::ParseFromString(text, &evidence)) return evidence;
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is no plegd.v1.Evidence"));
  }
  plegd::test::Difference difference;
  if (!google::protobuf::TextFormat::ParseFromString(text, &difference) || bases_left == 0) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is no plegd.test.Difference"));
  }
  const fs::path base =
      path.parent_path().parent_path() / absl::StrCat(difference.base(), ".textproto");
  absl::StatusOr<plegd::v1::Evidence> evidence = Load(base, bases_left - 1);
  if (!evidence.ok()) return evidence;
  if (absl::Status status = Apply(difference, *evidence); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": ", status.message()));
  }
  return evidence;
}

}  // namespace

absl::Status Apply(const plegd::test::Difference& difference, plegd::v1::Evidence& evidence) {
  for (const std::string& path : difference.without()) {
    if (!Clear(path, evidence)) {
      return absl::InvalidArgumentError(absl::StrCat("without: ", path, " is not in the base"));
    }
  }
  Merge(difference.with(), evidence);
  return absl::OkStatus();
}

absl::StatusOr<plegd::v1::Evidence> LoadRecord(const std::string& path) {
  return Load(path, kMostBases);
}

std::vector<std::string> RecordsBelow(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".textproto" && path.stem() != "expected") paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace plegd_testing
