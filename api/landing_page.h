// The page at "/": what this is, what it watches, how it is, where to go. No script, no outside
// assets.

#ifndef PLEGD_API_LANDING_PAGE_H_
#define PLEGD_API_LANDING_PAGE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "pleg/health.h"

namespace api {

struct LandingPage {
  std::string version;
  std::string runtime_endpoint;
  std::string runtime_endpoint_origin;
  std::string runtime_connection;
  std::string runtime_identity;
  std::string node_ready;  // the Ready condition's message, as the kubelet would post it
  pleg::Verdict verdict;
  bool api_allowed = false;
};

// HTML. Every text is escaped.
std::string RenderLandingPage(const LandingPage& page);

// `text` for an element or a quoted attribute of HTML; what is not UTF-8 becomes U+FFFD.
std::string EscapeHtml(absl::string_view text);

}  // namespace api

#endif  // PLEGD_API_LANDING_PAGE_H_
