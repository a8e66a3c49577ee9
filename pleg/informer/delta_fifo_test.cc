#include "pleg/informer/delta_fifo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Thing {
  std::string key;
  int value = 0;
};
using Fifo = DeltaFifo<Thing>;
using Object = Fifo::Object;

Object Make(std::string key, int value) {
  return std::make_shared<Thing>(Thing{std::move(key), value});
}

absl::StatusOr<std::string> KeyOfThing(const Thing& thing) {
  if (thing.key.empty()) return absl::InvalidArgumentError("object has no key");
  return thing.key;
}

class Known : public KnownObjects<Thing> {
 public:
  std::vector<std::string> ListKeys() const override {
    std::vector<std::string> keys;
    for (const auto& [key, object] : objects) keys.push_back(key);
    return keys;
  }
  absl::StatusOr<Object> GetByKey(const std::string& key) const override {
    if (key == broken) return absl::UnavailableError("cannot look");
    const auto found = objects.find(key);
    if (found == objects.end()) return absl::NotFoundError(key);
    return found->second;
  }

  std::map<std::string, Object> objects;
  std::string broken;
};

class DeltaFifoTest : public ::testing::Test {
 protected:
  Fifo::Options Options() const {
    Fifo::Options options;
    options.key = &KeyOfThing;
    return options;
  }
  Fifo::Options WithKnown() const {
    Fifo::Options options = Options();
    options.known_objects = &known_;
    return options;
  }
  void Know(const std::string& key, int value) { known_.objects[key] = Make(key, value); }

  // "foo: Added 1, Deleted ?" of what was popped; "initial " before it where it is.
  static std::string Pop(Fifo& fifo) {
    std::string text = "nothing";
    const std::optional<absl::Status> status =
        fifo.TryPop([&](const std::string& key, const Deltas<Thing>& deltas, bool initial) {
          text = absl::StrCat(initial ? "initial " : "", key, ":");
          for (const Delta<Thing>& delta : deltas) absl::StrAppend(&text, " ", Text(delta));
          return absl::OkStatus();
        });
    if (status.has_value() && !status->ok()) return std::string(status->message());
    return text;
  }
  static std::string Text(const Delta<Thing>& delta) {
    return absl::StrCat(DeltaTypeName(delta.type), "(",
                        delta.object == nullptr ? "?" : absl::StrCat(delta.object->value),
                        delta.final_state_unknown ? ", unknown" : "", ")");
  }
  static std::vector<std::string> PopAll(Fifo& fifo) {
    std::vector<std::string> all;
    while (fifo.size() > 0) all.push_back(Pop(fifo));
    return all;
  }

  Known known_;
};

TEST_F(DeltaFifoTest, AKeyIsQueuedOnceAndPoppedWithAllThatHappened) {
  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Add(Make("foo", 10)).ok());
  ASSERT_TRUE(fifo.Update(Make("foo", 12)).ok());
  ASSERT_TRUE(fifo.Delete(Make("foo", 15)).ok());
  EXPECT_EQ(fifo.size(), 1u);
  EXPECT_EQ(Pop(fifo), "foo: Added(10) Updated(12) Deleted(15)");
  EXPECT_EQ(fifo.size(), 0u);
  EXPECT_THAT(fifo.GetByKey("foo"), IsEmpty());
}

TEST_F(DeltaFifoTest, AKeysPlaceIsThatOfItsFirstChangeAndNobodyJumpsTheLine) {
  Fifo fifo(Options());
  for (const auto& [key, value] : std::vector<std::pair<std::string, int>>{
           {"foo", 10}, {"bar", 1}, {"foo", 11}, {"foo", 13}, {"zab", 30}}) {
    ASSERT_TRUE(fifo.Add(Make(key, value)).ok());
  }
  EXPECT_EQ(Pop(fifo), "foo: Added(10) Added(11) Added(13)");
  ASSERT_TRUE(fifo.Add(Make("foo", 14)).ok());
  EXPECT_THAT(PopAll(fifo), ElementsAre("bar: Added(1)", "zab: Added(30)", "foo: Added(14)"));
}

TEST_F(DeltaFifoTest, ADeletionOfWhatNobodyKnowsQueuesNothingButCountsAsFirstOperation) {
  Fifo fifo(Options());
  EXPECT_FALSE(fifo.HasSynced());
  ASSERT_TRUE(fifo.Delete(Make("baz", 20)).ok());
  EXPECT_EQ(fifo.size(), 0u);
  EXPECT_TRUE(fifo.HasSynced());
}

TEST_F(DeltaFifoTest, ADeletionOfWhatTheConsumerHasOrMayHaveIsQueued) {
  Know("baz", 1);
  known_.broken = "qux";
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Delete(Make("baz", 20)).ok());
  ASSERT_TRUE(fifo.Delete(Make("qux", 21)).ok());
  EXPECT_THAT(PopAll(fifo), ElementsAre("baz: Deleted(20)", "qux: Deleted(21)"));
}

TEST_F(DeltaFifoTest, ADeletionBeforeTheConsumerHasTheObjectIsTwoDeltas) {
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Add(Make("foo", 5)).ok());
  ASSERT_TRUE(fifo.Delete(Make("foo", 6)).ok());
  EXPECT_EQ(Pop(fifo), "foo: Added(5) Deleted(6)");
}

TEST_F(DeltaFifoTest, OfTwoDeletionsInARowTheOneThatKnowsMoreStays) {
  Know("foo", 1);
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Delete(Make("foo", 2)).ok());
  ASSERT_TRUE(fifo.DeleteFinalStateUnknown("foo", Make("foo", 1)).ok());
  EXPECT_EQ(Pop(fifo), "foo: Deleted(2)");

  ASSERT_TRUE(fifo.DeleteFinalStateUnknown("foo", Make("foo", 1)).ok());
  ASSERT_TRUE(fifo.Delete(Make("foo", 2)).ok());
  EXPECT_EQ(Pop(fifo), "foo: Deleted(2)");

  ASSERT_TRUE(fifo.DeleteFinalStateUnknown("foo", Make("foo", 1)).ok());
  ASSERT_TRUE(fifo.DeleteFinalStateUnknown("foo", nullptr).ok());
  EXPECT_EQ(Pop(fifo), "foo: Deleted(?, unknown)");
}

TEST_F(DeltaFifoTest, NothingElseIsFolded) {
  Fifo fifo(Options());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(fifo.Add(Make("foo", 1)).ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(fifo.Replace({Make("foo", 2)}).ok());
  ASSERT_TRUE(fifo.Delete(Make("foo", 3)).ok());
  ASSERT_TRUE(fifo.Add(Make("foo", 4)).ok());
  ASSERT_TRUE(fifo.Delete(Make("foo", 5)).ok());
  EXPECT_EQ(Pop(fifo),
            "foo: Added(1) Added(1) Replaced(2) Replaced(2) Deleted(3) Added(4) Deleted(5)");
}

TEST_F(DeltaFifoTest, AListAfterADeletionOfTheSameKeyIsBoth) {
  Know("foo", 5);
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Delete(Make("foo", 5)).ok());
  ASSERT_TRUE(fifo.Replace({Make("foo", 8)}).ok());
  EXPECT_EQ(Pop(fifo), "foo: Deleted(5) Replaced(8)");
}

TEST_F(DeltaFifoTest, ReplaceReportsReplacedOrSyncByOption) {
  Fifo::Options options = Options();
  options.emit_delta_type_replaced = false;
  Fifo old(std::move(options));
  ASSERT_TRUE(old.Replace({Make("foo", 1)}).ok());
  EXPECT_EQ(Pop(old), "initial foo: Sync(1)");
  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Replace({Make("foo", 1)}).ok());
  EXPECT_EQ(Pop(fifo), "initial foo: Replaced(1)");
}

TEST_F(DeltaFifoTest, ReplaceFindsDeletionsOfWhatIsOnlyQueued) {
  for (const bool known : {false, true}) {
    SCOPED_TRACE(known);
    {
      Fifo fifo(known ? WithKnown() : Options());
      ASSERT_TRUE(fifo.Add(Make("foo", 1)).ok());
      ASSERT_TRUE(fifo.Replace({}).ok());
      ASSERT_TRUE(fifo.Replace({}).ok());
      EXPECT_EQ(Pop(fifo), "foo: Added(1) Deleted(1, unknown)");
    }
    {
      Fifo fifo(known ? WithKnown() : Options());
      ASSERT_TRUE(fifo.Add(Make("foo", 1)).ok());
      for (int i = 0; i < 2; ++i) ASSERT_TRUE(fifo.Replace({Make("foo", 1)}).ok());
      ASSERT_TRUE(fifo.Replace({}).ok());
      EXPECT_EQ(Pop(fifo), "foo: Added(1) Replaced(1) Replaced(1) Deleted(1, unknown)");
    }
    {
      Fifo fifo(known ? WithKnown() : Options());
      ASSERT_TRUE(fifo.Add(Make("foo", 1)).ok());
      ASSERT_TRUE(fifo.Delete(Make("foo", 1)).ok());
      ASSERT_TRUE(fifo.Replace({}).ok());
      EXPECT_EQ(Pop(fifo), "foo: Added(1) Deleted(1)");
    }
    {
      Fifo fifo(known ? WithKnown() : Options());
      ASSERT_TRUE(fifo.Add(Make("foo", 1)).ok());
      ASSERT_TRUE(fifo.Delete(Make("foo", 1)).ok());
      ASSERT_TRUE(fifo.Add(Make("foo", 2)).ok());
      ASSERT_TRUE(fifo.Replace({}).ok());
      EXPECT_EQ(Pop(fifo), "foo: Added(1) Deleted(1) Added(2) Deleted(2, unknown)");
    }
  }
}

TEST_F(DeltaFifoTest, ReplaceFindsDeletionsOfWhatIsKnown) {
  Know("a", 1);
  Know("b", 2);
  Know("c", 3);
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Update(Make("b", 20)).ok());
  ASSERT_TRUE(fifo.Replace({Make("d", 4), Make("a", 10)}).ok());
  EXPECT_THAT(PopAll(fifo), ElementsAre("b: Updated(20) Deleted(20, unknown)", "d: Replaced(4)",
                                        "a: Replaced(10)", "c: Deleted(3, unknown)"));
}

TEST_F(DeltaFifoTest, AKnownKeyThatCannotBeLookedUpGivesATombstoneWithoutObject) {
  Know("a", 1);
  known_.broken = "a";
  Fifo fifo(WithKnown());
  fifo.Resync();
  EXPECT_EQ(fifo.size(), 0u);
  ASSERT_TRUE(fifo.Replace({}).ok());
  EXPECT_EQ(Pop(fifo), "initial a: Deleted(?, unknown)");
}

TEST_F(DeltaFifoTest, AnObjectWithoutAKeyIsRefused) {
  Fifo fifo(Options());
  EXPECT_EQ(fifo.Delete(Make("", 1)).message(),
            "couldn't create key for object: object has no key");
  EXPECT_FALSE(fifo.HasSynced());
  EXPECT_FALSE(fifo.Replace({Make("a", 1), Make("", 2), Make("b", 3)}).ok());
  EXPECT_FALSE(fifo.HasSynced());  // the next one is the initial list
  EXPECT_THAT(fifo.ListKeys(), ElementsAre("a"));
  EXPECT_FALSE(fifo.Add(Make("", 1)).ok());
  EXPECT_TRUE(fifo.HasSynced());
  EXPECT_FALSE(fifo.Get(Thing{}).ok());
}

TEST_F(DeltaFifoTest, ResyncReportsKnownObjectsOfWhichNothingIsQueued) {
  Know("a", 1);
  Know("b", 2);
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Update(Make("a", 5)).ok());
  fifo.Resync();
  EXPECT_THAT(PopAll(fifo), ElementsAre("a: Updated(5)", "b: Sync(2)"));
  ASSERT_TRUE(fifo.Delete(Make("a", 6)).ok());
  fifo.Resync();
  EXPECT_THAT(PopAll(fifo), ElementsAre("a: Deleted(6)", "b: Sync(2)"));

  Fifo nobody(Options());
  nobody.Resync();
  EXPECT_EQ(nobody.size(), 0u);
}

TEST_F(DeltaFifoTest, ResyncIsNoFirstOperation) {
  Know("a", 1);
  Fifo fifo(WithKnown());
  fifo.Resync();
  EXPECT_FALSE(fifo.HasSynced());
  EXPECT_EQ(Pop(fifo), "initial a: Sync(1)");
  EXPECT_FALSE(fifo.HasSynced());
}

TEST_F(DeltaFifoTest, ItHasSyncedOnceTheInitialListIsProcessed) {
  Fifo empty(Options());
  EXPECT_FALSE(empty.HasSynced());
  ASSERT_TRUE(empty.Replace({}).ok());
  EXPECT_TRUE(empty.HasSynced());

  Fifo twice(Options());
  ASSERT_TRUE(twice.Replace({Make("a", 1), Make("a", 1)}).ok());
  EXPECT_FALSE(twice.HasSynced());
  EXPECT_EQ(Pop(twice), "initial a: Replaced(1) Replaced(1)");
  EXPECT_TRUE(twice.HasSynced());

  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Replace({Make("a", 1), Make("b", 2)}).ok());
  ASSERT_TRUE(fifo.Add(Make("c", 3)).ok());
  EXPECT_EQ(Pop(fifo), "initial a: Replaced(1)");
  EXPECT_FALSE(fifo.HasSynced());
  EXPECT_EQ(Pop(fifo), "initial b: Replaced(2)");
  EXPECT_TRUE(fifo.HasSynced());
  EXPECT_EQ(Pop(fifo), "c: Added(3)");
}

TEST_F(DeltaFifoTest, DeletionsThatTheInitialListFindsBelongToIt) {
  for (const char* key : {"a", "b", "c"}) Know(key, 1);
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Replace({Make("b", 2)}).ok());
  for (const char* popped : {"initial b: Replaced(2)", "initial a: Deleted(1, unknown)",
                             "initial c: Deleted(1, unknown)"}) {
    EXPECT_FALSE(fifo.HasSynced());
    EXPECT_EQ(Pop(fifo), popped);
  }
  EXPECT_TRUE(fifo.HasSynced());
}

TEST_F(DeltaFifoTest, TheInitialListCountsDownAfterItIsProcessed) {
  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Replace({Make("a", 1)}).ok());
  bool synced_meanwhile = true;
  fifo.TryPop([&](const auto&, const auto&, bool) {
    synced_meanwhile = fifo.HasSynced();
    return absl::OkStatus();
  });
  EXPECT_FALSE(synced_meanwhile);
  EXPECT_TRUE(fifo.HasSynced());
}

TEST_F(DeltaFifoTest, AKeyInHandWhenTheInitialListArrivesIsNoneOfIts) {
  Know("a", 1);
  Fifo fifo(WithKnown());
  fifo.Resync();
  fifo.TryPop([&](const auto&, const auto&, bool) {
    EXPECT_TRUE(fifo.Replace({Make("b", 2)}).ok());
    return absl::OkStatus();
  });
  EXPECT_FALSE(fifo.HasSynced());
  // "a" was not listed: it goes, as part of the initial list.
  EXPECT_THAT(PopAll(fifo),
              ElementsAre("initial b: Replaced(2)", "initial a: Deleted(1, unknown)"));
  EXPECT_TRUE(fifo.HasSynced());
}

// The consumer stores what it processes without the queue's lock: until it has, what is in hand
// says what it will have.
TEST_F(DeltaFifoTest, WhatArrivesWhileAKeyIsProcessedIsNotJudgedByAStoreThatIsBehind) {
  Fifo fifo(WithKnown());
  ASSERT_TRUE(fifo.Add(Make("a", 1)).ok());
  fifo.TryPop([&](const auto&, const auto&, bool) {
    EXPECT_TRUE(fifo.Delete(Make("a", 2)).ok());  // not stored yet, but will be
    return absl::OkStatus();
  });
  EXPECT_EQ(Pop(fifo), "a: Deleted(2)");

  ASSERT_TRUE(fifo.Add(Make("b", 1)).ok());
  fifo.TryPop([&](const auto&, const auto&, bool) {
    EXPECT_TRUE(fifo.Replace({}).ok());
    return absl::OkStatus();
  });
  EXPECT_EQ(Pop(fifo), "b: Deleted(1, unknown)");

  Know("c", 1);  // an update is in hand: the stored state must not come after it
  ASSERT_TRUE(fifo.Update(Make("c", 2)).ok());
  fifo.TryPop([&](const auto&, const auto&, bool) {
    fifo.Resync();
    return absl::OkStatus();
  });
  EXPECT_EQ(fifo.size(), 0u);

  ASSERT_TRUE(fifo.Delete(Make("c", 3)).ok());  // and one whose deletion is in hand goes once
  fifo.TryPop([&](const auto&, const auto&, bool) {
    EXPECT_TRUE(fifo.Replace({}).ok());
    EXPECT_TRUE(fifo.Delete(Make("c", 4)).ok());
    return absl::OkStatus();
  });
  EXPECT_EQ(fifo.size(), 0u);
}

TEST_F(DeltaFifoTest, AFailedProcessReturnsItsErrorAndTheItemIsGone) {
  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Add(Make("a", 1)).ok());
  const std::optional<absl::Status> status = fifo.TryPop(
      [](const auto&, const auto&, bool) { return absl::InternalError("store is full"); });
  EXPECT_EQ(*status, absl::InternalError("store is full"));
  EXPECT_EQ(fifo.size(), 0u);
}

TEST_F(DeltaFifoTest, AProcessThatThrowsCostsItsItemOnly) {
  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Replace({Make("a", 1), Make("b", 2)}).ok());
  EXPECT_THROW(fifo.TryPop([](const auto&, const auto&, bool) -> ProcessResult { throw 1; }), int);
  EXPECT_EQ(Pop(fifo), "initial b: Replaced(2)");
  EXPECT_TRUE(fifo.HasSynced());
}

TEST_F(DeltaFifoTest, RequeuedGoesToTheEndBeforeWhatIsNewer) {
  const auto requeue = [](const auto&, const auto&, bool) {
    return ProcessResult::Requeue(absl::OkStatus());
  };
  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Add(Make("a", 1)).ok());
  ASSERT_TRUE(fifo.Add(Make("b", 2)).ok());
  EXPECT_TRUE(fifo.TryPop(requeue)->ok());
  EXPECT_THAT(PopAll(fifo), ElementsAre("b: Added(2)", "a: Added(1)"));

  ASSERT_TRUE(fifo.Add(Make("a", 1)).ok());
  fifo.TryPop([&](const auto&, const auto&, bool) {
    EXPECT_TRUE(fifo.Update(Make("a", 2)).ok());
    return ProcessResult::Requeue(absl::OkStatus());
  });
  EXPECT_EQ(Pop(fifo), "a: Added(1) Updated(2)");
}

TEST_F(DeltaFifoTest, WhatIsPutBackNeverOverwritesWhatIsNewer) {
  Fifo fifo(Options());
  fifo.AddIfNotPresent("a", {{DeltaType::kAdded, Make("a", 1), false}});
  EXPECT_TRUE(fifo.HasSynced());
  fifo.AddIfNotPresent("a", {{DeltaType::kUpdated, Make("a", 0), false}});
  EXPECT_EQ(Pop(fifo), "a: Added(1)");
}

TEST_F(DeltaFifoTest, EveryLiveObjectIsTransformedOnce) {
  int calls = 0;
  Fifo::Options options = WithKnown();
  options.transform = [&calls](Object object) -> absl::StatusOr<Object> {
    ++calls;
    if (object->value < 0) return absl::InternalError("cannot transform");
    return Make(object->key, object->value + 100);
  };
  Know("gone", 107);
  Know("same", 108);
  Fifo fifo(std::move(options));
  ASSERT_TRUE(fifo.Add(Make("a", 1)).ok());
  ASSERT_TRUE(fifo.Delete(Make("a", 2)).ok());
  ASSERT_TRUE(fifo.Replace({Make("same", 8)}).ok());
  EXPECT_EQ(calls, 3);
  EXPECT_THAT(PopAll(fifo), ElementsAre("a: Added(101) Deleted(102)", "same: Replaced(108)",
                                        "gone: Deleted(107, unknown)"));
  fifo.Resync();
  EXPECT_THAT(PopAll(fifo), ElementsAre("gone: Sync(107)", "same: Sync(108)"));
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(fifo.Update(Make("b", -1)).ok());
  EXPECT_FALSE(fifo.Replace({Make("c", 1), Make("d", -1)}).ok());  // a part stays
  EXPECT_THAT(PopAll(fifo), ElementsAre("c: Replaced(101)"));
}

TEST_F(DeltaFifoTest, ClosedItGivesWhatIsQueuedAndTakesMore) {
  Fifo fifo(Options());
  ASSERT_TRUE(fifo.Add(Make("a", 1)).ok());
  fifo.Close();
  fifo.Close();
  EXPECT_TRUE(fifo.IsClosed());
  EXPECT_EQ(Pop(fifo), "a: Added(1)");
  ASSERT_TRUE(fifo.Add(Make("b", 2)).ok());
  EXPECT_EQ(Pop(fifo), "b: Added(2)");
  const absl::Status closed =
      *fifo.TryPop([](const auto&, const auto&, bool) { return absl::OkStatus(); });
  EXPECT_TRUE(IsFifoClosed(closed)) << closed;
  EXPECT_FALSE(IsFifoClosed(absl::FailedPreconditionError("another")));
}

TEST_F(DeltaFifoTest, WhoWaitsElsewhereIsToldOnceAnItemIsThere) {
  int ready = 0;
  Fifo::Options options = WithKnown();
  options.on_ready = [&ready] { ++ready; };
  Fifo fifo(std::move(options));
  ASSERT_TRUE(fifo.Delete(Make("nobody", 1)).ok());
  ASSERT_TRUE(fifo.Replace({}).ok());
  EXPECT_EQ(ready, 0);
  ASSERT_TRUE(fifo.Add(Make("a", 1)).ok());
  ASSERT_TRUE(fifo.Add(Make("b", 1)).ok());
  EXPECT_EQ(ready, 1);
  PopAll(fifo);
  ASSERT_TRUE(fifo.Replace({Make("a", 1)}).ok());
  EXPECT_EQ(ready, 2);
}

TEST_F(DeltaFifoTest, ASlowConsumerOfALongQueueIsReported) {
  testing::SimExecutor executor;
  std::vector<std::string> reports;
  Fifo::Options options = Options();
  options.clock = &executor.clock();
  options.on_slow = [&reports](const std::string& key, absl::Duration took, size_t waiting) {
    reports.push_back(absl::StrCat(key, " ", absl::FormatDuration(took), " ", waiting));
  };
  Fifo fifo(std::move(options));
  const auto slow = [&executor](const auto&, const auto&, bool) {
    executor.clock().Advance(absl::Milliseconds(101));
    return absl::OkStatus();
  };
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(fifo.Add(Make(absl::StrCat("k", i), i)).ok());
  fifo.TryPop(slow);
  fifo.TryPop(slow);  // ten wait: not long
  EXPECT_THAT(reports, ElementsAre("k0 101ms 11"));
}

}  // namespace
}  // namespace pleg
