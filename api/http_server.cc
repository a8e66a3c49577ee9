#include "api/http_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "api/host_policy.h"
#include "api/http_slots.h"
#include "api/late_answer.h"
#include "api/listen_socket.h"
#include "api/peer_socket.h"
#include "api/request_rules.h"
#include "api/unread_answers.h"
#include "api/user_quota.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace api {
namespace {

constexpr char kThreadName[] = "plegd-http";

// An answer's body while libmicrohttpd sends it.
struct PendingBody {
  std::string bytes;
  UnreadAnswers* unread;
};

void FreePendingBody(void* cls) {
  const std::unique_ptr<PendingBody> body(static_cast<PendingBody*>(cls));
  body->unread->Remove(body->bytes.size());
}

// Paths are decoded by the routes: a %2F in a segment is no separator.
size_t KeepEncoded(void*, MHD_Connection*, char* text) { return std::strlen(text); }

const char* Header(MHD_Connection* connection, const char* name) {
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

bool HasBody(MHD_Connection* connection) {
  const char* length = Header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
  return (length != nullptr && absl::string_view(length) != "0") ||
         Header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING) != nullptr;
}

pleg::MonoTime Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return pleg::MonoTime::FromNanos(now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec);
}

HttpSlots::Limits SlotLimits(const HttpServerOptions& options) {
  HttpSlots::Limits limits;
  limits.connections = options.max_connections;
  limits.head = options.head_timeout;
  limits.whole = options.request_timeout;
  return limits;
}

// Requests that wait for the core, of one listener.
UserQuota::Limits WaitLimits(const HttpServerOptions& options) {
  const size_t total = options.max_connections / 2;
  return {.total = total, .per_user = std::max<size_t>(total / 2, 1), .for_root = total / 4};
}

int FdOf(MHD_Connection* connection) {
  return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

HttpSlots::Slot& SlotOf(MHD_Connection* connection) {
  return *static_cast<HttpSlots::Slot*>(
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
}

Response TooMuchUnread() {
  return {.status = 503, .body = "too many answers wait for slow readers\n"};
}

// What all listeners share.
struct Shared {
  HttpServerOptions options;
  Handler handler;
  std::shared_ptr<Mailbox> mailbox;
  size_t part = 0;          // of options.max_pending_bytes, for each listener
  size_t unread_bytes = 0;  // of all listeners; server's thread
};

MHD_Result AppendArgument(void* cls, MHD_ValueKind, const char* key, const char* value) {
  auto* query = static_cast<std::string*>(cls);
  absl::StrAppend(query, query->empty() ? "" : "&", key, value == nullptr ? "" : "=",
                  value == nullptr ? "" : value);
  return MHD_YES;
}

std::string Query(MHD_Connection* connection) {
  std::string query;
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &AppendArgument, &query);
  return query;
}

// One socket and libmicrohttpd's daemon on it. Confined to the server's thread once that runs;
// destroyed after it has ended.
class Listener {
 public:
  // `shared` outlives the listener.
  Listener(ListenSocket socket, Shared& shared)
      : socket_(std::move(socket)),
        shared_(shared),
        slots_(SlotLimits(shared.options), {.has_input = &HasInput, .cut = &CutConnection}),
        unread_(shared.part, shared.unread_bytes),
        waits_(WaitLimits(shared.options)) {
    const ListenAddress& address = socket_.address();
    if (!address.is_unix) {
      std::vector<std::string> names = shared.options.host_names;
      for (const ListenAddress& listen : shared.options.addresses) names.push_back(listen.host);
      hosts_ = std::make_unique<HostPolicy>(names);
    }
    api_allowed_ = address.is_unix || shared.options.api_on_tcp;
  }
  ~Listener() {
    while (!deferred_.empty()) Resume(**deferred_.begin());
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  absl::Status Start();
  const ListenAddress& address() const { return socket_.address(); }
  int poll_fd() const { return poll_fd_; }
  // Milliseconds until Run is due without any event; negative for never.
  int TimeoutMillis() const;
  // In this order: who has to make room is found among those whose input has been read. Before, a
  // byte from each of them at the same moment would protect them all, time after time.
  void Run() {
    closed_ = false;
    MHD_run(daemon_);
    slots_.Enforce(Now());
  }
  // The answer has come: the request is taken up again, unless its connection is gone.
  static void Resume(Deferred& deferred) {
    if (auto resume = std::exchange(deferred.resume, nullptr)) resume();
  }
  // Of those whose answers are waited for, whose end has to be noticed: a suspended connection does
  // not see it.
  void AppendWaiting(std::vector<pollfd>& fds) const {
    for (const auto& deferred : deferred_) fds.push_back({deferred->fd, POLLRDHUP, 0});
  }
  // Takes up the requests of clients that have left, so that their connections end.
  void ResumeThoseWhoLeft() {
    const std::set<std::shared_ptr<Deferred>> waiting = deferred_;
    for (const auto& deferred : waiting) {
      if (!HasLeft(deferred->fd)) continue;
      if (deferred->cancel) deferred->cancel();
      Resume(*deferred);
    }
  }

 private:
  // Of one request, from its headers to its end.
  struct State {
    Listener* listener;
    std::shared_ptr<Deferred> deferred{};
  };

  static void OnConnection(void* cls, MHD_Connection* connection, void** slot,
                           MHD_ConnectionNotificationCode code);
  static MHD_Result OnRequest(void* cls, MHD_Connection* connection, const char* url,
                              const char* method, const char* version, const char* upload_data,
                              size_t* upload_size, void** state);
  static void OnEnd(void* cls, MHD_Connection* connection, void** state,
                    MHD_RequestTerminationCode code);
  // What is to be said before the request is looked at.
  std::optional<Response> Refusal(MHD_Connection* connection, const Request& request);
  MHD_Result Answer(MHD_Connection* connection, const Request& request, State& state);
  // `health`: even if too many answers wait for their readers.
  MHD_Result Send(MHD_Connection* connection, Response response, bool health = false);
  // Suspends the connection until the answer has come.
  void Defer(MHD_Connection* connection, const Request& request, State& state,
             const std::function<std::function<void()>(Respond)>& later);

  ListenSocket socket_;
  Shared& shared_;
  HttpSlots slots_;
  std::unique_ptr<HostPolicy> hosts_;
  bool api_allowed_ = false;
  MHD_Daemon* daemon_ = nullptr;
  int poll_fd_ = -1;
  bool closed_ = false;  // a connection, in the last run
  UnreadAnswers unread_;
  UserQuota waits_;
  std::set<std::shared_ptr<Deferred>> deferred_;  // suspended connections
};

absl::Status Listener::Start() {
  const HttpServerOptions& options = shared_.options;
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &Listener::OnRequest, this,
      MHD_OPTION_NOTIFY_COMPLETED, &Listener::OnEnd, this,          //
      MHD_OPTION_NOTIFY_CONNECTION, &Listener::OnConnection, this,  //
      MHD_OPTION_LISTEN_SOCKET, socket_.fd(),                       //
      MHD_OPTION_CONNECTION_LIMIT, options.max_connections + HttpServer::kSpareConnections,
      MHD_OPTION_CONNECTION_TIMEOUT,
      static_cast<unsigned>(std::max<int64_t>(absl::ToInt64Seconds(options.idle_timeout), 1)),
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, options.max_request_bytes,  //
      MHD_OPTION_UNESCAPE_CALLBACK, &KeepEncoded, nullptr,            //
      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (daemon_ == nullptr) {
    return absl::InternalError(absl::StrCat("cannot serve HTTP on ", address().ToString()));
  }
  socket_.ReleaseFd();
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  poll_fd_ = info->epoll_fd;
  return absl::OkStatus();
}

int Listener::TimeoutMillis() const {
  // libmicrohttpd stops to listen when all connections are taken, and begins again at the next run
  // after one has ended. Nothing else may ever cause that run.
  if (closed_) return 0;
  constexpr int64_t kLongest = 60'000;
  int64_t until = kLongest + 1;
  const pleg::MonoTime now = Now();
  if (const std::optional<pleg::MonoTime> due = slots_.NextDue(now)) {
    // Rounded up: not to turn until it is due.
    until = std::max<int64_t>(absl::ToInt64Milliseconds(*due - now) + 1, 0);
  }
  MHD_UNSIGNED_LONG_LONG millis = 0;
  if (MHD_get_timeout(daemon_, &millis) == MHD_YES) {
    until =
        std::min(until, static_cast<int64_t>(std::min<MHD_UNSIGNED_LONG_LONG>(millis, kLongest)));
  }
  return until > kLongest ? -1 : static_cast<int>(until);
}

void Listener::OnConnection(void* cls, MHD_Connection* connection, void** slot,
                            MHD_ConnectionNotificationCode code) {
  HttpSlots& slots = static_cast<Listener*>(cls)->slots_;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    static_cast<Listener*>(cls)->closed_ = true;
    slots.Close(static_cast<HttpSlots::Slot*>(*slot));
    return;
  }
  *slot = slots.Open(FdOf(connection), Now());
}

std::optional<Response> Listener::Refusal(MHD_Connection* connection, const Request& request) {
  if (!slots_.HeadCame(SlotOf(connection), IsHealth(request.path), Now())) {
    Response response{.status = 503, .body = "too many connections; only health is served now\n"};
    response.headers.emplace_back(MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
  }
  return Refuse(request, hosts_.get());
}

MHD_Result Listener::OnRequest(void* cls, MHD_Connection* connection, const char* url,
                               const char* method, const char*, const char*, size_t*,
                               void** state) {
  auto* self = static_cast<Listener*>(cls);
  Request request;
  request.method = method;
  request.path = url;
  request.has_body = HasBody(connection);
  request.query = Query(connection);
  request.unix_socket = self->socket_.address().is_unix;
  request.api_allowed = self->api_allowed_;
  request.user = UserOf(FdOf(connection));
  if (const char* host = Header(connection, MHD_HTTP_HEADER_HOST)) request.host = host;
  if (*state == nullptr) {
    // Headers only. A refusal now closes the connection and spares reading a body; anything else is
    // answered at the second call, so that the connection stays usable.
    *state = new State{.listener = self};
    std::optional<Response> refusal = self->Refusal(connection, request);
    return refusal.has_value() ? self->Send(connection, *std::move(refusal)) : MHD_YES;
  }
  return self->Answer(connection, request, *static_cast<State*>(*state));
}

void Listener::OnEnd(void* cls, MHD_Connection* connection, void** state,
                     MHD_RequestTerminationCode) {
  static_cast<Listener*>(cls)->slots_.AnswerSent(SlotOf(connection), Now());
  delete static_cast<State*>(*state);
  *state = nullptr;
}

MHD_Result Listener::Answer(MHD_Connection* connection, const Request& request, State& state) {
  if (state.deferred != nullptr) {
    slots_.AnswerCame(SlotOf(connection), Now());
    std::function<Response()> make;
    {
      pleg::MutexLock lock(state.deferred->mu);
      make = state.deferred->response;
    }
    return Send(connection, make ? make() : Response{.status = 503});
  }
  const bool health = IsHealth(request.path);
  // Before it is made, which costs more memory than to keep it.
  if (!health && unread_.Full()) return Send(connection, TooMuchUnread());
  Response response = shared_.handler(request);
  if (!response.later) return Send(connection, std::move(response), health);
  if (!waits_.Take(request.user)) {
    return Send(connection, {.status = 503, .body = "too many requests wait here\n"});
  }
  Defer(connection, request, state, response.later);
  return MHD_YES;
}

void Listener::Defer(MHD_Connection* connection, const Request& request, State& state,
                     const std::function<std::function<void()>(Respond)>& later) {
  const auto deferred = std::make_shared<Deferred>();
  state.deferred = deferred;
  deferred->fd = FdOf(connection);
  deferred->user = request.user;
  deferred->resume = [this, connection, weak = std::weak_ptr<Deferred>(deferred)] {
    const std::shared_ptr<Deferred> self = weak.lock();
    deferred_.erase(self);
    waits_.Return(self->user);
    self->cancel = nullptr;
    MHD_resume_connection(connection);
  };
  deferred_.insert(deferred);
  slots_.AnswerAwaited(SlotOf(connection));
  MHD_suspend_connection(connection);
  deferred->cancel = later([mailbox = shared_.mailbox, deferred](std::function<Response()> answer) {
    mailbox->Put(deferred, std::move(answer));
  });
}

MHD_Result Listener::Send(MHD_Connection* connection, Response response, bool health) {
  if (!health && !unread_.MayWait(response.body.size())) response = TooMuchUnread();
  auto body = std::make_unique<PendingBody>(PendingBody{std::move(response.body), &unread_});
  unread_.Add(body->bytes.size());
  MHD_Response* reply = MHD_create_response_from_buffer_with_free_callback_cls(
      body->bytes.size(), body->bytes.data(), &FreePendingBody, body.get());
  if (reply == nullptr) {
    unread_.Remove(body->bytes.size());
    return MHD_NO;
  }
  static_cast<void>(body.release());
  MHD_add_response_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  MHD_add_response_header(reply, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(reply, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(reply, name.c_str(), value.c_str());
  }
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), reply);
  MHD_destroy_response(reply);
  return queued;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, Handler handler) {
    shared_.options = std::move(options);
    shared_.handler = std::move(handler);
  }
  ~Impl();

  absl::Status Start();
  const std::vector<ListenAddress>& addresses() const { return addresses_; }

 private:
  absl::StatusOr<std::vector<ListenSocket>> Bind() const;
  void Run();

  Shared shared_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<ListenAddress> addresses_;
  int stop_fd_ = -1;
  int mail_fd_ = -1;
  std::thread thread_;
};

absl::StatusOr<std::vector<ListenSocket>> HttpServer::Impl::Bind() const {
  std::vector<ListenSocket> bound;
  absl::Status adopted;
  for (const int fd : shared_.options.inherited_fds) {
    absl::StatusOr<ListenSocket> socket = AdoptListenSocket(fd);
    adopted.Update(socket.status());
    if (socket.ok()) bound.push_back(*std::move(socket));
  }
  if (!adopted.ok()) return adopted;
  for (const ListenAddress& address : shared_.options.addresses) {
    absl::StatusOr<std::vector<ListenSocket>> sockets = Listen(address);
    if (!sockets.ok()) return sockets.status();
    for (ListenSocket& socket : *sockets) bound.push_back(std::move(socket));
  }
  return bound;
}

absl::Status HttpServer::Impl::Start() {
  absl::StatusOr<std::vector<ListenSocket>> sockets = Bind();
  if (!sockets.ok()) return sockets.status();
  shared_.part = shared_.options.max_pending_bytes / std::max<size_t>(sockets->size(), 1);
  for (ListenSocket& socket : *sockets) {
    listeners_.push_back(std::make_unique<Listener>(std::move(socket), shared_));
  }
  for (const auto& listener : listeners_) {
    if (absl::Status status = listener->Start(); !status.ok()) return status;
    addresses_.push_back(listener->address());
  }
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  mail_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd_ < 0 || mail_fd_ < 0) return absl::ErrnoToStatus(errno, "cannot make an eventfd");
  shared_.mailbox = std::make_shared<Mailbox>(mail_fd_);
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void HttpServer::Impl::Run() {
  pthread_setname_np(pthread_self(), kThreadName);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::vector<pollfd> fds = {{stop_fd_, POLLIN, 0}, {mail_fd_, POLLIN, 0}};
  for (const auto& listener : listeners_) fds.push_back({listener->poll_fd(), POLLIN, 0});
  const size_t own = fds.size();
  while ((fds[0].revents & POLLIN) == 0) {
    fds.resize(own);
    for (const auto& listener : listeners_) listener->AppendWaiting(fds);
    int timeout = -1;
    for (const auto& listener : listeners_) {
      const int due = listener->TimeoutMillis();
      if (due >= 0 && (timeout < 0 || due < timeout)) timeout = due;
    }
    poll(fds.data(), fds.size(), timeout);
    if ((fds[1].revents & POLLIN) != 0) {
      for (const auto& deferred : shared_.mailbox->Take()) Listener::Resume(*deferred);
    }
    const bool left = std::any_of(fds.begin() + static_cast<ptrdiff_t>(own), fds.end(),
                                  [](const pollfd& waiting) { return waiting.revents != 0; });
    for (const auto& listener : listeners_) {
      if (left) listener->ResumeThoseWhoLeft();
      listener->Run();
    }
  }
}

HttpServer::Impl::~Impl() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    while (write(stop_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  listeners_.clear();
  if (stop_fd_ >= 0) close(stop_fd_);
  if (mail_fd_ >= 0) close(mail_fd_);
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                              Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const std::vector<ListenAddress>& HttpServer::addresses() const { return impl_->addresses(); }

}  // namespace api
