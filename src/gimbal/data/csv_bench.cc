// MB/s of the CSV reader and writer: text in memory to a table, and a file to a table. `bytes_per_second` is bytes of text, by
// CPU time where one thread works and by wall time where all do.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "gimbal/base/file.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/data/csv.h"
#include "gimbal/data/encoding.h"

namespace gimbal::data {
namespace {

constexpr std::size_t kRows = 100'000;

// A trial's features: small integers, money with two decimals, measurements with six digits.
std::string numeric_text(std::size_t rows) {
  Stream random(1, "bench.csv");
  std::string text = "id,recency,history,age,score,distance,visits,flag,outcome\n";
  for (std::size_t row = 0; row < rows; ++row) {
    text += fmt::format("{},{},{:.2f},{},{:.6f},{:.4f},{},{},{}\n", row, random.below(12) + 1, random.uniform() * 3000,
                        random.below(80) + 18, random.uniform(), random.normal() * 100, random.below(40), random.below(2),
                        random.below(2));
  }
  return text;
}

// A nuisance table: doubles in their shortest form, 16 to 17 digits each.
std::string full_precision_text(std::size_t rows) {
  Stream random(2, "bench.csv");
  CsvWriter writer({"e_0", "e_1", "mu_0", "mu_1", "var_0", "var_1"});
  for (std::size_t row = 0; row < rows; ++row) {
    const double e = random.uniform();
    writer.cell(e)
        .cell(1 - e)
        .cell(random.normal())
        .cell(random.normal())
        .cell(random.exponential())
        .cell(random.exponential())
        .end_row();
  }
  return writer.take();
}

// Half numbers, half text, a tenth of it quoted.
std::string mixed_text(std::size_t rows) {
  Stream random(3, "bench.csv");
  const char* arms[] = {"Womens E-Mail", "No E-Mail", "Mens E-Mail"};
  const char* zips[] = {"Surburban", "Rural", "Urban"};
  std::string text = "id,history,segment,zip_code,age,note,visit\n";
  for (std::size_t row = 0; row < rows; ++row) {
    text +=
        fmt::format("u{},{:.2f},{},{},{},{},{}\n", row, random.uniform() * 3000, arms[random.below(3)], zips[random.below(3)],
                    random.below(80) + 18, random.below(10) == 0 ? "\"moved, twice\"" : "none", random.below(2));
  }
  return text;
}

void parse(benchmark::State& state, const std::string& text, int threads) {
  const ThreadLimit limit(threads);
  for (auto _ : state) {
    auto table = parse_table(text, "bench.csv");
    if (!table) state.SkipWithError(table.error().text().c_str());
    benchmark::DoNotOptimize(table);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void BM_ParseNumericOneThread(benchmark::State& state) { parse(state, numeric_text(kRows), 1); }
BENCHMARK(BM_ParseNumericOneThread)->Unit(benchmark::kMillisecond);
void BM_ParseNumericAllThreads(benchmark::State& state) { parse(state, numeric_text(kRows), 0); }
BENCHMARK(BM_ParseNumericAllThreads)->UseRealTime()->Unit(benchmark::kMillisecond);
void BM_ParseFullPrecisionOneThread(benchmark::State& state) { parse(state, full_precision_text(kRows), 1); }
BENCHMARK(BM_ParseFullPrecisionOneThread)->Unit(benchmark::kMillisecond);
void BM_ParseMixedOneThread(benchmark::State& state) { parse(state, mixed_text(kRows), 1); }
BENCHMARK(BM_ParseMixedOneThread)->Unit(benchmark::kMillisecond);

void BM_ReadFile(benchmark::State& state) {
  const std::string text = numeric_text(kRows);
  auto folder = TemporaryFolder::create();
  const std::string path = (folder->path() / (state.range(0) ? "t.csv.gz" : "t.csv")).string();
  if (!write_atomic(path, text)) state.SkipWithError("cannot write the file");
  const ThreadLimit limit(1);
  for (auto _ : state) benchmark::DoNotOptimize(read_table(path));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_ReadFile)->ArgName("gzip")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// A file that bench/peers/csv_read.py also gives to pandas.
void BM_ReadGivenFile(benchmark::State& state) {
  const char* path = std::getenv("GIMBAL_BENCH_CSV");
  if (path == nullptr) return state.SkipWithError("set GIMBAL_BENCH_CSV to a file");
  const ThreadLimit one(1);
  for (auto _ : state) {
    const auto table = read_table(path);
    if (!table) return state.SkipWithError(table.error().text().c_str());
    state.counters["rows"] = static_cast<double>(table->rows());
  }
}
BENCHMARK(BM_ReadGivenFile)->Unit(benchmark::kMillisecond);

void BM_RowReader(benchmark::State& state) {
  const std::string text = mixed_text(kRows);
  for (auto _ : state) {
    auto reader = CsvReader::from_text(text, "bench.csv");
    std::vector<std::string_view> fields;
    std::size_t rows = 0;
    while (*reader->next(fields)) ++rows;
    benchmark::DoNotOptimize(rows);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_RowReader)->Unit(benchmark::kMillisecond);

void BM_Write(benchmark::State& state) {
  const auto table = parse_table(full_precision_text(kRows), "bench.csv");
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string text = to_csv(*table);
    bytes += text.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(BM_Write)->Unit(benchmark::kMillisecond);

// Rows a second into a linear design of 9 numbers.
void BM_Encode(benchmark::State& state) {
  const auto table = parse_table(numeric_text(kRows), "bench.csv");
  const auto encoding = Encoding::fit(*table, features_except(*table, {}));
  const ThreadLimit limit(1);
  for (auto _ : state) benchmark::DoNotOptimize(encoding->apply(*table));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * table->rows()));
}
BENCHMARK(BM_Encode)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gimbal::data
