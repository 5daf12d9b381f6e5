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

  void start(int workers) {
    std::string problem;
    auto options = sandbox::pool_options(sandbox::Isolation::kForkServer, problem);
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

// The problems `begin`..`end`-1 of variants.jsonl.gz against the independent runner's results.
class VariantsTest : public RunnerTest {
 protected:
  void expect_variants(std::size_t begin, std::size_t end) {
    const auto tasks = read_tasks("data/diversity/variants.jsonl.gz").value();
    const auto file = read_generations("data/diversity/variants.jsonl.gz").value();
    const auto expected = JsonView::read_file("data/diversity/variants-expected.json").value();
    std::vector<PromptJob> jobs;
    for (std::size_t i = begin; i < end; ++i) {
      EXPECT_TRUE(file.sets[i].group.empty());
      PromptJob job{
          .prompt_id = file.sets[i].prompt_id, .group = {}, .task = tasks.find(file.sets[i].prompt_id), .programs = {}};
      job.programs = extract_programs(file.sets[i].generations, ExtractMode::kRaw, FenceChoice::kBest, nullptr).value();
      jobs.push_back(std::move(job));
    }
    const auto results = run(jobs, defaults());
    ASSERT_EQ(results.size(), end - begin);
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

}  // namespace gimbal::diversity
