#include "cmd/plegctl/failure.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/terminal.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

constexpr char kOtherSocket[] = "another socket: --socket PATH or PLEGD_SOCKET";

std::string Shown(absl::string_view text) { return Visible(text, Terminal{}, 300); }

std::string Direct(const Attempt& attempt) {
  return absl::StrCat("without a daemon, as root: plegctl ", attempt.direct);
}

Explanation NoSocket(const Attempt& attempt) {
  return {absl::StrCat("no plegd at ", Shown(attempt.socket), ": there is no such socket"),
          {"is it running: systemctl status plegd", kOtherSocket, Direct(attempt)}};
}

Explanation Denied(const Attempt& attempt) {
  return {absl::StrCat("may not open ", Shown(attempt.socket), ": permission denied"),
          {"it is for root and the members of its group: sudo plegctl ..., or "
           "usermod -aG plegd USER and log in again",
           absl::StrCat("who may: ls -l ", Shown(attempt.socket))}};
}

Explanation NobodyListens(const Attempt& attempt) {
  return {absl::StrCat("nobody listens at ", Shown(attempt.socket),
                       ": the plegd that made it has ended"),
          {"why it ended: journalctl -u plegd -n 50", "start it: systemctl start plegd",
           Direct(attempt)}};
}

Explanation CannotConnect(const Attempt& attempt, int error) {
  return {absl::StrCat("cannot connect to ", Shown(attempt.socket), ": ", strerror(error)),
          {kOtherSocket, Direct(attempt)}};
}

Explanation NoAnswer(const Failure& failure, const Attempt& attempt) {
  return {absl::StrCat("plegd at ", Shown(attempt.socket), " did not answer ", failure.call,
                       " within ", HumanDuration(attempt.timeout)),
          {"wait longer: --timeout 30s",
           "plegd never waits for the runtime; is the node starved, or plegd stopped: "
           "systemctl status plegd; journalctl -u plegd -n 50",
           Direct(attempt)}};
}

Explanation Unknown(const Failure& failure, const Attempt& attempt) {
  return {
      absl::StrCat("what listens at ", Shown(attempt.socket), " does not know ", failure.call,
                   ": an older plegd than this plegctl ", attempt.version, ", or another program"),
      {"compare: plegctl version; plegd --version", "after an upgrade: systemctl restart plegd",
       kOtherSocket}};
}

}  // namespace

Explanation Explain(const Failure& failure, const Attempt& attempt) {
  switch (failure.connect_error) {
    case 0:
      break;
    case ENOENT:
    case ENOTDIR:
      return NoSocket(attempt);
    case EACCES:
    case EPERM:
      return Denied(attempt);
    case ENOTSOCK:
      return {absl::StrCat(Shown(attempt.socket), " is no socket"), {kOtherSocket}};
    case ECONNREFUSED:
      return NobodyListens(attempt);
    case EAGAIN:
      return NoAnswer(failure, attempt);
    default:
      return CannotConnect(attempt, failure.connect_error);
  }
  switch (failure.status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return NoAnswer(failure, attempt);
    case absl::StatusCode::kUnimplemented:
      return Unknown(failure, attempt);
    case absl::StatusCode::kUnavailable:
      return {absl::StrCat("what listens at ", Shown(attempt.socket),
                           " hung up: ", Shown(failure.status.message())),
              {"another program than plegd, or a plegd that is just ending; try again",
               "or your user has as many connections to plegd as a user may have (32): end other "
               "clients, or sudo plegctl ...",
               kOtherSocket}};
    default:
      return {absl::StrCat("plegd at ", Shown(attempt.socket), " refused ", failure.call, ": ",
                           absl::StatusCodeToString(failure.status.code()), ": ",
                           Shown(failure.status.message())),
              {"plegd's log: journalctl -u plegd -n 50"}};
  }
}

std::string Brief(const Failure& failure, const Attempt& attempt) {
  switch (failure.status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return absl::StrCat("no answer within ", HumanDuration(attempt.timeout));
    case absl::StatusCode::kUnimplemented:
      return absl::StrCat("this plegd does not know it, being older than plegctl ",
                          attempt.version);
    default:
      return absl::StrCat(absl::StatusCodeToString(failure.status.code()), ": ",
                          Shown(failure.status.message()));
  }
}

}  // namespace plegctl
