#include "pleg/diagnosis/known_versions.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

std::string SourcesOf(Component component, absl::string_view version) {
  std::string sources;
  for (const KnownVersion* known : MatchVersion(component, version)) {
    absl::StrAppend(&sources, known->source.substr(known->source.rfind('/') + 1), " ");
  }
  return sources;
}

TEST(KnownVersionsTest, ComparesByNumbers) {
  EXPECT_LT(CompareVersions("1.7.9", "1.7.14"), 0);
  EXPECT_GT(CompareVersions("v2.0.0", "1.7.14"), 0);
  EXPECT_EQ(CompareVersions("v1.7.14", "1.7.14"), 0);
  EXPECT_EQ(CompareVersions("252 (252.39-1~deb12u1)", "252"), 0);
  EXPECT_LT(CompareVersions("1.7", "1.7.0"), 0);
  EXPECT_EQ(CompareVersions("", ""), 0);
  EXPECT_LT(CompareVersions("none", "0"), 0);
  EXPECT_EQ(CompareVersions("99999999999999999999999", "99999999999999999999998"), 0);
}

TEST(KnownVersionsTest, MatchesTheKernelsOfTheReport) {
  EXPECT_EQ(SourcesOf(Component::kKernel, "5.4.214-120.368.amzn2.x86_64"), "1071 ");
  EXPECT_EQ(SourcesOf(Component::kKernel, "5.4.217-126.408.amzn2.x86_64"), "1071 ");
  EXPECT_EQ(SourcesOf(Component::kKernel, "5.4.219-126.411.amzn2.x86_64"), "");
  EXPECT_EQ(SourcesOf(Component::kKernel, "5.4.209-116.367.amzn2.x86_64"), "");
  EXPECT_EQ(SourcesOf(Component::kKernel, "5.4.217-generic"), "");
  EXPECT_EQ(SourcesOf(Component::kKernel, "6.12.37-61.105.amzn2023.x86_64"), "993 ");
  EXPECT_EQ(SourcesOf(Component::kKernel, "6.1.115-126.197.amzn2023.x86_64"), "856 ");
  EXPECT_EQ(SourcesOf(Component::kKernel, "6.1.0-37-amd64"), "");
}

TEST(KnownVersionsTest, MatchesRuntimesAndSystemd) {
  EXPECT_EQ(SourcesOf(Component::kContainerd, "v1.4.4"), "5274 ");
  EXPECT_EQ(SourcesOf(Component::kContainerd, "1.7.15"), "10589 ");
  EXPECT_EQ(SourcesOf(Component::kContainerd, "v1.7.21"), "10589 ");
  EXPECT_EQ(SourcesOf(Component::kContainerd, "v1.7.22"), "");
  EXPECT_EQ(SourcesOf(Component::kContainerd, "1.6.20~ds1"), "");
  EXPECT_EQ(SourcesOf(Component::kCrio, "1.34.5"), "9979 ");
  EXPECT_EQ(SourcesOf(Component::kCrio, "1.33.5"), "");
  EXPECT_EQ(SourcesOf(Component::kSystemd, "219"), "11809 ");
  EXPECT_EQ(SourcesOf(Component::kSystemd, "252 (252.39-1~deb12u1)"), "");
}

TEST(KnownVersionsTest, WhatIsNoVersionMatchesNothing) {
  for (Component component :
       {Component::kKernel, Component::kContainerd, Component::kCrio, Component::kSystemd}) {
    EXPECT_EQ(SourcesOf(component, ""), "");
    EXPECT_EQ(SourcesOf(component, "unknown"), "");
  }
}

TEST(KnownVersionsTest, EachHasASourceADateAndARange) {
  for (const KnownVersion& known : KnownVersions()) {
    EXPECT_TRUE(absl::StartsWith(known.source, "https://")) << known.what;
    EXPECT_EQ(known.date.size(), 7) << known.what;
    EXPECT_FALSE(known.from.empty() && known.until.empty()) << known.what;
    EXPECT_LE(known.what.size(), 100) << known.what;
  }
}

}  // namespace
}  // namespace pleg
