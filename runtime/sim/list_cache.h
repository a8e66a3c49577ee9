// The serialised items of a list that may hold tens of thousands, kept so that a reply costs next
// to nothing when little changed and still comes in a new order each time.
//
// Items live in small blocks; a block's bytes are kept until one of its items changes. A snapshot
// serialises again what changed and a bounded share of the rest (which draws new orders of items
// and of map entries there), and shuffles the blocks. Lists up to that share are wholly fresh every
// time.

#ifndef PLEGD_RUNTIME_SIM_LIST_CACHE_H_
#define PLEGD_RUNTIME_SIM_LIST_CACHE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sim/random.h"

namespace sim {

// Part of a message: whole serialised items, immutable and shared.
struct Piece {
  std::shared_ptr<const std::string> bytes;
  size_t items = 0;
};

// Where an item sits in its ListCache. Written by the cache alone.
struct ListSlot {
  size_t block = 0;
  size_t index = 0;
};

// Item has a member `ListSlot slot`; items must not move while they are in. Thread-compatible.
template <typename Item>
class ListCache {
 public:
  static constexpr size_t kBlockItems = 16;
  static constexpr size_t kOpenBlocks = 8;
  static constexpr size_t kRefreshBytes = size_t{512} * 1024;

  void Add(Item* item, Random& random) {
    if (open_.size() < kOpenBlocks) {
      open_.push_back(blocks_.size());
      blocks_.emplace_back();
    }
    const size_t choice = random.Below(open_.size());
    item->slot.block = open_[choice];
    Block& block = blocks_[item->slot.block];
    item->slot.index = block.items.size();
    block.items.push_back(item);
    block.bytes.reset();
    ++size_;
    if (block.items.size() < kBlockItems) return;
    open_[choice] = open_.back();
    open_.pop_back();
  }

  void Remove(Item* item) {
    Block& block = blocks_[item->slot.block];
    if (block.items.size() == kBlockItems) open_.push_back(item->slot.block);
    block.items[item->slot.index] = block.items.back();
    block.items[item->slot.index]->slot.index = item->slot.index;
    block.items.pop_back();
    block.bytes.reset();
    --size_;
  }

  // The item changed.
  void Touch(const Item* item) { blocks_[item->slot.block].bytes.reset(); }

  size_t size() const { return size_; }

  // In no particular order.
  std::vector<Item*> Items() const {
    std::vector<Item*> all;
    all.reserve(size_);
    for (const Block& block : blocks_)
      all.insert(all.end(), block.items.begin(), block.items.end());
    return all;
  }

  // All items in a random order; encode(const Item&, std::string* out) appends one.
  template <typename Encode>
  std::vector<Piece> Snapshot(Encode encode, Random& random) {
    Refresh(random);
    std::vector<Piece> pieces;
    pieces.reserve(blocks_.size());
    for (Block& block : blocks_) {
      if (block.items.empty()) continue;
      if (block.bytes == nullptr) Serialise(block, encode, random);
      pieces.push_back({block.bytes, block.items.size()});
    }
    random.Shuffle(pieces);
    return pieces;
  }

 private:
  struct Block {
    std::vector<Item*> items;
    std::shared_ptr<const std::string> bytes;  // Null: to be serialised.
    size_t last_size = 0;
  };

  void Refresh(Random& random) {
    size_t budget = kRefreshBytes;
    const size_t start = blocks_.empty() ? 0 : random.Below(blocks_.size());
    for (size_t i = 0; i < blocks_.size(); ++i) {
      Block& block = blocks_[(start + i) % blocks_.size()];
      if (block.last_size > budget) return;
      budget -= block.last_size;
      block.bytes.reset();
    }
  }

  template <typename Encode>
  void Serialise(Block& block, Encode encode, Random& random) {
    random.Shuffle(block.items);
    auto bytes = std::make_shared<std::string>();
    bytes->reserve(block.last_size + block.last_size / 16);
    for (size_t i = 0; i < block.items.size(); ++i) {
      block.items[i]->slot.index = i;
      encode(*block.items[i], bytes.get());
    }
    block.last_size = bytes->size();
    block.bytes = std::move(bytes);
  }

  std::vector<Block> blocks_;
  std::vector<size_t> open_;  // Blocks with room; some, so that neighbours in age get separated.
  size_t size_ = 0;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_LIST_CACHE_H_
