#include "runtime/sim/world_file.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/sim/json_message.h"
#include "runtime/sim/rpc.h"

namespace sim {
namespace {

using Json = JsonText::Json;
using Pointer = JsonText::Pointer;

// An object of which nobody says when it was created: without a time no kubelet reads its status.
constexpr absl::Duration kDefaultAge = absl::Hours(1);

// Of `from`, the fields that the object at `at` names, in the place of those of `to`.
template <typename Status>
void Override(const Json& object, const Status& from, Status& to) {
  const google::protobuf::Reflection& of = *to.GetReflection();
  for (const auto& [name, value] : object.items()) {
    if (const auto* field = FindField(to, name); field != nullptr) of.ClearField(&to, field);
  }
  to.MergeFrom(from);
}

class WorldReader {
 public:
  WorldReader(const JsonText& text, absl::Time origin) : text_(text) { options_.origin = origin; }

  absl::StatusOr<FixedWorld> Read() {
    const Json& root = text_.root();
    if (!root.is_object()) return text_.Error(Pointer(), "a world is an object");
    for (const auto& [name, value] : root.items()) {
      if (absl::Status read = ReadPart(name, value, Pointer() / name); !read.ok()) return read;
    }
    // An object's own rules come before those of its method, those before the ones of all methods.
    std::stable_partition(method_rules_.begin(), method_rules_.end(),
                          [](const Fault& rule) { return rule.rpc.has_value(); });
    world_.rules.insert(world_.rules.end(), method_rules_.begin(), method_rules_.end());
    Complete(world_);
    return std::move(world_);
  }

 private:
  absl::Status ReadPart(const std::string& name, const Json& value, const Pointer& at) {
    if (name == "runtime") return ReadString(value, at, world_.runtime_name);
    if (name == "version") return ReadString(value, at, world_.runtime_version);
    if (name == "sandboxes") {
      return ForEach(value, at, [this](const Pointer& item) { return ReadSandbox(item); });
    }
    if (name == "containers") {
      return ForEach(value, at, [this](const Pointer& item) { return ReadContainer(item); });
    }
    if (name == "conditions") {
      return ForEach(value, at, [this](const Pointer& item) {
        return ReadMessage(text_, item, options_, *world_.status.add_conditions());
      });
    }
    if (name == "rules") return ReadMethodRules(value, at);
    return text_.Error(at,
                       "is no field of a world: sandboxes, containers, conditions, runtime, "
                       "version or rules");
  }

  absl::Status ReadString(const Json& value, const Pointer& at, std::string& out) const {
    if (!value.is_string()) return text_.Error(at, "is not a string");
    out = value.get<std::string>();
    return absl::OkStatus();
  }

  template <typename Function>
  absl::Status ForEach(const Json& list, const Pointer& at, Function function) const {
    if (!list.is_array()) return text_.Error(at, "is not a list");
    for (size_t i = 0; i < list.size(); ++i) {
      if (absl::Status status = function(at / i); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ReadSandbox(const Pointer& at) {
    FixedSandbox& sandbox = world_.sandboxes.emplace_back();
    if (absl::Status s = ReadListed(at, sandbox_ids_, sandbox.listed); !s.ok()) return s;
    sandbox.status = StatusOf(sandbox.listed, world_.sandboxes.size() - 1);
    if (absl::Status s = ReadStatus(at, sandbox.status); !s.ok()) return s;
    return ReadObjectRules(at, Rpc::kPodSandboxStatus, sandbox.listed.id());
  }

  absl::Status ReadContainer(const Pointer& at) {
    FixedContainer& container = world_.containers.emplace_back();
    if (absl::Status s = ReadListed(at, container_ids_, container.listed); !s.ok()) return s;
    container.status = StatusOf(container.listed);
    if (absl::Status s = ReadStatus(at, container.status); !s.ok()) return s;
    return ReadObjectRules(at, Rpc::kContainerStatus, container.listed.id());
  }

  template <typename Listed>
  absl::Status ReadListed(const Pointer& at, std::set<std::string>& ids, Listed& listed) {
    JsonMessageOptions options = options_;
    options.except = {"status", "rule"};
    if (absl::Status s = ReadMessage(text_, at, options, listed); !s.ok()) return s;
    if (listed.id().empty()) return text_.Error(at, "has no id");
    const Json& object = text_.root().at(at);
    if (!object.contains("created_at") && !object.contains("createdAt")) {
      listed.set_created_at(absl::ToUnixNanos(options_.origin - kDefaultAge));
    }
    if (!ids.insert(listed.id()).second) {
      return text_.Error(at / "id", "stands here for the second time: " + listed.id());
    }
    return absl::OkStatus();
  }

  template <typename Status>
  absl::Status ReadStatus(const Pointer& at, Status& status) {
    const Json& object = text_.root().at(at);
    if (!object.contains("status")) return absl::OkStatus();
    Status said;
    if (absl::Status s = ReadMessage(text_, at / "status", options_, said); !s.ok()) return s;
    Override(object.at("status"), said, status);
    return absl::OkStatus();
  }

  absl::Status ReadObjectRules(const Pointer& at, Rpc rpc, const std::string& id) {
    if (!text_.root().at(at).contains("rule")) return absl::OkStatus();
    Fault fault;
    fault.rpc = rpc;
    fault.id = pleg::ContainerId(id);
    return ReadRules(at / "rule", fault, world_.rules);
  }

  absl::Status ReadMethodRules(const Json& rules, const Pointer& at) {
    if (!rules.is_object()) return text_.Error(at, "is not an object of rules by method");
    for (const auto& [method, value] : rules.items()) {
      Fault fault;
      fault.rpc = RpcFromName(method);
      if (!fault.rpc.has_value() && method != "*") {
        return text_.Error(at / method, absl::StrCat("is no method: * or one of ",
                                                     absl::StrJoin(kRpcNames, ", ")));
      }
      if (absl::Status s = ReadRules(at / method, fault, method_rules_); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  // One rule, or a list of them.
  absl::Status ReadRules(const Pointer& at, const Fault& of, std::vector<Fault>& out) const {
    const Json& value = text_.root().at(at);
    const auto read = [&](const Pointer& rule) -> absl::Status {
      Fault fault = of;
      if (absl::Status s = ReadRule(rule, fault); !s.ok()) return s;
      out.push_back(std::move(fault));
      return absl::OkStatus();
    };
    return value.is_array() ? ForEach(value, at, read) : read(at);
  }

  absl::Status ReadRule(const Pointer& at, Fault& fault) const {
    const Json& rule = text_.root().at(at);
    if (!rule.is_object()) return text_.Error(at, "is not an object");
    bool hang = false;
    for (const auto& [name, value] : rule.items()) {
      const Pointer here = at / name;
      if (name == "hang") {
        if (!value.is_boolean()) return text_.Error(here, "is neither true nor false");
        hang = value.get<bool>();
      } else if (name == "latency_ms" || name == "latency") {
        if (absl::Status s = ReadLatency(value, here, fault); !s.ok()) return s;
      } else if (name == "share") {
        if (absl::Status s = ReadShare(value, here, fault); !s.ok()) return s;
      } else if (name == "error") {
        if (absl::Status s = ReadError(value, here, fault); !s.ok()) return s;
      } else {
        return text_.Error(here,
                           "is no field of a rule: latency, latency_ms, hang, error or share");
      }
    }
    if (hang && fault.kind == Fault::Kind::kError) {
      return text_.Error(at, "has both hang and error: a call ends once or never");
    }
    if (hang) fault.kind = Fault::Kind::kHang;
    if (fault.kind == Fault::Kind::kNone && fault.latency == absl::ZeroDuration()) {
      return text_.Error(at, "does nothing: it needs latency, hang or error");
    }
    return absl::OkStatus();
  }

  absl::Status ReadLatency(const Json& value, const Pointer& at, Fault& fault) const {
    absl::Duration latency;
    if (value.is_number()) {
      latency = absl::Milliseconds(1) * value.get<double>();
    } else if (!value.is_string() || !absl::ParseDuration(value.get<std::string>(), &latency)) {
      return text_.Error(at,
                         value.dump() + " is neither milliseconds nor a duration such as \"9s\"");
    }
    if (latency < absl::ZeroDuration() || latency > absl::Hours(24)) {
      return text_.Error(at, value.dump() + " is not between 0 and a day");
    }
    fault.latency = latency;
    return absl::OkStatus();
  }

  absl::Status ReadShare(const Json& value, const Pointer& at, Fault& fault) const {
    const double share = value.is_number() ? value.get<double>() : 0;
    if (!(share > 0 && share <= 1)) {
      return text_.Error(at, value.dump() + " is not a number above 0 and up to 1");
    }
    fault.share = share;
    return absl::OkStatus();
  }

  absl::Status ReadError(const Json& value, const Pointer& at, Fault& fault) const {
    if (!value.is_object()) return text_.Error(at, "is not an object of code and message");
    fault.kind = Fault::Kind::kError;
    bool has_code = false;
    for (const auto& [name, part] : value.items()) {
      if (name == "message") {
        if (absl::Status s = ReadString(part, at / name, fault.message); !s.ok()) return s;
      } else if (name == "code") {
        const auto code = ParseErrorCode(part.is_string() ? part.get<std::string>() : part.dump());
        if (!code.ok()) {
          return text_.Error(at / name,
                             part.dump() + " is no gRPC code such as 14 or \"UNAVAILABLE\"");
        }
        fault.code = *code;
        has_code = true;
      } else {
        return text_.Error(at / name, "is no field of an error: code or message");
      }
    }
    return has_code ? absl::OkStatus() : text_.Error(at, "has no code");
  }

  const JsonText& text_;
  JsonMessageOptions options_;
  FixedWorld world_;
  std::vector<Fault> method_rules_;
  std::set<std::string> sandbox_ids_;
  std::set<std::string> container_ids_;
};

}  // namespace

absl::StatusOr<FixedWorld> ReadWorldFile(const JsonText& text, absl::Time origin) {
  return WorldReader(text, origin).Read();
}

}  // namespace sim
