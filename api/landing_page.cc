#include "api/landing_page.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pleg/utf8.h"

namespace api {
namespace {

using Link = std::pair<absl::string_view, absl::string_view>;

constexpr std::array<Link, 4> kLinks = {{
    {"/metrics", "for Prometheus"},
    {"/healthz", "the kubelet's verdict on PLEG"},
    {"/livez", "plegd's own loop turns, whatever the runtime does"},
    {"/readyz", "a first relist has succeeded"},
}};
constexpr Link kApiLink = {"/api/v1/pods", "the pod cache as JSON"};

constexpr absl::string_view kHead =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>plegd</title>\n"
    "<style>body{font:16px/1.5 sans-serif;margin:2em auto;max-width:44em;padding:0 1em}"
    "dt{font-weight:bold}.bad{color:#b00}</style>\n</head>\n<body>\n<h1>plegd</h1>\n"
    "<p>The kubelet's Pod Lifecycle Event Generator as a daemon of its own.</p>\n";

void AppendTerm(std::string& out, absl::string_view term, absl::string_view html) {
  absl::StrAppend(&out, "<dt>", term, "</dt><dd>", html, "</dd>\n");
}

void AppendLink(std::string& out, Link link) {
  absl::StrAppend(&out, "<li><a href=\"", link.first, "\">", link.first, "</a>: ", link.second,
                  "</li>\n");
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      pleg::ToValidUtf8(text),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string RenderLandingPage(const LandingPage& page) {
  std::string out(kHead);
  out += "<dl>\n";
  AppendTerm(out, "Version", EscapeHtml(page.version));
  AppendTerm(out, "Container runtime",
             absl::StrCat(EscapeHtml(page.runtime_endpoint), " (",
                          EscapeHtml(page.runtime_endpoint_origin), ")"));
  AppendTerm(out, "Connection", EscapeHtml(page.runtime_connection));
  AppendTerm(out, "It says it is", EscapeHtml(page.runtime_identity));
  AppendTerm(out, "Health",
             page.verdict.healthy ? "PLEG is healthy"
                                  : absl::StrCat("<span class=\"bad\">PLEG is not healthy: ",
                                                 EscapeHtml(page.verdict.reason), "</span>"));
  AppendTerm(out, "The kubelet would post", EscapeHtml(page.node_ready));
  out += "</dl>\n<ul>\n";
  for (const Link& link : kLinks) AppendLink(out, link);
  if (page.api_allowed) AppendLink(out, kApiLink);
  out += "</ul>\n</body>\n</html>\n";
  return out;
}

}  // namespace api
