#include "gimbal/cli/diversity_tour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/cli/test_host.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/run/markup_check.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;

class DiversityTour : public ::testing::Test {
 protected:
  DiversityTour() : folder_(*TemporaryFolder::create()) {}

  Result<run::TourOutcome> run(const std::string& data = "data") {
    run::TourContext tour;
    tour.data_folder = data;
    tour.scratch_folder = folder_.path().string();
    tour.clock = &clock_;
    return diversity_tour_steps().at(0).run(tour);
  }
  std::string file(const char* name) const { return (folder_.path() / name).string(); }

  // What every record says of the generation, without times.
  static std::vector<std::string> behaviours(const std::string& path) {
    std::vector<std::string> out;
    const auto lines = data::read_jsonl(path, {.header_schema = "gimbal.diversity.records/1"});
    EXPECT_TRUE(lines.has_value());
    for (const JsonView& record : lines->records) {
      const std::int64_t number = record.has("class") ? record.integer("class").value_or(-1) : -1;
      out.push_back(record.string("prompt_id").value() + " " + record.string("status").value() + " " +
                    record.string("behaviour").value() + " " + std::to_string(number));
    }
    return out;
  }

  TemporaryFolder folder_;
  RealClock clock_;
};

// At p = 0 the means of the four problems are those of an independent runner: validity .93125 and div_fixed .2875.
TEST_F(DiversityTour, ShowsThatWordingRisesWhileWorkingBehavioursFall) {
  const auto outcome = run();
  ASSERT_TRUE(outcome) << outcome.error().text();
  if (outcome->skipped) GTEST_SKIP() << "skipped: " << outcome->headline;
  EXPECT_EQ(outcome->what, "40 programs for each of 4 problems, run in the sandbox as they are and with tokens changed");
  EXPECT_THAT(outcome->headline, HasSubstr("different working programs (div_fixed) fall from 28.7"));
  run::Report report;
  report.title = "tour";
  for (const run::ReportBlock& block : outcome->blocks) report.add(block);
  const std::string html = run::to_html(report);
  EXPECT_EQ(run::read_markup(html).error, "");
  EXPECT_THAT(html, HasSubstr("<svg"));

  // The commands that the report prints make the same records from the files in the step's folder, and score them.
  TestHost host;
  ASSERT_EQ(host.run({"diversity", "run", file("generations.jsonl"), "--tasks", "data/diversity/variants.jsonl.gz", "--extract",
                      "raw", "--limit", "2", "-o", file("again.jsonl")}),
            0)
      << host.err;
  const std::vector<std::string> ours = behaviours(file("records.jsonl")), again = behaviours(file("again.jsonl"));
  ASSERT_EQ(ours.size(), 480U);
  EXPECT_EQ(again, std::vector<std::string>(ours.begin(), ours.begin() + 80));
  ASSERT_EQ(host.run({"diversity", "score", file("records.jsonl"), "--measures", "semantic"}), 0) << host.err;
  EXPECT_THAT(host.out, HasSubstr("0.9313"));
  EXPECT_THAT(host.out, HasSubstr("0.2875"));
}

TEST_F(DiversityTour, NamesTheFileThatIsMissing) {
  const auto outcome = run(file("nowhere"));
  if (outcome && outcome->skipped) GTEST_SKIP() << "skipped: " << outcome->headline;
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(outcome.error().text(), HasSubstr("variants.jsonl.gz"));
}

}  // namespace
}  // namespace gimbal::cli
