// Whatever producers do, and whenever, also in the middle of `process`: a consumer that applies
// what it pops ends up with the truth.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/informer/delta_fifo.h"

namespace pleg {
namespace {

struct Thing {
  std::string key;
  int version = 0;
};
using Fifo = DeltaFifo<Thing>;

// The source and its consumer, with the queue between them.
class World : private KnownObjects<Thing> {
 public:
  World() : fifo_(Options()) {}

  // What a source may do, by number.
  static constexpr int kActions = 7;
  void Act(int action, int which) {
    const std::string key = absl::StrCat("k", which % 4);
    switch (action) {
      case 0:
      case 1:  // seen
        truth_[key] = Make(key);
        Must(action == 0 ? fifo_.Add(truth_[key]) : fifo_.Update(truth_[key]));
        break;
      case 2:  // seen to go
        if (truth_.erase(key) > 0) Must(fifo_.Delete(Make(key)));
        break;
      case 3:  // missed: the next list shows it
        truth_.erase(key);
        List();
        break;
      case 4:
        truth_[key] = Make(key);
        List();
        break;
      case 5:
        fifo_.Resync();
        break;
      default:  // a deletion of what is not there, or is known by its key only
        if (!truth_.contains(key)) Must(fifo_.DeleteFinalStateUnknown(key, nullptr));
    }
  }
  // Pops one key; `meanwhile` happens while it is processed, before or after it is stored.
  template <typename Meanwhile>
  void Pop(bool stored_first, Meanwhile meanwhile) {
    fifo_.TryPop([&](const std::string& key, const Deltas<Thing>& deltas, bool) {
      RC_ASSERT(!deltas.empty());
      if (!stored_first) meanwhile();
      for (const Delta<Thing>& delta : deltas) Store(key, delta);
      if (stored_first) meanwhile();
      return absl::OkStatus();
    });
  }
  void Drain() {
    while (fifo_.size() > 0) Pop(true, [] {});
  }
  bool HasSynced() const { return fifo_.HasSynced(); }

  std::map<std::string, int> truth() const { return Versions(truth_); }
  std::map<std::string, int> store() const { return Versions(store_); }

 private:
  using Objects = std::map<std::string, std::shared_ptr<const Thing>>;

  Fifo::Options Options() {
    Fifo::Options options;
    options.key = [](const Thing& thing) { return thing.key; };
    options.known_objects = this;
    return options;
  }
  std::vector<std::string> ListKeys() const override {
    std::vector<std::string> keys;
    for (const auto& [key, object] : store_) keys.push_back(key);
    return keys;
  }
  absl::StatusOr<Fifo::Object> GetByKey(const std::string& key) const override {
    const auto found = store_.find(key);
    if (found == store_.end()) return absl::NotFoundError(key);
    return found->second;
  }
  std::shared_ptr<const Thing> Make(const std::string& key) {
    return std::make_shared<Thing>(Thing{key, ++version_});
  }
  void List() {
    std::vector<Fifo::Object> list;
    for (const auto& [key, object] : truth_) list.push_back(object);
    Must(fifo_.Replace(list));
  }
  static void Must(const absl::Status& status) { RC_ASSERT(status.ok()); }
  void Store(const std::string& key, const Delta<Thing>& delta) {
    if (delta.type == DeltaType::kDeleted) {
      store_.erase(key);
    } else {
      RC_ASSERT(delta.object != nullptr);
      store_[key] = delta.object;
    }
  }
  static std::map<std::string, int> Versions(const Objects& objects) {
    std::map<std::string, int> versions;
    for (const auto& [key, object] : objects) versions[key] = object->version;
    return versions;
  }

  int version_ = 0;
  Objects truth_;
  Objects store_;
  Fifo fifo_;
};

using Actions = std::vector<std::pair<int, int>>;

// inRange covers its whole range at the nominal size alone.
int Below(int limit) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, limit)); }

Actions SomeActions(int most) {
  Actions actions(static_cast<size_t>(Below(most + 1)));
  for (auto& [action, which] : actions) {
    action = Below(World::kActions);
    which = Below(4);
  }
  return actions;
}

void ActAll(World& world, const Actions& actions) {
  for (const auto& [action, which] : actions) world.Act(action, which);
}

RC_GTEST_PROP(DeltaFifoPropertyTest, AConsumerEndsUpWithTheTruth, ()) {
  World world;
  const int rounds = 1 + Below(12);
  for (int round = 0; round < rounds; ++round) {
    ActAll(world, SomeActions(6));
    const bool stored_first = *rc::gen::arbitrary<bool>();
    world.Pop(stored_first, [&] { ActAll(world, SomeActions(4)); });
  }
  world.Drain();
  RC_ASSERT(world.store() == world.truth());
}

RC_GTEST_PROP(DeltaFifoPropertyTest, DrainedAfterAListItHasSynced, ()) {
  World world;
  ActAll(world, SomeActions(10));
  world.Act(4, 0);
  world.Drain();
  RC_ASSERT(world.HasSynced());
}

}  // namespace
}  // namespace pleg
