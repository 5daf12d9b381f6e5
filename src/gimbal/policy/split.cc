#include "gimbal/policy/split.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/random.h"

namespace gimbal::policy {

Result<Split> split_rows(std::span<const int> action, std::span<const std::int64_t> cluster, double train_share,
                         std::uint64_t seed) {
  const std::size_t n = action.size();
  // What is dealt out: clusters, or rows arm by arm.
  std::size_t groups = n;
  if (!cluster.empty()) groups = static_cast<std::size_t>(*std::ranges::max_element(cluster)) + 1;
  std::vector<std::size_t> order = Stream(seed, "policy.split").permutation(groups);
  if (cluster.empty()) std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return action[a] < action[b]; });
  std::vector<bool> trains(groups);
  for (std::size_t place = 0; place < groups; ++place) {
    const auto dealt = [&](std::size_t count) { return std::floor(static_cast<double>(count) * train_share + 0.5); };
    trains[order[place]] = dealt(place + 1) > dealt(place);
  }
  Split out;
  for (std::size_t i = 0; i < n; ++i)
    (trains[cluster.empty() ? i : static_cast<std::size_t>(cluster[i])] ? out.train : out.test).push_back(i);
  if (out.train.empty() || out.test.empty()) {
    return fail_at("--split", ErrorCode::kInsufficientData, "a share of {} of {} {} leaves one part without rows", train_share,
                   groups, cluster.empty() ? "rows" : "clusters");
  }
  return out;
}

}  // namespace gimbal::policy
