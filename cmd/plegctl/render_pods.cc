#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/render.h"
#include "cmd/plegctl/table.h"
#include "cmd/plegctl/text.h"
#include "pleg/wall_time.h"

namespace plegctl {
namespace {

using plegd::v1::Calls;
using plegd::v1::ContainerStatus;
using plegd::v1::PodStatus;

constexpr size_t kNameLimit = 253;
// A label's value is data, not a name.
constexpr size_t kLabelLimit = 200;
constexpr size_t kMostLabels = 100;

std::string Age(const google::protobuf::Timestamp& stamp, absl::Time now,
                const Terminal& terminal) {
  if (stamp.seconds() == 0) return "-";
  if (!pleg::IsCredible(ToTime(stamp), now)) return "unknown";
  return ShowDuration(std::max(now - ToTime(stamp), absl::ZeroDuration()), terminal);
}

std::string OrDash(std::string text) { return text.empty() ? "-" : std::move(text); }

// The current instance of each container: the one that was started last by the count of restarts,
// since the clock by which they are in order may have gone back. In the order of their names'
// first.
std::vector<const ContainerStatus*> Current(const PodStatus& pod) {
  std::vector<const ContainerStatus*> current;
  std::map<absl::string_view, size_t> places;
  for (const ContainerStatus& container : pod.containers()) {
    const auto [place, first] = places.try_emplace(container.name(), current.size());
    if (first) {
      current.push_back(&container);
    } else if (container.restart_count() > current[place->second]->restart_count()) {
      current[place->second] = &container;
    }
  }
  return current;
}

Cell State(const PodStatus& pod, const Terminal& terminal) {
  if (!pod.error().empty()) return {"error", Style::kBad};
  if (pod.sandboxes().empty()) return {"no sandbox", Style::kWarning};
  const std::string state = Visible(pod.sandboxes(0).state(), terminal, 20);
  return {state, state == "ready" ? Style::kPlain : Style::kWarning};
}

std::string Observed(const PodStatus& pod, const Terminal& terminal) {
  if (!pod.has_age_seconds()) return "never";
  return absl::StrCat(ShowSeconds(pod.age_seconds(), terminal), " ago",
                      pod.pending() ? ", changed since" : "");
}

Cell ContainerState(const ContainerStatus& container, const Terminal& terminal) {
  const std::string state = Visible(container.state(), terminal, 20);
  if (!container.has_exit_code()) {
    return {state, state == "unknown" ? Style::kWarning : Style::kPlain};
  }
  return {absl::StrCat(state, " (", container.exit_code(), ")"),
          container.exit_code() == 0 ? Style::kPlain : Style::kWarning};
}

std::string ContainersText(const PodStatus& pod, absl::Time now, const Terminal& terminal) {
  Table table({{.heading = "CONTAINER", .shrinks = true},
               {.heading = "STATE"},
               {.heading = "ID"},
               {.heading = "RESTARTS", .right = true},
               {.heading = "STARTED", .right = true},
               {.heading = "FINISHED", .right = true},
               {.heading = "IMAGE", .shrinks = true}});
  for (const ContainerStatus& container : pod.containers()) {
    table.Add({Visible(container.name(), terminal, kNameLimit), ContainerState(container, terminal),
               ShortId(container.id(), terminal), absl::StrCat(container.restart_count()),
               Age(container.started_at(), now, terminal),
               Age(container.finished_at(), now, terminal),
               Visible(container.image(), terminal, 300)});
  }
  return table.empty() ? "No containers.\n" : table.Text(terminal);
}

std::string ReasonsText(const PodStatus& pod, const Terminal& terminal) {
  std::string out;
  for (const ContainerStatus& container : pod.containers()) {
    if (container.reason().empty() && container.message().empty()) continue;
    absl::StrAppend(
        &out, "  ", Visible(container.name(), terminal, kNameLimit), " ",
        ShortId(container.id(), terminal), ": ", Visible(container.reason(), terminal, 100),
        container.message().empty() ? "" : ": ", Visible(container.message(), terminal), "\n");
  }
  return out.empty() ? "" : absl::StrCat("\nReasons\n", out);
}

std::string SandboxesText(const PodStatus& pod, absl::Time now, const Terminal& terminal) {
  Table table({{.heading = "SANDBOX"},
               {.heading = "STATE"},
               {.heading = "ATTEMPT", .right = true},
               {.heading = "CREATED", .right = true},
               {.heading = "HANDLER"}});
  for (const plegd::v1::SandboxStatus& sandbox : pod.sandboxes()) {
    table.Add({ShortId(sandbox.id(), terminal), Visible(sandbox.state(), terminal, 20),
               absl::StrCat(sandbox.attempt()), Age(sandbox.created_at(), now, terminal),
               OrDash(Visible(sandbox.runtime_handler(), terminal, 100))});
  }
  return table.empty() ? "No sandbox.\n" : table.Text(terminal);
}

std::string LabelsText(const PodStatus& pod, const Terminal& terminal) {
  if (pod.sandboxes().empty() || pod.sandboxes(0).labels().empty()) return "";
  const auto& labels = pod.sandboxes(0).labels();
  const std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  std::string out = "\nLabels\n";
  size_t shown = 0;
  for (const auto& [key, value] : sorted) {
    if (++shown > kMostLabels) {
      absl::StrAppend(&out, "  and ", sorted.size() - kMostLabels, " more: -o json\n");
      break;
    }
    absl::StrAppend(&out, "  ", Visible(key, terminal, kNameLimit), "=",
                    Visible(value, terminal, kLabelLimit), "\n");
  }
  return out;
}

// Of the newest object of each kind that is not whole.
std::string TruncatedText(const PodStatus& pod, const Terminal& terminal) {
  std::string out;
  for (const plegd::v1::SandboxStatus& sandbox : pod.sandboxes()) {
    if (!sandbox.truncated()) continue;
    absl::StrAppend(&out, "\nplegd keeps only a part of the labels of this pod. For all of them: ",
                    "crictl inspectp ", Visible(sandbox.id(), terminal, 100), "\n");
    break;
  }
  for (const ContainerStatus& container : pod.containers()) {
    if (!container.truncated()) continue;
    absl::StrAppend(&out, "\nplegd keeps only a part of the mounts, groups and messages of ",
                    Visible(container.name(), terminal, kNameLimit),
                    ". For all of them: crictl inspect ", Visible(container.id(), terminal, 100),
                    "\n");
    break;
  }
  return out;
}

std::string IpsText(const PodStatus& pod, const Terminal& terminal) {
  if (!pod.ips().empty()) {
    std::vector<std::string> ips;
    for (const std::string& ip : pod.ips()) ips.push_back(Visible(ip, terminal, 64));
    return absl::StrJoin(ips, ", ");
  }
  return !pod.sandboxes().empty() && pod.sandboxes(0).host_network() ? "the node's" : "none";
}

Calls CallsOf(const PodStatus& pod, const Calls& calls) {
  Calls own;
  for (const auto& target : calls.unanswered()) {
    if (target.target().pod_uid() == pod.uid()) *own.add_unanswered() = target;
  }
  for (const auto& call : calls.running()) {
    if (call.target().pod_uid() == pod.uid()) *own.add_running() = call;
  }
  return own;
}

}  // namespace

std::string RenderPods(const std::vector<const PodStatus*>& pods, absl::Time now,
                       const Terminal& terminal) {
  std::vector<Column> columns = {{.heading = "NAMESPACE", .shrinks = true},
                                 {.heading = "NAME", .shrinks = true},
                                 {.heading = "STATE"},
                                 {.heading = "RUNNING", .right = true},
                                 {.heading = "RESTARTS", .right = true},
                                 {.heading = "AGE", .right = true},
                                 {.heading = "OBSERVED"}};
  if (terminal.exact) {
    columns.push_back({.heading = "IP"});
    columns.push_back({.heading = "UID"});
    columns.push_back({.heading = "ERROR", .shrinks = true});
  }
  Table table(std::move(columns));
  for (const PodStatus* pod : pods) {
    int64_t running = 0;
    int64_t restarts = 0;
    const std::vector<const ContainerStatus*> current = Current(*pod);
    for (const ContainerStatus* container : current) {
      running += container->state() == "running" ? 1 : 0;
      restarts += container->restart_count();
    }
    std::vector<Cell> cells = {
        Visible(pod->namespace_(), terminal, kNameLimit),
        Visible(pod->name(), terminal, kNameLimit),
        State(*pod, terminal),
        absl::StrCat(running, "/", current.size()),
        absl::StrCat(restarts),
        pod->sandboxes().empty() ? "-" : Age(pod->sandboxes(0).created_at(), now, terminal),
        Cell(Observed(*pod, terminal), pod->pending() ? Style::kWarning : Style::kPlain)};
    if (terminal.exact) {
      cells.emplace_back(IpsText(*pod, terminal));
      cells.emplace_back(Visible(pod->uid(), terminal, 100));
      cells.emplace_back(Visible(pod->error(), terminal, 300), Style::kBad);
    }
    table.Add(std::move(cells));
  }
  return table.empty() ? "No pods.\n" : table.Text(terminal);
}

std::string RenderPod(const PodStatus& pod, const Calls* calls, absl::Time now,
                      const Terminal& terminal) {
  std::string out;
  const auto line = [&](absl::string_view label, absl::string_view visible, Style style) {
    absl::StrAppend(&out, label, std::string(12 - label.size(), ' '),
                    Paint(visible, style, terminal), "\n");
  };
  line("Pod",
       absl::StrCat(Visible(pod.namespace_(), terminal, kNameLimit), "/",
                    Visible(pod.name(), terminal, kNameLimit)),
       Style::kBold);
  line("UID", Visible(pod.uid(), terminal, 100), Style::kPlain);
  const Cell state = State(pod, terminal);
  line("State", state.text, state.style);
  line("IPs", IpsText(pod, terminal), Style::kPlain);
  line("Observed", Observed(pod, terminal), pod.pending() ? Style::kWarning : Style::kPlain);
  if (!pod.error().empty()) line("Error", Visible(pod.error(), terminal), Style::kBad);
  if (calls != nullptr) {
    const Calls own = CallsOf(pod, *calls);
    for (const auto& lines :
         {UnansweredLines(own, 20, 0, terminal), RunningLines(own, 20, 0, terminal)}) {
      if (!lines.empty()) absl::StrAppend(&out, "\n", absl::StrJoin(lines, "\n"), "\n");
    }
  }
  absl::StrAppend(&out, "\n", ContainersText(pod, now, terminal), ReasonsText(pod, terminal), "\n",
                  SandboxesText(pod, now, terminal), LabelsText(pod, terminal),
                  TruncatedText(pod, terminal));
  return out;
}

}  // namespace plegctl
