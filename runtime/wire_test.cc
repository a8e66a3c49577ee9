#include "runtime/wire.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/lenient_parse.h"
#include "runtime/v1/api.pb.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string out;
  for (int byte : bytes) out.push_back(static_cast<char>(byte));
  return out;
}

// Field numbers read before the end or the damage; `ok` as the reader tells.
std::vector<uint32_t> Numbers(const std::string& wire, bool& ok) {
  std::vector<uint32_t> numbers;
  WireReader reader(wire);
  for (WireField field; reader.Next(field);) numbers.push_back(field.number);
  ok = reader.ok();
  return numbers;
}

TEST(WireReaderTest, ReadsEveryWireType) {
  const std::string wire = Bytes({0x08, 0xAC, 0x02,                             // 1: 300
                                  0x11, 1,    2,    3,    4,    5,    6, 7, 8,  // 2: fixed64
                                  0x1A, 2,    'h',  'i',                        // 3: bytes
                                  0x23, 0x08, 1,    0x2B, 0x2C, 0x24,  // 4: group with a group
                                  0x35, 1,    2,    3,    4});         // 6: fixed32
  WireReader reader(wire);
  WireField field;
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.number, 1u);
  EXPECT_EQ(field.varint, 300u);
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.whole.size(), 9u);
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.bytes, "hi");
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.type, WireType::kStartGroup);
  EXPECT_EQ(field.whole.size(), 6u);
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.number, 6u);
  EXPECT_FALSE(reader.Next(field));
  EXPECT_TRUE(reader.ok());
}

TEST(WireReaderTest, DamageIsFoundWhereItIs) {
  const std::vector<std::string> damaged = {
      Bytes({0x08}),                                                       // no value
      Bytes({0x88}),                                                       // half a tag
      Bytes({0x08, 0x80}),                                                 // half a varint
      Bytes({0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}),  // eleven bytes
      Bytes({0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01}),                   // a tag of six bytes
      Bytes({0x0A, 3, 'h', 'i'}),                                          // too short
      Bytes({0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}),                   // an absurd length
      Bytes({0x00, 0x01}),                                                 // field number 0
      Bytes({0x0E}),                                                       // wire type 6
      Bytes({0x0F}),                                                       // wire type 7
      Bytes({0x0C}),              // a group that never began
      Bytes({0x0B, 0x14}),        // ends as another one
      Bytes({0x0B, 0x10, 0x01}),  // never ends
      Bytes({0x09, 1, 2, 3}),     // half a fixed64
      Bytes({0x0D, 1, 2, 3}),     // half a fixed32
  };
  const std::string sound = Bytes({0x10, 0x07});
  for (const std::string& wire : damaged) {
    bool ok = true;
    EXPECT_THAT(Numbers(sound + wire, ok), ElementsAre(2));
    EXPECT_FALSE(ok);
    WireReader reader(wire);
    WireField field;
    EXPECT_FALSE(reader.Next(field));
    EXPECT_FALSE(reader.Next(field));  // and stays so
    EXPECT_EQ(reader.position(), 0u);
  }
}

TEST(WireReaderTest, PaddedVarintsAreAccepted) {
  bool ok = false;
  EXPECT_THAT(
      Numbers(Bytes({0x88, 0x80, 0x00, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}),
              ok),
      ElementsAre(1));
  EXPECT_TRUE(ok);
}

TEST(WireReaderTest, DeepGroupsAreRefused) {
  for (const auto& [depth, sound] :
       std::vector<std::pair<size_t, bool>>{{100, true}, {101, false}}) {
    bool ok = !sound;
    Numbers(std::string(depth, '\x0B') + std::string(depth, '\x0C'), ok);
    EXPECT_EQ(ok, sound) << depth;
  }
}

TEST(WireAppendTest, WritesWhatTheReaderReads) {
  std::string wire;
  AppendBytesField(300, std::string(1000, 'x'), wire);
  WireReader reader(wire);
  WireField field;
  ASSERT_TRUE(reader.Next(field));
  EXPECT_EQ(field.number, 300u);
  EXPECT_EQ(field.bytes, std::string(1000, 'x'));
  EXPECT_EQ(field.whole, wire);
}

class LenientParseTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { DiscardProtobufLog(); }

  // A container whose label has a byte that is no text, and which a newer runtime gave more fields.
  static std::string OddContainer() {
    v1::Container container;
    container.set_id("c1");
    container.set_state(v1::CONTAINER_EXITED);
    container.mutable_metadata()->set_name("app");
    (*container.mutable_labels())["key"] = "?value";
    std::string wire = container.SerializeAsString();
    wire[wire.find("?value")] = '\xff';
    AppendBytesField(1000, "\xff unknown bytes stay", wire);
    return wire;
  }
};

TEST_F(LenientParseTest, RepairsTextAndKeepsAllElse) {
  v1::Container container;
  ASSERT_FALSE(container.ParseFromString(OddContainer()));
  EXPECT_EQ(ParseLenient(OddContainer(), container), ParseResult::kRepaired);
  EXPECT_EQ(container.id(), "c1");
  EXPECT_EQ(container.state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(container.metadata().name(), "app");
  EXPECT_EQ(container.labels().at("key"), "\xEF\xBF\xBDvalue");
  std::string unknown;
  AppendBytesField(1000, "\xff unknown bytes stay", unknown);
  EXPECT_THAT(container.SerializeAsString(), ::testing::HasSubstr(unknown));
}

TEST_F(LenientParseTest, SoundMessagesAreParsedAsTheyAre) {
  v1::Container container;
  container.set_id("c1");
  v1::Container parsed;
  EXPECT_EQ(ParseLenient(container.SerializeAsString(), parsed), ParseResult::kOk);
  EXPECT_EQ(parsed.id(), "c1");
  EXPECT_EQ(ParseLenient("", parsed), ParseResult::kOk);
}

TEST_F(LenientParseTest, EveryTruncationOfAnOddMessageIsMalformedOrRepaired) {
  const std::string wire = OddContainer();
  v1::Container parsed;
  for (size_t length = 0; length < wire.size(); ++length) {
    const ParseResult result = ParseLenient(wire.substr(0, length), parsed);
    bool sound = false;
    Numbers(wire.substr(0, length), sound);
    EXPECT_EQ(result == ParseResult::kMalformed, !sound) << length;
  }
}

}  // namespace
}  // namespace runtime
