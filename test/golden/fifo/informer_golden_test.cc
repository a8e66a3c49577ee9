// SharedInformer beside client-go's: each recorded history is played, and what every handler is
// told of each object, the store and the indexes are compared after every step. README.md beside
// the data.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "pleg/informer/shared_informer.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using Json = nlohmann::json;

struct Pod {
  std::string key;  // namespace/name
  std::string pod_namespace;
  std::string uid;
  int version = 0;
  std::map<std::string, std::string> labels;
};
using Informer = SharedInformer<Pod>;
using Object = Informer::Object;

Object PodOf(const Json& json) {
  auto pod = std::make_shared<Pod>();
  pod->pod_namespace = json.at("namespace").get<std::string>();
  pod->key = absl::StrCat(pod->pod_namespace, "/", json.at("name").get<std::string>());
  pod->uid = json.at("uid").get<std::string>();
  pod->version = json.at("version").get<int>();
  pod->labels = json.value("labels", std::map<std::string, std::string>());
  return pod;
}

std::vector<std::string> IndexValues(const std::string& index, const Pod& pod) {
  if (index == "namespace") return {pod.pod_namespace};
  const auto label = pod.labels.find(index);
  if (label == pod.labels.end() || label->second.empty()) return {};
  if (index == "app") return {label->second};
  return absl::StrSplit(label->second, '.');  // roles
}

// Notes what it is told, by object: between objects client-go promises no order.
class Recorder : public EventHandler<Pod> {
 public:
  void OnAdd(const Object& object, bool is_in_initial_list) override {
    Json note = About("add", *object);
    note["is_in_initial_list"] = is_in_initial_list;
    notes[object->key].push_back(std::move(note));
  }
  void OnUpdate(const Object& before, const Object& object) override {
    Json note = About("update", *object);
    note["old"] = before->version;
    if (before->uid != object->uid) note["old_uid"] = before->uid;
    notes[object->key].push_back(std::move(note));
  }
  void OnDelete(const Object& last, bool final_state_unknown) override {
    Json note = About("delete", *last);
    note["tombstone"] = final_state_unknown;
    notes[last->key].push_back(std::move(note));
  }

  std::map<std::string, Json> notes;

 private:
  static Json About(const char* type, const Pod& pod) {
    return {{"type", type}, {"key", pod.key}, {"uid", pod.uid}, {"version", pod.version}};
  }
};

class Player {
 public:
  explicit Player(const Json& history)
      : informer_(
            {.key = [](const Pod& pod) { return pod.key; },
             .same_version = [](const Pod& a, const Pod& b) { return a.version == b.version; },
             .resync_check_period = absl::Seconds(history.at("resync_seconds").get<int>()),
             .executor = executor_,
             .clock = executor_.clock()}) {
    for (const Json& name : history.at("indexes")) AddIndex(name);
    for (const Json& pod : history.at("objects")) source_[PodOf(pod)->key] = PodOf(pod);
  }

  // What the recording calls `expect`, as far as it is compared.
  Json Play(const Json& step) {
    got_ = Json::object();
    for (auto& [name, handler] : handlers_) handler.recorder->notes.clear();
    const std::string op = step.at("op").get<std::string>();
    for (const Json& change : step.value("changes", Json::array())) Change(op, change);
    Do(op, step);
    executor_.Settle();
    Observe();
    return got_;
  }

 private:
  struct Handler {
    std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
    std::optional<Informer::Handle> handle;
  };

  void Change(const std::string& op, const Json& change) {
    const Object pod = PodOf(change.at("object"));
    const std::string event = change.at("event").get<std::string>();
    if (event == "DELETED") {
      source_.erase(pod->key);
    } else {
      source_[pod->key] = pod;
    }
    if (op != "watch" && op != "rewatch") return;  // missed
    if (event == "ADDED") return Must(informer_.Add(pod));
    Must(event == "DELETED" ? informer_.Delete(pod) : informer_.Update(pod));
  }

  void Do(const std::string& op, const Json& step) {
    if (op == "add_handler") return AddHandler(step);
    if (op == "remove_handler") {
      const auto handler = handlers_.find(step.at("handler").get<std::string>());
      if (handler == handlers_.end()) return;
      handler->second.handle->Remove();
      handlers_.erase(handler);
    } else if (op == "add_index") {
      AddIndex(step.at("index"));
    } else if (op == "run") {
      informer_.Start();
      if (!step.value("hold_list", false)) List();
    } else if (op == "list" || op == "relist") {
      List();
    } else if (op == "tick") {
      executor_.clock().Advance(absl::Seconds(step.at("seconds").get<int>()));
    } else if (op == "stop") {
      informer_.Stop();
    }
  }

  void AddHandler(const Json& step) {
    HandlerOptions<Pod> options;
    options.name = step.at("handler").get<std::string>();
    options.resync_period = absl::Seconds(step.value("resync_seconds", 0));
    if (step.contains("filter")) {
      const std::pair<std::string, std::string> label =
          absl::StrSplit(step.at("filter").get<std::string>(), '=');
      options.filter = [label](const Pod& pod) {
        const auto found = pod.labels.find(label.first);
        return found != pod.labels.end() && found->second == label.second;
      };
    }
    Handler handler;
    absl::StatusOr<Informer::Handle> handle = informer_.AddEventHandler(handler.recorder, options);
    if (!handle.ok()) return Error(handle.status());
    handler.handle.emplace(*std::move(handle));
    handlers_.insert_or_assign(options.name, std::move(handler));
  }

  void AddIndex(const std::string& name) {
    const absl::Status status =
        informer_.AddIndex(name, [name](const Pod& pod) { return IndexValues(name, pod); });
    if (!status.ok()) return Error(status);
    indexes_.push_back(name);
  }

  void List() {
    std::vector<Object> list;
    for (const auto& [key, pod] : source_) list.push_back(pod);
    Must(informer_.Replace(list));
  }

  static void Must(const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; }
  void Error(const absl::Status& status) { got_["error"] = std::string(status.message()); }

  void Observe() {
    got_["has_synced"] = informer_.HasSynced();
    Json synced = Json::object();
    Json notifications = Json::object();
    for (const auto& [name, handler] : handlers_) {
      synced[name] = handler.handle->HasSynced();
      if (!handler.recorder->notes.empty()) notifications[name] = handler.recorder->notes;
    }
    got_["handler_has_synced"] = synced;
    if (!notifications.empty()) got_["notifications"] = notifications;
    Json store = Json::object();
    for (const auto& [key, pod] : *informer_.store().Snapshot()) store[key] = pod->version;
    got_["store"] = store;
    Json indexes = Json::object();
    for (const std::string& name : indexes_) {
      indexes[name] = Json::object();
      const std::vector<std::string> values = *informer_.store().ListIndexValues(name);
      for (const std::string& value : values) {
        indexes[name][value] = *informer_.store().IndexKeys(name, value);
      }
    }
    got_["indexes"] = indexes;
  }

  testing::SimExecutor executor_;
  Informer informer_;
  std::map<std::string, Object> source_;
  std::map<std::string, Handler> handlers_;
  std::vector<std::string> indexes_;
  Json got_;
};

// The recording in the same shape: notifications by object; store and indexes also where they did
// not change; without what belongs to the source alone (its version) or to Go (how a map prints).
class Expectations {
 public:
  Json Of(Json expect) {
    if (expect.contains("store")) store_ = expect["store"];
    if (expect.contains("indexes")) indexes_ = expect["indexes"];
    expect["store"] = store_;
    expect["indexes"] = indexes_;
    expect.erase("resource_version");
    expect.erase("stopped");
    if (expect.contains("error")) {
      expect["error"] = std::regex_replace(expect["error"].get<std::string>(),
                                           std::regex(R"(map\[(\w+):\{\}\])"), "$1");
    }
    if (expect.contains("notifications")) {
      Json by_object = Json::object();
      for (const auto& [name, notes] : expect["notifications"].items()) {
        for (Json note : notes) {
          if (note["type"] == "add")
            note["is_in_initial_list"] = note.value("is_in_initial_list", false);
          if (note["type"] == "delete") note["tombstone"] = note.value("tombstone", false);
          by_object[name][note["key"].get<std::string>()].push_back(note);
        }
      }
      expect["notifications"] = by_object;
    }
    return expect;
  }

 private:
  Json store_ = Json::object();
  Json indexes_ = Json::object();
};

TEST(InformerGoldenTest, EveryHandlerIsToldWhatTheRealOneTells) {
  size_t files = 0;
  size_t steps = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PLEGD_GOLDEN_FIFO "/informer")) {
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream input(entry.path());
    const Json history = Json::parse(input);
    Player player(history);
    Expectations expectations;
    ++files;
    for (const Json& step : history.at("steps")) {
      const Json expect = expectations.Of(step.at("expect"));
      const Json got = player.Play(step);
      ASSERT_EQ(got, expect) << "step " << step.at("step") << " " << step.at("op") << "\n"
                             << Json::diff(expect, got).dump(1);
      ++steps;
    }
  }
  EXPECT_EQ(files, 16u);
  EXPECT_EQ(steps, 454u);
}

}  // namespace
}  // namespace pleg
