#include "gimbal/cli/policy_run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "gimbal/base/file.h"
#include "gimbal/cli/test_host.h"

namespace gimbal::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

class PolicyRunFolder : public ::testing::Test {
 protected:
  struct Row {
    int x;
    std::string arm, e_a, e_b;
    int y;
  };

  PolicyRunFolder() : folder_(*TemporaryFolder::create()) {}

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    ASSERT_TRUE(write_atomic(path(name), text));
  }
  // Everything below the temporary folder, or one in it.
  std::vector<std::string> found(const std::string& below = "") const {
    std::vector<std::string> out;
    const fs::path start = folder_.path() / below;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(start)) {
      out.push_back(entry.path().lexically_relative(start).string());
    }
    std::ranges::sort(out);
    return out;
  }

  // 80 rows of two arms whose outcome depends on x. `spoil` changes a row before it is written.
  template <typename Spoil>
  void write_trial(const std::string& name, Spoil spoil, int first_id = 0) const {
    std::string csv = "id,x,arm,e_a,e_b,y\n";
    for (int i = 0; i < 80; ++i) {
      Row row{i % 7, i % 2 == 0 ? "a" : "b", "0.5", "0.5", (i * 5) % 11 + (i % 2) * (i % 7)};
      spoil(i, row);
      csv += fmt::format("{},{},{},{},{},{}\n", first_id + i, row.x, row.arm, row.e_a, row.e_b, row.y);
    }
    write(name, csv);
  }
  static void as_it_is(int, Row&) {}

  int run(const std::string& data, const std::vector<std::string>& more, const std::string& out = "run") {
    std::vector<std::string> words = {"policy", "run",       path(data), "--outcome", "y", "--action", "arm",    "--features",
                                      "x",      "--learner", "mean",     "--folds",   "2", "-o",       path(out)};
    words.insert(words.end(), more.begin(), more.end());
    return host_.run(words);
  }

  TemporaryFolder folder_;
  TestHost host_;
};

// A constant outcome in the training part is found by the fit: the folder, events and the two parts exist by then.
TEST_F(PolicyRunFolder, GoesAwayWithItsFoldersWhenTheFitIsRefused) {
  write_trial("flat.csv", [](int, Row& row) { row.y = 1; });
  EXPECT_EQ(run("flat.csv", {"--propensity", "uniform"}, "new/deep/run"), 3) << host_.err;
  EXPECT_THAT(host_.err, HasSubstr("the outcome \"y\" is the same (1)"));
  EXPECT_THAT(found(), ElementsAre("flat.csv"));
}

// A test part whose one row of propensities rules out the baseline arm is found when the frontier is computed for it: the
// models are there by then.
TEST_F(PolicyRunFolder, GoesAwayWithItsModelsWhenTheFrontierIsRefused) {
  write_trial("train.csv", as_it_is);
  write_trial("test.csv", [](int i, Row& row) {
    if (i == 1) row.e_a = "0", row.e_b = "1";
    row.y += 1;
  });
  EXPECT_EQ(run("train.csv", {"--propensity", "columns:e_", "--baseline", "arm:a", "--test", path("test.csv")}), 3)
      << host_.err;
  EXPECT_THAT(host_.err, HasSubstr("baseline"));
  EXPECT_THAT(found(), ElementsAre("test.csv", "train.csv"));
}

// A folder that was there stays, empty as it was; one that holds something is refused before anything is made.
TEST_F(PolicyRunFolder, LeavesAFolderThatWasThere) {
  write_trial("flat.csv", [](int, Row& row) { row.y = 1; });
  fs::create_directories(path("run"));
  EXPECT_EQ(run("flat.csv", {"--propensity", "uniform"}), 3) << host_.err;
  EXPECT_THAT(found(), ElementsAre("flat.csv", "run"));

  write("full/artifacts/model.json", "mine");
  write("full/notes.txt", "mine");
  EXPECT_EQ(run("flat.csv", {"--propensity", "uniform"}, "full"), 2) << host_.err;
  EXPECT_THAT(found("full"), ElementsAre("artifacts", "artifacts/model.json", "notes.txt"));
}

// Who puts files into the folder while the run works finds them again.
TEST_F(PolicyRunFolder, LeavesWhatOthersPutThere) {
  run::RunSetup setup;
  setup.path = path("run");
  const RunFolderCleanup cleanup = RunFolderCleanup::before(setup);
  for (const char* name : {"run/run.json", "run/run.lock", "run/events.jsonl", "run/notes.txt", "run/artifacts/model.json",
                           "run/artifacts/policy.json", "run/artifacts/mine/model.json"}) {
    write(name, "text");
  }
  cleanup.remove(path("run"));
  EXPECT_THAT(found(),
              ElementsAre("run", "run/artifacts", "run/artifacts/mine", "run/artifacts/mine/model.json", "run/notes.txt"));
}

// The folder of all runs goes with its only run, and stays with others in it.
TEST_F(PolicyRunFolder, TheFolderOfAllRunsGoesOnlyWhenItIsEmptyAndNew) {
  run::RunSetup setup;
  setup.root = path("runs");
  const RunFolderCleanup fresh = RunFolderCleanup::before(setup);
  write("runs/policy-1/run.json", "{}");
  fresh.remove(path("runs/policy-1"));
  EXPECT_THAT(found(), IsEmpty());

  write("runs/policy-1/run.json", "{}");
  write("runs/policy-2/run.json", "{}");
  fresh.remove(path("runs/policy-2"));
  EXPECT_THAT(found(), ElementsAre("runs", "runs/policy-1", "runs/policy-1/run.json"));

  const RunFolderCleanup later = RunFolderCleanup::before(setup);
  later.remove(path("runs/policy-1"));
  EXPECT_THAT(found(), ElementsAre("runs"));
}

// A resumed run that is refused keeps what the sessions before it made.
TEST_F(PolicyRunFolder, IsKeptWhenAResumedRunIsRefused) {
  write_trial("train.csv", as_it_is);
  write_trial("test.csv", [](int, Row& row) { row.y += 1; });
  ASSERT_EQ(run("train.csv", {"--propensity", "columns:e_", "--baseline", "arm:a", "--test", path("test.csv")}), 0)
      << host_.err;
  // What the test file says now makes the frontier's step refuse; --force goes on with changed inputs.
  write_trial("test.csv", [](int i, Row& row) {
    if (i == 1) row.e_a = "0", row.e_b = "1";
    row.y += 1;
  });
  EXPECT_EQ(host_.run({"policy", "run", "--resume", path("run"), "--force"}), 3) << host_.err;
  EXPECT_THAT(found("run"), IsSupersetOf({"artifacts/model.json", "artifacts/policy.json", "report.html", "run.json"}));
}

TEST_F(PolicyRunFolder, IsKeptWhenTheRunIsInterrupted) {
  write_trial("data.csv", as_it_is);
  host_.stop.request_stop();
  EXPECT_EQ(run("data.csv", {"--propensity", "uniform"}), 130) << host_.err;
  EXPECT_THAT(found("run"), IsSupersetOf({"artifacts", "run.json"}));
}

// Whatever the last step is that can be refused: every file of a whole run is known.
TEST_F(PolicyRunFolder, EveryFileOfARunIsItsOwn) {
  write_trial("data.csv", as_it_is);
  run::RunSetup setup;
  setup.path = path("run");
  const RunFolderCleanup cleanup = RunFolderCleanup::before(setup);
  ASSERT_EQ(run("data.csv", {"--propensity", "uniform", "--id", "id"}), 0) << host_.err;
  EXPECT_THAT(found("run"), IsSupersetOf({"artifacts/evaluation.json", "artifacts/policy.json.ids", "report.html"}));
  cleanup.remove(path("run"));
  EXPECT_THAT(found(), ElementsAre("data.csv"));
}

}  // namespace
}  // namespace gimbal::cli
