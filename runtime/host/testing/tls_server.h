// A server that answers one request over TLS, and certificates for it, for tests of who is
// believed.
//
//   const SelfSigned own("localhost");   TlsServer server(own, "HTTP/1.1 200 OK…");
//   …Get(server.url("localhost"))…       server.request();

#ifndef PLEGD_RUNTIME_HOST_TESTING_TLS_SERVER_H_
#define PLEGD_RUNTIME_HOST_TESTING_TLS_SERVER_H_

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace runtime::host {

// A key of its own and a certificate for a DNS name, as a kubelet makes them without an authority.
class SelfSigned {
 public:
  explicit SelfSigned(const std::string& name) : key_(EVP_EC_gen("P-256"), &EVP_PKEY_free) {
    X509* cert = cert_.get();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key_.get());
    X509_NAME* subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                                absl::StrCat("DNS:", name).c_str());
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    EXPECT_GT(X509_sign(cert, key_.get(), EVP_sha256()), 0);
    std::string pattern = ::testing::TempDir() + "/cert-XXXXXX";
    const int fd = mkstemp(pattern.data());
    EXPECT_GE(fd, 0);
    file_ = pattern;
    FILE* out = fdopen(fd, "w");
    EXPECT_EQ(PEM_write_X509(out, cert), 1);
    fclose(out);
  }
  ~SelfSigned() { std::filesystem::remove(file_); }
  SelfSigned(const SelfSigned&) = delete;
  SelfSigned& operator=(const SelfSigned&) = delete;

  const std::string& cert_file() const { return file_; }
  X509* cert() const { return cert_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> cert_{X509_new(), &X509_free};
  std::string file_;
};

// On loopback, with a thread of its own.
class TlsServer {
 public:
  TlsServer(const SelfSigned& identity, std::string reply)
      : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free),
        fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to clients that have left
    EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), identity.cert()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), identity.key()), 1);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    socklen_t size = sizeof(address);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, reply = std::move(reply)] { Serve(reply); });
  }
  ~TlsServer() {
    request();
    close(fd_);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string url(const std::string& host) const {
    return absl::StrCat("https://", host, ":", port_, "/metrics");
  }
  // What was asked, once the connection is over; empty if the client did not believe.
  const std::string& request() {
    shutdown(fd_, SHUT_RD);  // for a client that did not come at all
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  void Serve(const std::string& reply) {
    const int peer = accept(fd_, nullptr, nullptr);
    if (peer < 0) return;
    const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(tls.get(), peer);
    char buffer[4096];
    if (SSL_accept(tls.get()) == 1) {
      const int got = SSL_read(tls.get(), buffer, sizeof(buffer));
      if (got > 0) request_.assign(buffer, static_cast<size_t>(got));
      if (got > 0) SSL_write(tls.get(), reply.data(), static_cast<int>(reply.size()));
    }
    close(peer);
  }

  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  const int fd_;
  int port_ = 0;
  std::string request_;
  std::jthread thread_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_TESTING_TLS_SERVER_H_
