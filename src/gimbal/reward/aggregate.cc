#include "gimbal/reward/aggregate.h"

#include <algorithm>
#include <limits>

#include "gimbal/base/check.h"
#include "gimbal/stats/bootstrap.h"
#include "gimbal/stats/intervals.h"

namespace gimbal::reward {
namespace {

using Groups = std::map<std::int64_t, std::vector<std::size_t>>;  // decided scores of each prompt, in order

std::optional<double> mean_pass_at(const Groups& groups, std::span<const Score> scores, std::int64_t k) {
  double sum = 0;
  for (const auto& [prompt, members] : groups) {
    const auto passed = std::ranges::count_if(members, [&](std::size_t i) { return scores[i].passed; });
    const auto one = stats::pass_at_k(static_cast<std::int64_t>(members.size()), passed, k);
    if (!one) return std::nullopt;
    sum += *one;
  }
  return groups.empty() ? std::nullopt : std::optional(sum / static_cast<double>(groups.size()));
}

Result<void> add_interval(Aggregate& out, const Groups& groups, std::span<const Score> scores,
                          const AggregateOptions& options) {
  std::vector<double> values;
  std::vector<std::int64_t> cluster;
  std::int64_t id = 0;
  bool binary = true;
  for (const auto& [prompt, members] : groups) {
    for (const std::size_t i : members) {
      values.push_back(*scores[i].value);
      cluster.push_back(id);
      binary = binary && (values.back() == 0 || values.back() == 1);
    }
    ++id;
  }
  if (values.empty()) return {};
  double sum = 0;
  for (const double v : values) sum += v;
  out.mean = sum / static_cast<double>(values.size());
  if (binary && groups.size() == values.size()) {
    const auto interval =
        stats::wilson(static_cast<std::int64_t>(sum), static_cast<std::int64_t>(values.size()), options.level);
    out.lo = interval.lo;
    out.hi = interval.hi;
    return {};
  }
  if (groups.size() < 2) return {};
  stats::BootstrapOptions bootstrap;
  bootstrap.level = options.level;
  bootstrap.draws = options.draws;
  bootstrap.stop = options.stop;
  bootstrap.stream = [seed = options.seed](std::uint64_t b) { return Stream(seed, "reward.boot", b); };
  GIMBAL_TRY(const stats::BootstrapInterval interval, stats::bootstrap_mean(values, {}, cluster, bootstrap));
  out.lo = interval.lo;
  out.hi = interval.hi;
  return {};
}

}  // namespace

std::optional<std::size_t> majority_choice(std::span<const Score> samples, const Verifier& verifier) {
  struct Class {
    std::size_t first;
    std::size_t size;
  };
  std::vector<Class> classes;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].extracted.empty()) continue;
    bool joined = false;
    for (Class& c : classes) {
      const auto same = verifier.same_answer(samples[c.first].extracted, samples[i].extracted);
      if (!same) return std::nullopt;
      if (!*same) continue;
      ++c.size;
      joined = true;
      break;
    }
    if (!joined) classes.push_back({i, 1});
  }
  // max_element takes the first of equals; classes are in the order of their first members.
  const auto best = std::ranges::max_element(classes, {}, &Class::size);
  if (best == classes.end()) return std::nullopt;
  if (!verifier.same_answer(samples[best->first].extracted, samples[best->first].extracted)) return std::nullopt;
  return best->first;
}

Result<Aggregate> aggregate(std::span<const Score> scores, std::span<const std::int64_t> prompt, const Verifier& verifier,
                            const AggregateOptions& options) {
  GIMBAL_CHECK(scores.size() == prompt.size(), "every score belongs to a prompt");
  Aggregate out;
  out.n = scores.size();
  Groups groups, all;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const Score& score = scores[i];
    all[prompt[i]].push_back(i);
    ++out.reasons[std::string(reason_text(score))];
    out.passed += score.passed ? 1 : 0;
    out.ambiguous += score.ambiguous ? 1 : 0;
    out.gold_unparsed += score.gold_unparsed ? 1 : 0;
    if (score.value) {
      groups[prompt[i]].push_back(i);
    } else {
      ++out.undecided;
    }
  }
  out.prompts = all.size();
  GIMBAL_TRY(add_interval(out, groups, scores, options));
  std::vector<std::int64_t> ks = options.k;
  if (ks.empty() && !groups.empty()) {
    std::size_t least = std::numeric_limits<std::size_t>::max();
    for (const auto& [id, members] : groups) least = std::min(least, members.size());
    ks = {1, static_cast<std::int64_t>(least)};
  }
  for (const std::int64_t k : ks) out.pass_at[k] = mean_pass_at(groups, scores, k);
  if (options.majority && groups.size() < scores.size() - out.undecided) {
    std::size_t right = 0;
    bool known = true;
    for (const auto& [id, members] : all) {
      std::vector<Score> samples;
      for (const std::size_t i : members) samples.push_back(scores[i]);
      const bool votes = std::ranges::any_of(samples, [](const Score& s) { return !s.extracted.empty(); });
      const auto choice = majority_choice(samples, verifier);
      if (!choice && votes) {
        known = false;
        break;
      }
      if (choice && samples[*choice].passed) ++right;
    }
    if (known) out.majority = static_cast<double>(right) / static_cast<double>(all.size());
  }
  return out;
}

}  // namespace gimbal::reward
