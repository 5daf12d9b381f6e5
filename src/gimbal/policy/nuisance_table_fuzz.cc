// Any bytes: a table that is accepted keeps the rules of its format, and is the same after writing and reading.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gimbal/policy/nuisance_table.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gimbal::policy;
  const auto table = parse_nuisance_table({reinterpret_cast<const char*>(data), size}, "fuzz.csv");
  if (!table) {
    require(!table.error().message.empty());
    return 0;
  }
  const Table& t = table->table;
  require(t.arm_count() >= 2 && t.units() >= 1);
  for (std::size_t i = 0; i < t.units(); ++i) {
    double sum = 0;
    for (std::size_t a = 0; a < t.arm_count(); ++a) {
      require(t.e(i, a) >= 0 && t.var(i, a) >= 0 && std::isfinite(t.mu(i, a)));
      require(t.b.empty() || t.b(i, a) <= 0 || t.e(i, a) > 0);
      sum += t.e(i, a);
    }
    require(std::abs(sum - 1) < 1e-12);
    require(t.weight_of(i) >= 0);
    require(!table->logged || t.e(i, static_cast<std::size_t>(table->logged->action[i])) > 0);
  }
  const auto again = parse_nuisance_table(format_nuisance_table(*table), "again.csv");
  require(again.has_value());
  require(again->id == table->id && again->table.arms == t.arms && again->table.mu == t.mu && again->table.var == t.var);
  require(again->table.weight == t.weight && again->full_mu == table->full_mu && again->y == table->y);
  return 0;
}
