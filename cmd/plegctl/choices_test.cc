// Which pod is meant, what completion offers, what a failure is told as.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cmd/plegctl/completion.h"
#include "cmd/plegctl/failure.h"
#include "cmd/plegctl/find_pod.h"
#include "cmd/plegctl/testing/scenarios.h"

namespace plegctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> Find(absl::string_view query, absl::string_view pod_namespace = "") {
  static const auto* const pods = new plegd::v1::PodList(plegctl_testing::Pods());
  std::vector<std::string> names;
  for (const auto* pod : FindPods(PodsIn(*pods, pod_namespace), query)) {
    names.push_back(pod->name());
  }
  return names;
}

TEST(FindPodTest, ByAnyOfItsNames) {
  EXPECT_THAT(Find("web-0"), ElementsAre("web-0"));
  EXPECT_THAT(Find("default/web-0"), ElementsAre("web-0"));
  EXPECT_THAT(Find("kube-system/"), ElementsAre("coredns-5d78c9869d-abcde"));
  EXPECT_THAT(Find("coredns"), ElementsAre("coredns-5d78c9869d-abcde"));
  EXPECT_THAT(Find("ecba29db"), ElementsAre("web-0"));                     // UID
  EXPECT_THAT(Find("bbbb2222"), ElementsAre("coredns-5d78c9869d-abcde"));  // container
  EXPECT_THAT(Find("dddd"), ElementsAre("web-0"));                         // an exited one
  EXPECT_THAT(Find("cccc3"), ElementsAre("web-0"));                        // sandbox
  EXPECT_THAT(Find("containerd://bbbb2222"), ElementsAre("coredns-5d78c9869d-abcde"));
}

TEST(FindPodTest, AmbiguityIsListed) {
  EXPECT_THAT(Find("web"), ElementsAre("web-0", "web-1"));
  EXPECT_THAT(Find("ecba"), ElementsAre("web-0", "web-1"));
}

TEST(FindPodTest, AWholeNameIsNotAmbiguous) {
  plegd::v1::PodList list;
  for (const char* name : {"web", "web-0"}) list.add_pods()->set_name(name);
  EXPECT_EQ(FindPods(PodsIn(list, ""), "web").size(), 1U);
}

TEST(FindPodTest, OfANamespace) {
  EXPECT_THAT(Find("web-0", "default"), ElementsAre("web-0"));
  EXPECT_THAT(Find("web-0", "kube-system"), IsEmpty());
}

TEST(FindPodTest, NoneForNothing) {
  for (const char* query : {"", "://", "nothing", "containerd://"}) {
    EXPECT_THAT(Find(query), IsEmpty()) << query;
  }
}

TEST(PodNamesTest, OnlyNamesThatAShellTakes) {
  plegd::v1::PodList list = plegctl_testing::Pods();
  list.mutable_pods(0)->set_name("$(reboot)");
  EXPECT_EQ(PodNames(PodsIn(list, "")), "default/web-0\ndefault/web-1\n");
}

CommandTree Tree() {
  CommandTree pod{.name = "pod",
                  .help = "One pod",
                  .options = {},
                  .arguments = {},
                  .takes_pod = true,
                  .commands = {}};
  pod.options.push_back({{"-o", "--output"}, "Format", true, {"table", "json"}});
  pod.options.push_back({{"--fresh"}, "Ask", false, {}});
  CommandTree tree{.name = "plegctl",
                   .help = "",
                   .options = {},
                   .arguments = {},
                   .takes_pod = false,
                   .commands = {pod}};
  tree.options.push_back({{"--socket"}, "Socket", true, {}});
  return tree;
}

std::vector<std::string> Complete(const std::vector<std::string>& words) {
  const std::string lines =
      Candidates(Tree(), words, [] { return std::string("default/web-0\nkube-system/dns\n"); });
  std::vector<std::string> out;
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    out.emplace_back(line.substr(0, line.find('\t')));
  }
  return out;
}

TEST(CompletionTest, Candidates) {
  EXPECT_THAT(Complete({""}), ElementsAre("pod"));
  EXPECT_THAT(Complete({"--"}), ElementsAre("--socket"));
  EXPECT_THAT(Complete({"pod", ""}), ElementsAre("default/web-0", "kube-system/dns"));
  EXPECT_THAT(Complete({"pod", "def"}), ElementsAre("default/web-0"));
  EXPECT_THAT(Complete({"pod", "-o", ""}), ElementsAre("table", "json"));
  EXPECT_THAT(Complete({"pod", "--output", "j"}), ElementsAre("json"));
  EXPECT_THAT(Complete({"pod", "-"}), ElementsAre("-o", "--output", "--fresh"));
  EXPECT_THAT(Complete({"--socket", "/run"}), IsEmpty());  // files, which the shell knows
  EXPECT_THAT(Complete({"--socket", "pod", ""}), ElementsAre("pod"));
  EXPECT_THAT(Complete({"unknown", "x"}), IsEmpty());
  EXPECT_THAT(Complete({}), IsEmpty());
}

TEST(CompletionTest, Scripts) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(CompletionScript(shell), HasSubstr("__complete")) << shell;
  }
  EXPECT_EQ(CompletionScript("csh"), "");
}

constexpr char kSocket[] = "/run/plegd/plegd.sock";

Explanation Tell(absl::Status status, int connect_error) {
  return Explain({"GetNode", std::move(status), connect_error},
                 {.socket = kSocket, .timeout = absl::Seconds(2), .version = "0.1.0"});
}

TEST(FailureTest, SaysWhatWasTriedAndWhatToDo) {
  const absl::Status unavailable = absl::UnavailableError("connect failed");
  EXPECT_EQ(Tell(unavailable, ENOENT).what,
            "no plegd at /run/plegd/plegd.sock: there is no such socket");
  EXPECT_EQ(Tell(unavailable, EACCES).what,
            "may not open /run/plegd/plegd.sock: permission denied");
  EXPECT_EQ(Tell(unavailable, ECONNREFUSED).what,
            "nobody listens at /run/plegd/plegd.sock: the plegd that made it has ended");
  EXPECT_THAT(Tell(unavailable, ENAMETOOLONG).what, HasSubstr("File name too long"));
  EXPECT_THAT(Tell(unavailable, 0).what, HasSubstr("hung up: connect failed"));
  EXPECT_EQ(Tell(absl::DeadlineExceededError("Deadline Exceeded"), 0).what,
            "plegd at /run/plegd/plegd.sock did not answer GetNode within 2s");
  EXPECT_THAT(Tell(absl::UnimplementedError(""), 0).what,
              HasSubstr("does not know GetNode: an older plegd than this plegctl 0.1.0"));
  EXPECT_THAT(Tell(absl::InternalError("a\x1b[2Jb"), 0).what, HasSubstr(R"(INTERNAL: a\x1b[2Jb)"));
  for (const int error : {0, ENOENT, EACCES, ECONNREFUSED, EAGAIN, ENAMETOOLONG}) {
    EXPECT_FALSE(Tell(unavailable, error).hints.empty()) << error;
  }
}

}  // namespace
}  // namespace plegctl
