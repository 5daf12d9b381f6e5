// The measures' speed on inputs of the size that users have: one prompt of 100 programs, HumanEval's 164, 2000 vectors.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/diversity/ast.h"
#include "gimbal/diversity/kernel.h"
#include "gimbal/diversity/lexical.h"
#include "gimbal/diversity/perturb.h"

namespace gimbal::diversity {
namespace {

// `count` programs: those of the twenty HumanEval tasks, in turn, with a few tokens changed in all but the first of each.
std::vector<std::string> programs(std::size_t count) {
  const auto records = data::read_jsonl("data/diversity/humaneval-40-59.jsonl.gz").value();
  std::vector<std::string> base;
  for (const JsonView& r : records.records) base.push_back(r.string("program").value());
  const std::vector<std::string> pool = token_pool(base);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) {
    Stream stream(1, "bench.programs", i);
    out.push_back(perturb(base[i % base.size()], i < base.size() ? 0 : .02, pool, stream));
  }
  return out;
}

std::vector<TokenSeq> tokens(const std::vector<std::string>& texts, TokenMode mode) {
  TokenInterner interner;
  std::vector<TokenSeq> out;
  for (const std::string& text : texts) out.push_back(tokenize(text, mode, interner));
  return out;
}

void SelfBleuFourOf164Programs(benchmark::State& state) {
  const auto texts = programs(164);
  for (auto _ : state) benchmark::DoNotOptimize(self_bleu(tokens(texts, TokenMode::kWords), 4));
}
BENCHMARK(SelfBleuFourOf164Programs)->Unit(benchmark::kMillisecond);

void BagMeasuresOneToSixOf100Programs(benchmark::State& state) {
  const auto seqs = tokens(programs(100), TokenMode::kCode);
  const LexicalOptions options{.bleu_orders = {}};
  for (auto _ : state) benchmark::DoNotOptimize(lexical_measures(seqs, options).size());
}
BENCHMARK(BagMeasuresOneToSixOf100Programs)->Unit(benchmark::kMillisecond);

void LexingOf100Programs(benchmark::State& state) {
  const auto texts = programs(100);
  for (auto _ : state) benchmark::DoNotOptimize(tokens(texts, TokenMode::kCode).size());
}
BENCHMARK(LexingOf100Programs)->Unit(benchmark::kMillisecond);

// The twenty trees five times over; each copy has names of its own, so that no subtree of the plain variant comes twice.
void AstMeasuresThreeToSixOf100Programs(benchmark::State& state) {
  const auto records = data::read_jsonl("data/diversity/humaneval-40-59.jsonl.gz").value();
  AstLabels labels;
  std::vector<AstTree> trees;
  for (int copy = 0; copy < 5; ++copy) {
    for (const JsonView& r : records.records) {
      std::string json = r.string("tree").value();
      const std::string from = "\"id\":\"", to = from + static_cast<char>('a' + copy);
      for (std::size_t at = 0; (at = json.find(from, at)) != std::string::npos; at += to.size())
        json.replace(at, from.size(), to);
      trees.push_back(parse_ast(json, "bench", labels).value());
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(ast_measures(trees, {}).size());
}
BENCHMARK(AstMeasuresThreeToSixOf100Programs)->Unit(benchmark::kMillisecond);

void VendiOf2000Vectors(benchmark::State& state) {
  Stream s(2, "bench.vectors");
  Matrix x(2000, 256);
  for (double& v : x.values()) v = s.normal();
  const Matrix unit = unit_rows(x).value();
  for (auto _ : state) benchmark::DoNotOptimize(cosine_vendi(unit, 1));
}
BENCHMARK(VendiOf2000Vectors)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gimbal::diversity
