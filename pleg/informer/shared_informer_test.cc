#include "pleg/informer/shared_informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Thing {
  std::string key;
  int value = 0;
};
using Informer = SharedInformer<Thing>;
using Object = Informer::Object;

Object Make(std::string key, int value) {
  return std::make_shared<Thing>(Thing{std::move(key), value});
}

// "+foo 1", "initial +foo 1", "foo 1>2", "-foo 2", "-foo 2 unknown".
class Recorder : public EventHandler<Thing> {
 public:
  void OnAdd(const Object& object, bool is_in_initial_list) override {
    Note(absl::StrCat(is_in_initial_list ? "initial " : "", "+", object->key, " ", object->value));
  }
  void OnUpdate(const Object& before, const Object& object) override {
    Note(absl::StrCat(object->key, " ", before->value, ">", object->value));
  }
  void OnDelete(const Object& last, bool final_state_unknown) override {
    Note(absl::StrCat("-", last->key, " ", last->value, final_state_unknown ? " unknown" : ""));
  }
  std::vector<std::string> Take() { return std::exchange(notes, {}); }

  std::vector<std::string> notes;
  std::function<void()> during;  // each call

 private:
  void Note(std::string note) {
    notes.push_back(std::move(note));
    if (during) during();
  }
};

class RecordingLog : public Log {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Write(LogLevel, absl::string_view message, std::initializer_list<LogField> fields) override {
    std::string line(message);
    for (const LogField& field : fields) absl::StrAppend(&line, " ", field.key, "=", field.value);
    lines.push_back(std::move(line));
  }

  std::vector<std::string> lines;
};

class SharedInformerTest : public ::testing::Test {
 protected:
  Informer::Options Options(absl::Duration resync = absl::ZeroDuration()) {
    return {.key = [](const Thing& thing) { return thing.key; },
            .resync_check_period = resync,
            .executor = executor_,
            .clock = executor_.clock(),
            .log = log_};
  }
  // `capacity` and the like as the test wants them; on an executor of its own that stands still
  // until Settle.
  Informer::Handle AddSlow(Informer& informer, HandlerOptions<Thing> options) {
    options.executor = &slow_;
    return *informer.AddEventHandler(slow_recorder_, std::move(options));
  }

  testing::SimExecutor executor_;
  testing::SimExecutor slow_;
  RecordingLog log_;
  std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
  std::shared_ptr<Recorder> slow_recorder_ = std::make_shared<Recorder>();
};

TEST_F(SharedInformerTest, TellsOfEveryChangeOnceItRuns) {
  Informer informer(Options());
  const auto handle = informer.AddEventHandler(recorder_, {});
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(informer.Replace({Make("a", 1), Make("b", 1)}).ok());
  executor_.Settle();
  EXPECT_THAT(recorder_->notes, IsEmpty());
  informer.Start();
  informer.Start();
  executor_.Settle();
  EXPECT_THAT(recorder_->Take(), ElementsAre("initial +a 1", "initial +b 1"));
  EXPECT_TRUE(handle->HasSynced());
  ASSERT_TRUE(informer.Add(Make("c", 1)).ok());
  ASSERT_TRUE(informer.Update(Make("a", 2)).ok());
  ASSERT_TRUE(informer.Delete(Make("b", 2)).ok());
  ASSERT_TRUE(informer.Replace({Make("a", 3)}).ok());
  executor_.Settle();
  EXPECT_THAT(recorder_->Take(), ElementsAre("+c 1", "-c 1 unknown", "a 1>2", "a 2>3", "-b 2"));
  EXPECT_EQ(informer.store().size(), 1u);
}

TEST_F(SharedInformerTest, ALateHandlerIsToldOfAllThatIsThereBeforeAnythingLater) {
  Informer informer(Options());
  informer.Start();
  ASSERT_TRUE(informer.Replace({Make("a", 1)}).ok());
  executor_.Settle();
  const Informer::Handle late = *informer.AddEventHandler(recorder_, {});
  EXPECT_FALSE(late.HasSynced());
  ASSERT_TRUE(informer.Update(Make("a", 2)).ok());
  executor_.Settle();
  EXPECT_THAT(recorder_->Take(), ElementsAre("initial +a 1", "a 1>2"));
  EXPECT_TRUE(late.HasSynced());
}

TEST_F(SharedInformerTest, OneThatFallsBehindIsToldLessAndTheTruth) {
  Informer informer(Options());
  informer.Start();
  ASSERT_TRUE(informer.AddEventHandler(recorder_, {}).ok());
  Informer::Handle slow = AddSlow(informer, {.name = "slow", .capacity = 2});
  auto act = [&](const absl::Status& status) {
    ASSERT_TRUE(status.ok());
    executor_.Settle();
  };
  act(informer.Replace({Make("a", 1), Make("b", 1)}));
  act(informer.Update(Make("a", 2)));
  act(informer.Update(Make("a", 3)));
  act(informer.Delete(Make("b", 2)));  // it never heard of b
  act(informer.Add(Make("c", 1)));
  act(informer.Add(Make("d", 1)));
  act(informer.Delete(Make("d", 2)));
  act(informer.Add(Make("d", 3)));
  EXPECT_EQ(recorder_->notes.size(), 9u);
  EXPECT_EQ(slow.stats().folded, 4u);
  EXPECT_EQ(slow.stats().pending, 3u);
  EXPECT_THAT(log_.lines,
              ElementsAre("a handler falls behind: its notifications are folded handler=slow "
                          "pending=2"));
  EXPECT_FALSE(slow.HasSynced());
  slow_.Settle();
  EXPECT_THAT(slow_recorder_->Take(), ElementsAre("initial +a 3", "+c 1", "+d 3"));
  EXPECT_TRUE(slow.HasSynced());
}

TEST_F(SharedInformerTest, FoldedDeletionsAndReturnsEndInTheTruth) {
  Informer informer(Options());
  informer.Start();
  AddSlow(informer, {.name = "slow", .capacity = 1});
  ASSERT_TRUE(informer.Replace({Make("a", 1), Make("b", 1)}).ok());
  executor_.Settle();
  slow_.Settle();
  slow_recorder_->Take();
  for (const int value : {2, 3}) {
    ASSERT_TRUE(informer.Update(Make("a", value)).ok());
    ASSERT_TRUE(informer.Update(Make("b", value)).ok());
    executor_.Settle();
  }
  ASSERT_TRUE(informer.Delete(Make("a", 4)).ok());
  ASSERT_TRUE(informer.Delete(Make("b", 4)).ok());
  executor_.Settle();
  ASSERT_TRUE(informer.Add(Make("b", 5)).ok());
  executor_.Settle();
  slow_.Settle();
  EXPECT_THAT(slow_recorder_->Take(), ElementsAre("-a 4", "b 1>5"));
}

TEST_F(SharedInformerTest, OneThatThrowsLosesThatNotificationAndHurtsNobody) {
  Informer informer(Options());
  informer.Start();
  Informer::Handle slow = AddSlow(informer, {.name = "broken"});
  slow_recorder_->during = [this] {
    if (slow_recorder_->notes.size() == 1) throw std::runtime_error("no disk");
  };
  Informer::Handle well = *informer.AddEventHandler(recorder_, {});
  ASSERT_TRUE(informer.Replace({Make("a", 1), Make("b", 1)}).ok());
  executor_.Settle();
  EXPECT_EQ(recorder_->notes.size(), 2u);
  EXPECT_TRUE(well.HasSynced());
  slow_.Settle();
  EXPECT_THAT(slow_recorder_->notes, ElementsAre("initial +a 1"));  // and a pause
  slow_.Advance(absl::Seconds(2));
  EXPECT_THAT(slow_recorder_->notes, ElementsAre("initial +a 1", "initial +b 1"));
  EXPECT_FALSE(slow.HasSynced());
  EXPECT_EQ(slow.stats().failed, 1u);
  EXPECT_THAT(log_.lines, ElementsAre("a handler failed: it has lost this notification "
                                      "handler=broken error=no disk"));
}

TEST_F(SharedInformerTest, OneThatIsSlowWithManyWaitingIsReported) {
  Informer informer(Options());
  informer.Start();
  ASSERT_TRUE(informer.AddEventHandler(recorder_, {.name = "ipam"}).ok());
  recorder_->during = [this] {
    if (recorder_->notes.size() == 1) executor_.clock().Advance(absl::Milliseconds(150));
  };
  // On the informer's own executor: all is queued for it before it is called.
  std::vector<Object> list;
  for (int i = 0; i < 12; ++i) list.push_back(Make(absl::StrCat("k", i), i));
  ASSERT_TRUE(informer.Replace(list).ok());
  executor_.Settle();
  EXPECT_EQ(recorder_->notes.size(), 12u);
  EXPECT_THAT(log_.lines, IsEmpty());  // they come one by one: nothing waits
  Informer::Handle late = AddSlow(informer, {.name = "late"});
  slow_recorder_->during = [this] { executor_.clock().Advance(absl::Milliseconds(150)); };
  slow_.Settle();
  EXPECT_THAT(log_.lines, ElementsAre("a handler is slow handler=late took=150ms waiting=11"));
}

TEST_F(SharedInformerTest, RemovedIsToldNoMore) {
  Informer informer(Options());
  informer.Start();
  Informer::Handle handle = *informer.AddEventHandler(recorder_, {});
  Informer::Handle other = *informer.AddEventHandler(recorder_, {});
  ASSERT_TRUE(informer.Replace({Make("a", 1)}).ok());
  executor_.Settle();
  EXPECT_EQ(recorder_->Take().size(), 2u);  // the same handler twice is two
  handle.Remove();
  handle.Remove();
  ASSERT_TRUE(informer.Update(Make("a", 2)).ok());
  executor_.Settle();
  EXPECT_THAT(recorder_->Take(), ElementsAre("a 1>2"));
  EXPECT_TRUE(other.ShutDown().ok());
}

TEST_F(SharedInformerTest, AHandlerCannotWaitForItsOwnEndButMayLeave) {
  Informer informer(Options());
  informer.Start();
  Informer::Handle handle = *informer.AddEventHandler(recorder_, {.name = "self"});
  absl::Status own;
  recorder_->during = [&] {
    own = handle.ShutDown();
    handle.Remove();
  };
  ASSERT_TRUE(informer.Replace({Make("a", 1), Make("b", 1)}).ok());
  executor_.Settle();
  EXPECT_EQ(own.message(), "handler self cannot wait for its own end");
  EXPECT_EQ(recorder_->notes.size(), 1u);
}

TEST_F(SharedInformerTest, AfterTheStopNobodyIsToldAnythingNorTaken) {
  Informer informer(Options());
  informer.Start();
  ASSERT_TRUE(informer.AddEventHandler(recorder_, {}).ok());
  ASSERT_TRUE(informer.Replace({Make("a", 1)}).ok());
  informer.Stop();
  informer.Stop();
  ASSERT_TRUE(informer.Update(Make("a", 2)).ok());
  executor_.Settle();
  EXPECT_THAT(recorder_->notes, IsEmpty());
  EXPECT_EQ(informer.AddEventHandler(recorder_, {.name = "ipam"}).status().message(),
            "handler ipam was not added to shared informer because it has stopped already");
}

TEST_F(SharedInformerTest, TheShortestResyncBeforeTheStartIsTheCheckPeriod) {
  Informer informer(Options(absl::Hours(12)));
  HandlerOptions<Thing> fast{.resync_period = absl::Seconds(2)};
  ASSERT_TRUE(informer.AddEventHandler(recorder_, fast).ok());
  ASSERT_TRUE(informer.AddEventHandler(slow_recorder_, {}).ok());
  informer.Start();
  ASSERT_TRUE(informer.Replace({Make("a", 1)}).ok());
  executor_.Settle();
  recorder_->Take();
  slow_recorder_->Take();
  executor_.Advance(absl::Milliseconds(4100));
  EXPECT_THAT(recorder_->Take(), ElementsAre("a 1>1", "a 1>1"));
  EXPECT_THAT(slow_recorder_->Take(), IsEmpty());
  // Later ones are put up to it, and none is below a second.
  auto eager = std::make_shared<Recorder>();
  ASSERT_TRUE(informer.AddEventHandler(eager, {.resync_period = absl::Milliseconds(1)}).ok());
  executor_.Settle();
  eager->Take();
  executor_.Advance(absl::Seconds(4));
  EXPECT_THAT(eager->Take(), ElementsAre("a 1>1"));  // due 2 s after it came, seen at a check
}

TEST_F(SharedInformerTest, AnIndexAddedWhileItRunsCoversWhatIsStored) {
  Informer informer(Options());
  informer.Start();
  ASSERT_TRUE(informer.Replace({Make("a", 1), Make("b", 2), Make("c", 1)}).ok());
  executor_.Settle();
  ASSERT_TRUE(informer
                  .AddIndex("value",
                            [](const Thing& thing) {
                              return std::vector<std::string>{absl::StrCat(thing.value)};
                            })
                  .ok());
  EXPECT_THAT(*informer.store().IndexKeys("value", "1"), ElementsAre("a", "c"));
}

}  // namespace
}  // namespace pleg
