#include "runtime/sim/fault.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sim {
namespace {

constexpr std::array<std::pair<absl::string_view, Defect>, 12> kDefects = {{
    {"truncated", Defect::kTruncated},
    {"garbage", Defect::kGarbage},
    {"empty", Defect::kEmpty},
    {"bad-item", Defect::kBadItem},
    {"bad-utf8", Defect::kBadUtf8},
    {"no-metadata", Defect::kNoMetadata},
    {"no-id", Defect::kNoId},
    {"no-image", Defect::kNoImage},
    {"duplicate", Defect::kDuplicate},
    {"unknown-enum", Defect::kUnknownEnum},
    {"unknown-field", Defect::kUnknownField},
    {"other-state", Defect::kOtherState},
}};

// The most one message can hold: gRPC's length prefix and protobuf end at 2 GiB.
constexpr size_t kMaxBytes = size_t{1} << 30;

absl::Status Bad(absl::string_view what, absl::string_view text, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("bad ", what, " '", text, "': ", expected));
}

constexpr size_t kMaxObjects = 10'000'000;

absl::Status SetKind(Fault::Kind kind, Fault& fault) {
  if (fault.kind != Fault::Kind::kNone) {
    return absl::InvalidArgumentError(
        "one of hang, error, oversized, label, endless, malformed and drop is enough for a fault");
  }
  fault.kind = kind;
  return absl::OkStatus();
}

absl::Status ParseError(absl::string_view value, Fault& fault) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(value, absl::MaxSplits(':', 1));
  const absl::StatusOr<absl::StatusCode> code = ParseErrorCode(parts.first);
  if (!code.ok()) return code.status();
  fault.code = *code;
  fault.message = std::string(parts.second);
  return SetKind(Fault::Kind::kError, fault);
}

absl::Status ParseMalformed(absl::string_view value, Fault& fault) {
  for (const auto& [name, defect] : kDefects) {
    if (name != value) continue;
    fault.defect = defect;
    return SetKind(Fault::Kind::kMalformed, fault);
  }
  return Bad("malformed", value,
             absl::StrJoin(kDefects, ", ", [](std::string* out, const auto& entry) {
               absl::StrAppend(out, entry.first);
             }));
}

absl::Status ParseOption(absl::string_view key, absl::string_view value, Fault& fault) {
  if (key == "latency") {
    if (!absl::ParseDuration(value, &fault.latency) || fault.latency < absl::ZeroDuration() ||
        fault.latency == absl::InfiniteDuration()) {
      return Bad("latency", value, "a duration such as 250ms");
    }
    return absl::OkStatus();
  }
  if (key == "error") return ParseError(value, fault);
  if (key == "malformed") return ParseMalformed(value, fault);
  if (key == "oversized" || key == "label") {
    const absl::StatusOr<size_t> bytes = ParseBytes(value);
    if (!bytes.ok()) return bytes.status();
    fault.bytes = *bytes;
    return SetKind(key == "label" ? Fault::Kind::kLabel : Fault::Kind::kOversized, fault);
  }
  if (key == "objects") {
    if (!absl::SimpleAtoi(value, &fault.bytes) || fault.bytes == 0 || fault.bytes > kMaxObjects) {
      return Bad("objects", value, "1 to 10000000");
    }
    return SetKind(Fault::Kind::kObjects, fault);
  }
  if (key == "count") {
    uint64_t count = 0;
    if (!absl::SimpleAtoi(value, &count) || count == 0) return Bad("count", value, "1 or more");
    fault.count = count;
    return absl::OkStatus();
  }
  if (key == "share") {
    if (!absl::SimpleAtod(value, &fault.share) || !(fault.share > 0 && fault.share <= 1)) {
      return Bad("share", value, "more than 0 and at most 1");
    }
    return absl::OkStatus();
  }
  return Bad("fault option", absl::StrCat(key, "=", value),
             "latency=, error=, oversized=, label=, objects=, malformed=, count= or share=");
}

absl::Status ParseWord(absl::string_view word, Fault& fault) {
  if (word == "hang") return SetKind(Fault::Kind::kHang, fault);
  if (word == "drop") return SetKind(Fault::Kind::kDrop, fault);
  if (word == "malformed") return SetKind(Fault::Kind::kMalformed, fault);
  if (word == "oversized") {
    fault.bytes = kOversizedDefault;
    return SetKind(Fault::Kind::kOversized, fault);
  }
  if (word == "endless") return SetKind(Fault::Kind::kEndless, fault);
  if (word == "mid-reply") {
    fault.mid_reply = true;
    return absl::OkStatus();
  }
  const size_t equals = word.find('=');
  if (equals != absl::string_view::npos) {
    return ParseOption(word.substr(0, equals), word.substr(equals + 1), fault);
  }
  return Bad(
      "fault option", word,
      "latency=, hang, error=, oversized, label=, objects=, endless, malformed, drop, mid-reply, "
      "count= or share=");
}

bool IsItemDefect(Defect defect) {
  return defect != Defect::kTruncated && defect != Defect::kGarbage && defect != Defect::kEmpty;
}

absl::Status CheckDefect(const Fault& fault) {
  const bool item = IsItemDefect(fault.defect);
  if (!fault.rpc.has_value()) {
    if (item) return absl::InvalidArgumentError("this defect needs a list or status RPC, not *");
    return absl::OkStatus();
  }
  const Rpc rpc = *fault.rpc;
  if (item && !IsList(rpc) && !IsInspection(rpc)) {
    return absl::InvalidArgumentError(absl::StrCat(RpcName(rpc), " has no items to malform"));
  }
  if (fault.defect == Defect::kNoImage && !IsContainerList(rpc) && rpc != Rpc::kContainerStatus) {
    return absl::InvalidArgumentError(absl::StrCat("no-image: ", RpcName(rpc), " has no image"));
  }
  if (fault.defect == Defect::kDuplicate && !IsList(rpc)) {
    return absl::InvalidArgumentError(absl::StrCat("duplicate: ", RpcName(rpc), " is no list"));
  }
  return absl::OkStatus();
}

absl::Status Check(const Fault& fault) {
  using Kind = Fault::Kind;
  if (fault.kind == Kind::kNone && fault.latency == absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "a fault needs latency=, hang, error=, oversized, label=, endless, malformed or drop");
  }
  if (fault.mid_reply && fault.kind != Kind::kHang && fault.kind != Kind::kError &&
      fault.kind != Kind::kDrop) {
    return absl::InvalidArgumentError("mid-reply goes with hang, error or drop");
  }
  if ((fault.kind == Kind::kLabel || fault.kind == Kind::kObjects) &&
      !(fault.rpc.has_value() && IsList(*fault.rpc))) {
    return absl::InvalidArgumentError("label= and objects= need a list RPC");
  }
  if (fault.kind == Kind::kEndless && fault.rpc != Rpc::kStreamPodSandboxes &&
      fault.rpc != Rpc::kStreamContainers) {
    return absl::InvalidArgumentError("endless needs StreamPodSandboxes or StreamContainers");
  }
  if (!fault.id.empty()) {
    if (!fault.rpc.has_value() || (!IsList(*fault.rpc) && !IsInspection(*fault.rpc))) {
      return absl::InvalidArgumentError("--id needs a list or status RPC");
    }
    if (IsList(*fault.rpc) && (fault.kind != Kind::kMalformed || !IsItemDefect(fault.defect))) {
      return absl::InvalidArgumentError(
          absl::StrCat("--id with ", RpcName(*fault.rpc),
                       " goes only with a malformed= that is about one item"));
    }
  }
  return fault.kind == Kind::kMalformed ? CheckDefect(fault) : absl::OkStatus();
}

std::string FormatKind(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::kNone:
      return "";
    case Fault::Kind::kHang:
      return " hang";
    case Fault::Kind::kError:
      return absl::StrCat(" error=", absl::StatusCodeToString(fault.code),
                          fault.message.empty() ? "" : ":", fault.message);
    case Fault::Kind::kOversized:
      return absl::StrCat(" oversized=", fault.bytes);
    case Fault::Kind::kLabel:
      return absl::StrCat(" label=", fault.bytes);
    case Fault::Kind::kObjects:
      return absl::StrCat(" objects=", fault.bytes);
    case Fault::Kind::kEndless:
      return " endless";
    case Fault::Kind::kMalformed:
      for (const auto& [name, defect] : kDefects) {
        if (defect == fault.defect) return absl::StrCat(" malformed=", name);
      }
      return " malformed";
    case Fault::Kind::kDrop:
      return " drop";
  }
  return "";
}

}  // namespace

absl::StatusOr<absl::StatusCode> ParseErrorCode(absl::string_view text) {
  int number = 0;
  if (absl::SimpleAtoi(text, &number)) {
    if (number >= 1 && number <= 16) return static_cast<absl::StatusCode>(number);
    return Bad("error code", text, "1 to 16");
  }
  const std::string wanted = absl::AsciiStrToUpper(absl::StrJoin(absl::StrSplit(text, '_'), ""));
  for (int code = 1; code <= 16; ++code) {
    const std::string name = absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
    if (absl::StrJoin(absl::StrSplit(name, '_'), "") == wanted) {
      return static_cast<absl::StatusCode>(code);
    }
  }
  return Bad("error code", text, "a gRPC code such as UNAVAILABLE or 14");
}

absl::StatusOr<size_t> ParseBytes(absl::string_view text) {
  absl::string_view digits = text;
  size_t unit = 1;
  if (absl::ConsumeSuffix(&digits, "KiB")) {
    unit = size_t{1} << 10;
  } else if (absl::ConsumeSuffix(&digits, "MiB")) {
    unit = size_t{1} << 20;
  } else if (absl::ConsumeSuffix(&digits, "GiB")) {
    unit = size_t{1} << 30;
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(digits, &number) || number > kMaxBytes / unit) {
    return Bad("size", text, "bytes up to 1GiB, such as 17825792 or 17MiB");
  }
  return number * unit;
}

absl::StatusOr<Fault> ParseFault(const std::vector<std::string>& words) {
  if (words.empty()) return absl::InvalidArgumentError("which RPC? a name, or * for all");
  Fault fault;
  if (words[0] != "*") {
    fault.rpc = RpcFromName(words[0]);
    if (!fault.rpc.has_value()) {
      return Bad("RPC", words[0], absl::StrCat("* or one of ", absl::StrJoin(kRpcNames, ", ")));
    }
  }
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--id") {
      if (++i == words.size() || words[i].empty()) {
        return absl::InvalidArgumentError("--id needs a value");
      }
      fault.id = pleg::ContainerId(words[i]);
    } else if (absl::Status status = ParseWord(words[i], fault); !status.ok()) {
      return status;
    }
  }
  if (absl::Status status = Check(fault); !status.ok()) return status;
  return fault;
}

std::string FormatFault(const Fault& fault) {
  std::string text(fault.rpc.has_value() ? RpcName(*fault.rpc) : "*");
  if (!fault.id.empty()) absl::StrAppend(&text, " --id ", fault.id.value());
  if (fault.latency > absl::ZeroDuration()) {
    absl::StrAppend(&text, " latency=", absl::FormatDuration(fault.latency));
  }
  absl::StrAppend(&text, FormatKind(fault));
  if (fault.mid_reply) absl::StrAppend(&text, " mid-reply");
  if (fault.count.has_value()) absl::StrAppend(&text, " count=", *fault.count);
  if (fault.share < 1) absl::StrAppend(&text, " share=", fault.share);
  return text;
}

}  // namespace sim
