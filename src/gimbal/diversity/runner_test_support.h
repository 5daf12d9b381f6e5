// What tests that run programs share: a pool under the strongest policy of this machine, and a study run through it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gimbal/diversity/runner.h"
#include "gimbal/sandbox/python_test_support.h"

namespace gimbal::diversity {

class RunnerTest : public ::testing::Test {
 protected:
  void SetUp() override { start(1); }

  void start(int workers, sandbox::Isolation isolation = sandbox::Isolation::kForkServer) {
    std::string problem;
    auto options = sandbox::pool_options(isolation, problem);
    if (!options) GTEST_SKIP() << "skipped: needs the full sandbox and CPython 3.8: " << problem;
    options->workers = workers;
    pool_.reset();
    auto pool = sandbox::PythonPool::start(*options);
    ASSERT_TRUE(pool.has_value()) << pool.error().text();
    pool_.emplace(std::move(*pool));
  }

  static RunnerOptions defaults() {
    RunnerOptions options;
    options.flags.stop_at_failure = true;
    options.flags.limits.output_bytes = 1 << 20;
    options.validity = ValidityRule::parse("no-error").value();
    options.equivalence = reward::OutputEquivalence::parse("trim").value();
    return options;
  }

  static PromptJob job_of(const Task& task, const std::vector<std::string>& programs) {
    PromptJob job{.prompt_id = task.id, .group = {}, .task = &task, .programs = {}};
    for (const std::string& program : programs)
      job.programs.push_back({.status = Status::kOk, .mode = ExtractMode::kRaw, .code = program});
    return job;
  }

  std::vector<PromptResult> run(const std::vector<PromptJob>& jobs, const RunnerOptions& options) {
    std::vector<PromptResult> out;
    const auto counts = run_prompts(*pool_, jobs, options, [&](PromptResult&& result) -> Result<void> {
      out.push_back(std::move(result));
      return {};
    });
    EXPECT_TRUE(counts.has_value()) << counts.error().text();
    if (counts) counts_ = *counts;
    return out;
  }

  std::optional<sandbox::PythonPool> pool_;
  RunCounts counts_;
};

// A study of known programs against the results of an independent runner.
class StudyTest : public RunnerTest {
 protected:
  // The problems of these ids; all when there are none.
  void expect_study(const std::string& study, const std::string& results_file, const std::vector<std::string>& ids = {}) {
    const auto tasks = read_tasks(study).value();
    const auto file = read_generations(study).value();
    const auto expected = JsonView::read_file(results_file).value();
    std::vector<PromptJob> jobs;
    for (const GenerationSet& set : file.sets) {
      if (!ids.empty() && std::ranges::find(ids, set.prompt_id) == ids.end()) continue;
      EXPECT_TRUE(set.group.empty());
      PromptJob job{.prompt_id = set.prompt_id, .group = {}, .task = tasks.find(set.prompt_id), .programs = {}};
      job.programs = extract_programs(set.generations, ExtractMode::kRaw, FenceChoice::kBest, nullptr).value();
      jobs.push_back(std::move(job));
    }
    ASSERT_EQ(jobs.size(), ids.empty() ? file.sets.size() : ids.size());
    const auto results = run(jobs, defaults());
    ASSERT_EQ(results.size(), jobs.size());
    for (const PromptResult& result : results) {
      SCOPED_TRACE(result.set.prompt_id);
      const JsonView want = expected.get(result.set.prompt_id).value();
      RunTotals totals;
      totals.add(result.set);
      EXPECT_EQ(totals.generations, want.integer("k").value());
      EXPECT_EQ(totals.valid, want.integer("valid").value());
      EXPECT_EQ(std::ranges::count_if(result.set.records, [](const Record& r) { return r.correct == true; }),
                want.integer("correct").value());
      std::vector<int> sizes = result.set.partition().sizes;
      std::ranges::sort(sizes, std::greater<>());
      std::vector<int> want_sizes;
      const std::vector<double> numbers = want.numbers("class_sizes").value();
      for (const double size : numbers) want_sizes.push_back(static_cast<int>(size));
      EXPECT_EQ(sizes, want_sizes);
      const auto statuses = want.get("status").value().members().value();
      EXPECT_EQ(totals.statuses.size(), statuses.size());
      for (const auto& [name, count] : statuses) EXPECT_EQ(totals.statuses[name], count.integer().value()) << name;
    }
  }
};

class VariantsTest : public StudyTest {
 protected:
  void expect_variants(const std::vector<std::string>& ids = {}) {
    expect_study("data/diversity/variants.jsonl.gz", "data/diversity/variants-expected.json", ids);
  }
};

}  // namespace gimbal::diversity
