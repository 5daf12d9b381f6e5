#include "gimbal/run/metrics.h"

#include "gimbal/base/file.h"

namespace gimbal::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MetricsTest : public ::testing::Test {
 protected:
  std::string write(std::string_view text) {
    EXPECT_TRUE(write_atomic(path_, text).has_value());
    return path_;
  }
  TemporaryFolder folder_ = std::move(TemporaryFolder::create().value());
  std::string path_ = (folder_.path() / "metrics.jsonl").string();
};

TEST(MetricNames, HavePartsOfSmallLettersDigitsAndThreeSigns) {
  for (const char* good : {"loss", "time/step_s", "rewards/math.v2/mean", "a-b", "0"})
    EXPECT_TRUE(is_metric_name(good)) << good;
  for (const char* bad : {"", "step", "/a", "a/", "a//b", "Loss", "a b", "\xc3\xa4"}) EXPECT_FALSE(is_metric_name(bad)) << bad;
}

TEST(MetricNames, BelongToAGroup) {
  EXPECT_EQ(metric_group("rewards/math/mean"), "rewards");
  EXPECT_EQ(metric_group("loss"), "loss");
  EXPECT_TRUE(is_machine_metric("time/elapsed_s"));
  EXPECT_TRUE(is_machine_metric("tok_s/train"));
  EXPECT_TRUE(is_machine_metric("sys/rss_mb"));
  EXPECT_FALSE(is_machine_metric("time"));
  EXPECT_FALSE(is_machine_metric("times/x"));
}

TEST_F(MetricsTest, CollectsEachNameWithItsOwnSteps) {
  const Metrics metrics = read_metrics(write("{\"step\":1,\"loss\":2.5}\n"
                                             "{\"step\":2,\"loss\":null,\"accuracy\":0.4}\n"
                                             "{\"step\":2,\"loss\":2}\n"
                                             "{\"step\":3,\"lo"))
                              .value();
  EXPECT_EQ(metrics.lines, 3u);
  EXPECT_EQ(metrics.last_step, 2);
  ASSERT_EQ(metrics.series.size(), 2u);
  EXPECT_THAT(metrics.find("loss")->step, ElementsAre(1, 2, 2));
  EXPECT_THAT(metrics.find("loss")->value, ElementsAre(2.5, ::testing::IsNan(), 2));
  EXPECT_THAT(metrics.find("accuracy")->step, ElementsAre(2));
  EXPECT_EQ(metrics.find("reward"), nullptr);
}

TEST_F(MetricsTest, ReadsBackWhatItWrites) {
  const std::vector<MetricValue> values = {{"loss", 0.1}, {"grad_norm", 1e300}, {"reward/mean", -3}};
  const Metrics metrics = read_metrics(write(metric_line(7, values).value())).value();
  for (const auto& [name, value] : values) EXPECT_THAT(metrics.find(name)->value, ElementsAre(value)) << name;
}

TEST_F(MetricsTest, SaysWhereALineIsWrong) {
  const auto message = [&](std::string_view text) {
    const auto read = read_metrics(write(text));
    return read ? std::string() : read.error().text();
  };
  EXPECT_THAT(message("{\"step\":2}\n{\"step\":1}\n"), HasSubstr("metrics.jsonl:2"));
  EXPECT_THAT(message("{\"step\":2}\n{\"step\":1}\n"), HasSubstr("step: expected at least 2, the step before, found 1"));
  EXPECT_THAT(message("{\"loss\":2}\n"), HasSubstr("the key \"step\" is missing"));
  EXPECT_THAT(message("{\"step\":1,\"loss\":\"low\"}\n"), HasSubstr("expected a number, found \"low\""));
}

TEST_F(MetricsTest, AreEmptyWithoutAFile) {
  EXPECT_TRUE(read_metrics(path_).value().series.empty());
  EXPECT_EQ(read_last_metrics(path_).value().last_step, std::nullopt);
}

TEST_F(MetricsTest, ReadsTheEndOfALongFile) {
  std::string text;
  std::int64_t steps = 0;
  for (; text.size() < 3 * kMetricsTail; ++steps) text += metric_line(steps, std::vector<MetricValue>{{"loss", 1.0}}).value();
  const Metrics last = read_last_metrics(write(text + "{\"step\":99999")).value();
  EXPECT_EQ(last.last_step, steps - 1);
  EXPECT_LT(last.lines, static_cast<std::size_t>(steps) / 2) << "not the whole file";
  EXPECT_GT(last.lines, 100u);
}

TEST_F(MetricsTest, ReadsShortFilesWhole) {
  const Metrics last = read_last_metrics(write("{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":1}\n")).value();
  EXPECT_THAT(last.find("loss")->value, ElementsAre(2, 1));
}

}  // namespace
}  // namespace gimbal::run
