// GET over HTTP and HTTPS, as plegd asks the kubelet of its own node: with a certificate authority
// or a certificate to compare with, a limit on time and size, and no redirects. A bearer token goes
// over HTTPS only.
//
//   absl::StatusOr<Fetcher> fetcher = Fetcher::Load();
//   absl::StatusOr<FetchReply> reply = fetcher->Get({.url = "https://127.0.0.1:10250/metrics"});
//
// libcurl does it, loaded when it is first needed: linked, it would cost every plegd six megabytes
// of resident memory for what most do not ask for.

#ifndef PLEGD_RUNTIME_HOST_HTTP_FETCH_H_
#define PLEGD_RUNTIME_HOST_HTTP_FETCH_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace runtime::host {

struct FetchRequest {
  std::string url = {};           // http:// or https://
  std::string bearer_token = {};  // empty: none; else the URL has to be https://
  std::string ca_file = {};       // empty: the system's
  // PEM file, read for each request. Not empty: only the certificates in it are accepted, and what
  // they have issued, for whatever name; ca_file is not used.
  std::string pinned_cert = {};
  bool skip_verification = false;             // of the server's certificate
  absl::Duration timeout = absl::Seconds(5);  // of all of it
  size_t max_bytes = size_t{16} * 1024 * 1024;
};

struct FetchReply {
  long code = 0;  // 200, 401, …
  std::string body;
};

// Thread-compatible.
class Fetcher {
 public:
  // UNAVAILABLE, naming the library, if it is not installed.
  static absl::StatusOr<Fetcher> Load();
  Fetcher(Fetcher&&) noexcept;
  Fetcher& operator=(Fetcher&&) noexcept;
  ~Fetcher();

  // Blocks up to the time-out. INVALID_ARGUMENT for a token and a URL that is not https://, of
  // which nothing is sent. UNAVAILABLE or DEADLINE_EXCEEDED with the URL and the reason;
  // RESOURCE_EXHAUSTED above max_bytes. Any HTTP code is a reply.
  absl::StatusOr<FetchReply> Get(const FetchRequest& request) const;

 private:
  struct Library;
  explicit Fetcher(std::unique_ptr<Library> library);
  // Whose certificate is accepted; `easy` is libcurl's handle.
  void SetTrust(const FetchRequest& request, void* easy) const;
  std::unique_ptr<Library> library_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_HTTP_FETCH_H_
