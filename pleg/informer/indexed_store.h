// Objects by key, with indexes: what a consumer keeps of what it popped (client-go: Indexer,
// tools/cache/thread_safe_store.go).
//
//   IndexedStore<Pod, PodUid> store;
//   store.AddIndex("namespace", [](const Pod& pod) { return std::vector{pod.pod_namespace}; });
//   store.Put(pod.uid, pod);   store.ByIndex("namespace", "shop");   store.Snapshot();

#ifndef PLEGD_PLEG_INFORMER_INDEXED_STORE_H_
#define PLEGD_PLEG_INFORMER_INDEXED_STORE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "pleg/informer/known_objects.h"
#include "pleg/mutex.h"

namespace pleg {

// Thread-safe. Keys, and what is returned by index, are in the order of the keys.
template <typename T, typename Key = std::string>
class IndexedStore : public KnownObjects<T, Key> {
 public:
  using Object = std::shared_ptr<const T>;
  using Objects = std::map<Key, Object>;
  // The values under which an object is found: none, one or several. Pure; must not throw.
  using IndexFunction = std::function<std::vector<std::string>(const T&)>;

  // Covers what is stored already. ALREADY_EXISTS if there is an index of that name.
  absl::Status AddIndex(absl::string_view name, IndexFunction function) {
    MutexLock lock(mu_);
    const auto [index, is_new] = indexes_.try_emplace(std::string(name));
    if (!is_new) return absl::AlreadyExistsError(absl::StrCat("indexer conflict: ", name));
    index->second.function = std::move(function);
    for (const auto& [key, object] : *objects_) index->second.Insert(key, *object);
    return absl::OkStatus();
  }

  // `object` is not null. Returns what it replaces; null if the key is new.
  Object Put(const Key& key, Object object) {
    MutexLock lock(mu_);
    Object& slot = Own()[key];
    Object before = std::exchange(slot, std::move(object));
    for (auto& [name, index] : indexes_) {
      if (before != nullptr) index.Remove(key, *before);
      index.Insert(key, *slot);
    }
    return before;
  }
  // Returns what was there; null if nothing was.
  Object Erase(const Key& key) {
    MutexLock lock(mu_);
    if (!objects_->contains(key)) return nullptr;
    auto node = Own().extract(key);
    for (auto& [name, index] : indexes_) index.Remove(key, *node.mapped());
    return std::move(node.mapped());
  }

  absl::StatusOr<Object> GetByKey(const Key& key) const override {
    MutexLock lock(mu_);
    const auto found = objects_->find(key);
    if (found == objects_->end()) return absl::NotFoundError("no such object");
    return found->second;
  }
  std::vector<Key> ListKeys() const override {
    MutexLock lock(mu_);
    std::vector<Key> keys;
    keys.reserve(objects_->size());
    for (const auto& [key, object] : *objects_) keys.push_back(key);
    return keys;
  }
  size_t size() const {
    MutexLock lock(mu_);
    return objects_->size();
  }

  // All objects as they are now. Costs nothing; the next change after it copies the map once.
  std::shared_ptr<const Objects> Snapshot() const {
    MutexLock lock(mu_);
    shared_ = true;
    return objects_;
  }

  // NOT_FOUND if there is no index of that name.
  absl::StatusOr<std::vector<Key>> IndexKeys(absl::string_view name,
                                             absl::string_view value) const {
    MutexLock lock(mu_);
    const auto index = indexes_.find(name);
    if (index == indexes_.end()) return NoIndex(name);
    const auto keys = index->second.keys.find(value);
    if (keys == index->second.keys.end()) return std::vector<Key>();
    return std::vector<Key>(keys->second.begin(), keys->second.end());
  }
  // The same.
  absl::StatusOr<std::vector<Object>> ByIndex(absl::string_view name,
                                              absl::string_view value) const {
    MutexLock lock(mu_);
    const auto index = indexes_.find(name);
    if (index == indexes_.end()) return NoIndex(name);
    std::vector<Object> found;
    const auto keys = index->second.keys.find(value);
    if (keys == index->second.keys.end()) return found;
    for (const Key& key : keys->second) found.push_back(objects_->at(key));
    return found;
  }
  // The values under which something is found, sorted. The same error.
  absl::StatusOr<std::vector<std::string>> ListIndexValues(absl::string_view name) const {
    MutexLock lock(mu_);
    const auto index = indexes_.find(name);
    if (index == indexes_.end()) return NoIndex(name);
    std::vector<std::string> values;
    for (const auto& [value, keys] : index->second.keys) values.push_back(value);
    return values;
  }

 private:
  struct Index {
    IndexFunction function;
    std::map<std::string, std::set<Key>, std::less<>> keys;  // by value; no set is empty

    void Insert(const Key& key, const T& object) {
      for (std::string& value : function(object)) keys[std::move(value)].insert(key);
    }
    void Remove(const Key& key, const T& object) {
      for (const std::string& value : function(object)) {
        const auto found = keys.find(value);
        if (found == keys.end()) continue;
        found->second.erase(key);
        if (found->second.empty()) keys.erase(found);
      }
    }
  };

  static absl::Status NoIndex(absl::string_view name) {
    return absl::NotFoundError(absl::StrCat("no index of the name ", name));
  }
  // The map to change: another one once somebody was given a snapshot of it. Whether they still
  // have it cannot be known: use_count() does not order their reads before our writes.
  Objects& Own() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (std::exchange(shared_, false)) objects_ = std::make_shared<Objects>(*objects_);
    return *objects_;
  }

  mutable Mutex mu_;
  std::shared_ptr<Objects> objects_ ABSL_GUARDED_BY(mu_) = std::make_shared<Objects>();
  mutable bool shared_ ABSL_GUARDED_BY(mu_) = false;  // objects_ was handed out
  std::map<std::string, Index, std::less<>> indexes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_INDEXED_STORE_H_
