// The objects that a list decoder knows, laid out for one purpose: that looking up thousands of
// them, in another order each second and with cold caches, waits for memory as little as possible.
//
//   KnownItems<Info, State> known;
//   size_t hash = known.Hash(id);
//   known.PrefetchSlot(hash);  …  known.PrefetchItem(hash);  …  // other work between
//   if (auto* item = known.Find(id, hash)) …
//
// All that is compared of an object lies in one block; the table holds hashes and pointers.

#ifndef PLEGD_RUNTIME_KNOWN_ITEMS_H_
#define PLEGD_RUNTIME_KNOWN_ITEMS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "runtime/projection.h"

namespace runtime {

// One object: what a decoder remembers of it, followed in memory by its id and the identity of the
// item that `info` was decoded from. Thread-compatible.
template <typename Info, typename State>
class KnownItem {
 public:
  struct Delete {
    void operator()(KnownItem* item) const {
      item->~KnownItem();
      ::operator delete(item);
    }
  };
  using Ptr = std::unique_ptr<KnownItem, Delete>;

  // `identity` null: unknown, equal to none.
  static Ptr Make(absl::string_view id, const Projection* identity) {
    const absl::string_view metadata = identity != nullptr ? identity->metadata : "";
    const absl::string_view sandbox_id = identity != nullptr ? identity->sandbox_id : "";
    void* block =
        ::operator new(sizeof(KnownItem) + id.size() + metadata.size() + sandbox_id.size());
    auto* item = new (block) KnownItem();
    item->id_size_ = static_cast<uint32_t>(id.size());
    item->metadata_size_ = static_cast<uint32_t>(metadata.size());
    item->sandbox_id_size_ = static_cast<uint32_t>(sandbox_id.size());
    if (identity != nullptr) {
      item->created_at_ = identity->created_at;
      item->bytes_ = static_cast<uint32_t>(identity->bytes);
    }
    char* text = item->text();
    for (const absl::string_view part : {id, metadata, sandbox_id}) {
      if (!part.empty()) std::memcpy(text, part.data(), part.size());
      text += part.size();
    }
    return Ptr(item);
  }

  absl::string_view id() const { return {text(), id_size_}; }
  // Whether the item is still the one that `info` was decoded from. Its id is, already.
  bool SameIdentity(const Projection& seen) const {
    const char* metadata = text() + id_size_;
    return seen.bytes == bytes_ && seen.created_at == created_at_ &&
           seen.metadata == absl::string_view(metadata, metadata_size_) &&
           seen.sandbox_id == absl::string_view(metadata + metadata_size_, sandbox_id_size_);
  }

  std::shared_ptr<const Info> info;
  State state = State::kUnknown;
  uint64_t first_in = 0;     // the number of the reply that listed it first
  uint64_t listed_in = 0;    // … and last
  uint64_t doubtful_in = 0;  // of the reply that had an item of it that could not be read
  uint32_t held = 0;         // lists of everything in a row that lacked it, and kept it
  uint32_t item_bytes = 0;   // of its item when that was last read as a whole
  uint32_t label_bytes = 0;  // … of these in labels and annotations

 private:
  KnownItem() = default;
  ~KnownItem() = default;
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
  char* text() { return reinterpret_cast<char*>(this + 1); }

  int64_t created_at_ = 0;
  uint32_t bytes_ = 0;  // 0: unknown
  uint32_t id_size_ = 0;
  uint32_t metadata_size_ = 0;
  uint32_t sandbox_id_size_ = 0;
};

// Confined to one thread.
template <typename Info, typename State>
class KnownItems {
 public:
  using Item = KnownItem<Info, State>;

  static size_t Hash(absl::string_view id) { return absl::Hash<absl::string_view>()(id); }

  // Hints, of no other effect: begin to load where the object will be looked for, and, once that is
  // there, the object.
  void PrefetchSlot(size_t hash) const { slots_.prefetch(Candidate{hash}); }
  void PrefetchItem(size_t hash) const {
    const auto slot = slots_.find(Candidate{hash});
    if (slot == slots_.end()) return;
    const auto* block = reinterpret_cast<const char*>(slot->item.get());
    for (size_t at = 0; at < kPrefetchedBytes; at += ABSL_CACHELINE_SIZE) {
      __builtin_prefetch(block + at, /*rw=*/0);
    }
  }

  // Null if unknown. Invalidated by Put of the same id and by Erase.
  Item* Find(absl::string_view id, size_t hash) const {
    const auto slot = slots_.find(Key{hash, id});
    return slot == slots_.end() ? nullptr : slot->item.get();
  }
  Item* Find(absl::string_view id) const { return Find(id, Hash(id)); }

  // Takes the place of what was known by that id.
  Item& Put(typename Item::Ptr item) {
    const size_t hash = Hash(item->id());
    const auto slot = slots_.find(Key{hash, item->id()});
    if (slot == slots_.end()) return *slots_.insert(Slot{hash, std::move(item)}).first->item;
    slot->item = std::move(item);
    return *slot->item;
  }

  size_t size() const { return slots_.size(); }
  template <typename See>
  void ForEach(See see) const {
    for (const Slot& slot : slots_) see(std::as_const(*slot.item));
  }
  // Removes what `gone(Item&)` says is gone; it sees all.
  template <typename Gone>
  void EraseIf(Gone gone) {
    absl::erase_if(slots_, [&](const Slot& slot) { return gone(*slot.item); });
  }

 private:
  // An ID of 64 characters, a sandbox's too, and metadata of that length.
  static constexpr size_t kPrefetchedBytes = sizeof(Item) + size_t{3} * 64;

  struct Slot {
    size_t hash;
    mutable typename Item::Ptr item;
  };
  struct Key {
    size_t hash;
    absl::string_view id;
  };
  // Anything of that hash: which takes no look at the object.
  struct Candidate {
    size_t hash;
  };
  struct SlotHash {
    using is_transparent = void;
    template <typename T>
    size_t operator()(const T& key) const {
      return key.hash;
    }
  };
  struct SlotEqual {
    using is_transparent = void;
    bool operator()(const Slot& a, const Slot& b) const {
      return a.hash == b.hash && a.item->id() == b.item->id();
    }
    bool operator()(const Slot& slot, const Key& key) const {
      return slot.hash == key.hash && slot.item->id() == key.id;
    }
    bool operator()(const Slot& slot, const Candidate& any) const { return slot.hash == any.hash; }
  };

  absl::flat_hash_set<Slot, SlotHash, SlotEqual> slots_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_KNOWN_ITEMS_H_
