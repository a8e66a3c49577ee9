#include "runtime/host/http_fetch.h"

#include <curl/curl.h>
#include <dlfcn.h>

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace runtime::host {
namespace {

constexpr char kLibrary[] = "libcurl.so.4";

struct Body {
  std::string* text;
  size_t limit;
};

size_t Append(const char* data, size_t size, size_t count, void* user) {
  const auto* body = static_cast<const Body*>(user);
  const size_t bytes = size * count;
  if (body->text->size() + bytes > body->limit) return 0;  // ends the transfer
  body->text->append(data, bytes);
  return bytes;
}

}  // namespace

struct Fetcher::Library {
  void* handle = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;

  Library() = default;
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  // Never unloaded: its TLS library keeps state that outlives it.
  ~Library() = default;

  template <typename Function>
  bool Find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    return function != nullptr;
  }
  bool FindAll() {
    return Find("curl_easy_init", easy_init) && Find("curl_easy_cleanup", easy_cleanup) &&
           Find("curl_easy_setopt", easy_setopt) && Find("curl_easy_perform", easy_perform) &&
           Find("curl_easy_getinfo", easy_getinfo) && Find("curl_easy_strerror", easy_strerror) &&
           Find("curl_slist_append", slist_append) && Find("curl_slist_free_all", slist_free_all);
  }
};

Fetcher::Fetcher(std::unique_ptr<Library> library) : library_(std::move(library)) {}
Fetcher::Fetcher(Fetcher&&) noexcept = default;
Fetcher& Fetcher::operator=(Fetcher&&) noexcept = default;
Fetcher::~Fetcher() = default;

absl::StatusOr<Fetcher> Fetcher::Load() {
  auto library = std::make_unique<Library>();
  library->handle = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library->handle == nullptr) {
    return absl::UnavailableError(absl::StrCat("load ", kLibrary, ": ", dlerror()));
  }
  if (!library->FindAll()) {
    return absl::UnavailableError(absl::StrCat(kLibrary, " is not a libcurl: ", dlerror()));
  }
  return Fetcher(std::move(library));
}

void Fetcher::SetTrust(const FetchRequest& request, void* easy) const {
  const Library& curl = *library_;
  const std::string& authority =
      request.pinned_cert.empty() ? request.ca_file : request.pinned_cert;
  if (!authority.empty()) {
    curl.easy_setopt(easy, CURLOPT_CAINFO, authority.c_str());
    // Or the system's authorities would be asked as well.
    curl.easy_setopt(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  // A kubelet signs its own certificate for its node's name, and is asked at an address.
  if (!request.pinned_cert.empty() || request.skip_verification) {
    curl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (request.skip_verification) curl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
}

absl::StatusOr<FetchReply> Fetcher::Get(const FetchRequest& request) const {
  const Library& curl = *library_;
  if (!request.bearer_token.empty() && !absl::StartsWith(request.url, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("GET ", request.url, ": the token is sent over https:// only"));
  }
  CURL* easy = curl.easy_init();
  if (easy == nullptr) return absl::UnavailableError("libcurl cannot be initialized");
  const absl::Cleanup cleanup = [&] { curl.easy_cleanup(easy); };
  FetchReply reply;
  Body body{&reply.body, request.max_bytes};
  curl_slist* headers = nullptr;
  if (!request.bearer_token.empty()) {
    headers = curl.slist_append(
        headers, absl::StrCat("Authorization: Bearer ", request.bearer_token).c_str());
  }
  const absl::Cleanup free_headers = [&] { curl.slist_free_all(headers); };
  curl.easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.easy_setopt(easy, CURLOPT_PROXY, "");
  // The token is for the kubelet, not for where it may point to.
  curl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(request.timeout)));
  curl.easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  SetTrust(request, easy);
  curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Append);
  curl.easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl.easy_perform(easy);
  if (code == CURLE_OK) {
    curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.code);
    return reply;
  }
  const std::string message = absl::StrCat("GET ", request.url, ": ", curl.easy_strerror(code));
  if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(message);
  if (code == CURLE_WRITE_ERROR) {
    return absl::ResourceExhaustedError(
        absl::StrCat("GET ", request.url, ": more than ", request.max_bytes, " bytes"));
  }
  return absl::UnavailableError(message);
}

}  // namespace runtime::host
