// What reading an unchanged ListContainers reply costs: projected, item by item with libprotobuf,
// and as a typed client does it, into a fresh message. Items and their labels come in another order
// each time, as from a runtime written in Go.

#include "runtime/list_decoder.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pleg/call_stats.h"
#include "pleg/log.h"
#include "pleg/testing/allocation_counter.h"
#include "runtime/reply_bytes.h"
#include "runtime/sim/cri_encode.h"
#include "runtime/sim/model.h"
#include "runtime/sim/random.h"
#include "runtime/sim/world.h"
#include "runtime/v1/api.pb.h"

namespace runtime {
namespace {

constexpr size_t kOrders = 4;
constexpr size_t kContainersOfPod = 2;
constexpr size_t kFrameBytes = size_t{16} * 1024;  // HTTP/2's, in which gRPC hands a message out

using Pieces = std::vector<absl::string_view>;

class NoObserver : public pleg::CallObserver {
 public:
  void OnCallEnd(const pleg::CallRecord&) override {}
  void OnInvalidItem(absl::string_view, absl::string_view) override {}
};

// The same containers, of about 1.5 kB each, in several orders. Each reply lies where the last one
// lay, just copied there, as after receiving: what is measured is not a cold cache.
class Replies {
 public:
  Replies(size_t containers, size_t piece_bytes) : piece_bytes_(piece_bytes) {
    sim::World world(/*seed=*/1, /*container_bytes=*/0);
    for (size_t i = 0; i < containers / kContainersOfPod; ++i) {
      if (!world.AddPod({.containers = {"app", "sidecar"}}, absl::FromUnixSeconds(1)).ok()) return;
    }
    sim::Random order(/*seed=*/2);
    std::vector<sim::Container*> items = world.containers().Items();
    for (std::string& reply : replies_) {
      order.Shuffle(items);
      for (const sim::Container* item : items) {
        sim::EncodeListed(*item, &order, std::nullopt, &reply);
      }
    }
  }

  // Each invalidates what the last call returned.
  const std::string& ReceiveWhole() {
    received_ = replies_[next_++ % kOrders];
    return received_;
  }
  const Pieces& ReceivePieces() {
    const absl::string_view whole = ReceiveWhole();
    pieces_.clear();
    for (size_t at = 0; at < whole.size(); at += piece_bytes_) {
      pieces_.push_back(whole.substr(at, piece_bytes_));
    }
    return pieces_;
  }

 private:
  const size_t piece_bytes_;
  std::string replies_[kOrders];
  std::string received_;
  Pieces pieces_;
  size_t next_ = 0;
};

// Per reply, and per item of it.
void CountAllocations(benchmark::State& state, uint64_t allocations) {
  const double per_reply =
      static_cast<double>(allocations) / static_cast<double>(state.iterations());
  state.counters["allocations"] = per_reply;
  state.counters["allocations_per_item"] = per_reply / static_cast<double>(state.range(0));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void DecodeUnchanged(benchmark::State& state, DecodeMode mode) {
  Replies replies(static_cast<size_t>(state.range(0)), kFrameBytes);
  NoObserver observer;
  ContainerListDecoder decoder(observer, pleg::NullLog(), mode);
  // Whatever grows with the first replies has grown.
  for (size_t i = 0; i < kOrders; ++i) {
    const auto listed = decoder.Decode(replies.ReceivePieces(), std::nullopt);
    if (!listed.ok() || listed->size() != static_cast<size_t>(state.range(0))) {
      return state.SkipWithError("the reply was not understood");
    }
  }
  const uint64_t before = pleg::testing::ThreadAllocations();
  for (auto _ : state) {
    state.PauseTiming();
    const Pieces& reply = replies.ReceivePieces();
    state.ResumeTiming();
    benchmark::DoNotOptimize(decoder.Decode(reply, std::nullopt));
  }
  CountAllocations(state, pleg::testing::ThreadAllocations() - before);
}

void BM_DecodeProjected(benchmark::State& state) { DecodeUnchanged(state, DecodeMode::kProjected); }
BENCHMARK(BM_DecodeProjected)->Arg(500)->Arg(1000);

void BM_DecodeTyped(benchmark::State& state) { DecodeUnchanged(state, DecodeMode::kTyped); }
BENCHMARK(BM_DecodeTyped)->Arg(1000);

// In one piece, which spares libprotobuf the borders between pieces.
void BM_DecodeFreshMessage(benchmark::State& state) {
  Replies replies(static_cast<size_t>(state.range(0)), kFrameBytes);
  const uint64_t before = pleg::testing::ThreadAllocations();
  for (auto _ : state) {
    state.PauseTiming();
    const std::string& reply = replies.ReceiveWhole();
    state.ResumeTiming();
    v1::ListContainersResponse response;
    if (!response.ParseFromString(reply)) return state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(response);
  }
  CountAllocations(state, pleg::testing::ThreadAllocations() - before);
}
BENCHMARK(BM_DecodeFreshMessage)->Arg(1000);

void SplitItems(benchmark::State& state, size_t piece_bytes) {
  Replies replies(static_cast<size_t>(state.range(0)), piece_bytes);
  ItemSplitter splitter;
  const auto split = [&splitter](const Pieces& pieces) {
    return splitter.Split("ListContainers", kContainerLayout, pieces,
                          [](absl::Span<const ListItem>, size_t) { return absl::OkStatus(); });
  };
  for (size_t i = 0; i < kOrders; ++i) {
    if (!split(replies.ReceivePieces()).ok()) {
      return state.SkipWithError("the reply was not split");
    }
  }
  const uint64_t before = pleg::testing::ThreadAllocations();
  for (auto _ : state) {
    state.PauseTiming();
    const Pieces& reply = replies.ReceivePieces();
    state.ResumeTiming();
    benchmark::DoNotOptimize(split(reply));
  }
  CountAllocations(state, pleg::testing::ThreadAllocations() - before);
}

void BM_SplitFrames(benchmark::State& state) { SplitItems(state, kFrameBytes); }
BENCHMARK(BM_SplitFrames)->Arg(1000);

void BM_SplitOnePiece(benchmark::State& state) { SplitItems(state, SIZE_MAX); }
BENCHMARK(BM_SplitOnePiece)->Arg(1000);

}  // namespace
}  // namespace runtime
