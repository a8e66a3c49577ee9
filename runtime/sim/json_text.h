// A JSON document that knows on which line of its file each value stands.
//
//   const absl::StatusOr<JsonText> text = JsonText::Parse("node.json", bytes);
//   if (!text->root().contains("rules")) return text->Error(JsonText::Pointer(), "no rules");

#ifndef PLEGD_RUNTIME_SIM_JSON_TEXT_H_
#define PLEGD_RUNTIME_SIM_JSON_TEXT_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sim {

// Thread-compatible; const methods are thread-safe.
class JsonText {
 public:
  using Json = nlohmann::json;
  using Pointer = Json::json_pointer;

  // One document. kInvalidArgument "FILE:LINE: …" if it is no JSON, or if an object has a key
  // twice: an edit of the first one would change nothing. `first_line` is where the text begins.
  static absl::StatusOr<JsonText> Parse(std::string file, std::string text, size_t first_line = 1);
  // Any number of documents one after the other, as a loop of commands prints them.
  static absl::StatusOr<std::vector<JsonText>> ParseAll(const std::string& file,
                                                        absl::string_view text);

  const Json& root() const { return root_; }
  const std::string& file() const { return file_; }

  // kInvalidArgument "FILE:LINE: FIELD: WHAT", of the value at `at`. Reads the text again.
  absl::Status Error(const Pointer& at, absl::string_view what) const;

 private:
  JsonText(std::string file, std::string text, size_t first_line, Json root)
      : file_(std::move(file)),
        text_(std::move(text)),
        first_line_(first_line),
        root_(std::move(root)) {}

  std::string file_;
  std::string text_;
  size_t first_line_;
  Json root_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_JSON_TEXT_H_
