// Verifiers against their targets: mathematics 50,000 comparisons, numbers 1,000,000, countdown 500,000 a second and core.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/reward/countdown.h"
#include "gimbal/reward/math.h"
#include "gimbal/reward/number.h"

namespace gimbal::reward {
namespace {

// Answers of the kinds that MATH has, in about its proportions, and a second spelling of each.
constexpr auto kAnswers = std::to_array<std::array<const char*, 2>>({
    {"42", "42"},
    {"9", "9.0"},
    {"417", "417"},
    {"-70", "-70"},
    {"27431", "27,431"},
    {"120", "5!"},
    {"8", "2^3"},
    {"3", "3"},
    {"\\frac{17}{3}", "17/3"},
    {"\\frac{5}{48}", "\\dfrac{5}{48}"},
    {"\\frac{32}{243}", "\\left(\\frac23\\right)^5"},
    {"-\\frac{41}{6}", "\\frac{-41}{6}"},
    {"1.75", "7/4"},
    {"0.35", "\\frac{7}{20}"},
    {"90^\\circ", "90"},
    {"155^\\circ", "155"},
    {"2\\sqrt{19}", "\\sqrt{76}"},
    {"\\sqrt{57}", "\\sqrt{57}"},
    {"\\frac{5\\sqrt{7}}{4}", "1.25\\sqrt7"},
    {"7 - 4i", "-4i+7"},
    {"s - t", "-t+s"},
    {"x^3+5x-8", "x(x^2+5)-8"},
    {"(a+3)(b+4)", "ab+4a+3b+12"},
    {"\\text{Marina}", "Marina"},
    {"\\left( 5, \\frac{\\pi}{3} \\right)", "(5, \\pi/3)"},
    {"(4,27,-3)", "(4,27,-3)"},
    {"3,-4", "-4,3"},
    {"31_8", "31_8"},
    {"(-\\infty, 0]", "(-\\infty,0]"},
    {"2 \\pm \\sqrt{23}", "2-\\sqrt{23},2+\\sqrt{23}"},
    {"\\text{(C)}", "C"},
    {"\\begin{pmatrix} -3 \\\\ -11 \\\\ -5 \\end{pmatrix}", "\\begin{pmatrix}-3\\\\-11\\\\-5\\end{pmatrix}"},
});

// A third equal as text, a third in another spelling, a third of different values.
void BM_MathEqual(benchmark::State& state) {
  std::size_t i = 0;
  for (auto _ : state) {
    const auto& answer = kAnswers[i % kAnswers.size()];
    const char* other = i % 3 == 0 ? answer[0] : i % 3 == 1 ? answer[1] : kAnswers[(i * 7 + 3) % kAnswers.size()][1];
    benchmark::DoNotOptimize(math_equal(answer[0], other));
    ++i;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MathEqual);

void BM_MathIdentity(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(math_equal("(x-1)(x+1)(x^2+1)", "x^4-1"));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MathIdentity);

void BM_Number(benchmark::State& state) {
  const std::string text = "She sells 16 - 3 - 4 = 9 eggs, so she makes 9 * 2 = $18 every day. The answer is $1,218.50.";
  for (auto _ : state) {
    const auto number = extract_number(text);
    benchmark::DoNotOptimize(numbers_equal(*number, "1218.5"));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Number);

void BM_Countdown(benchmark::State& state) {
  const std::vector<std::int64_t> numbers = {44, 19, 35, 2};
  const std::string text = "<think>44 + 19 = 63, 63 + 35 = 98</think>\n<answer>(44 + 19 + 35) / 2</answer>";
  for (auto _ : state) {
    benchmark::DoNotOptimize(countdown_score(*extract_answer_tag(text), numbers, 49));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Countdown);

}  // namespace
}  // namespace gimbal::reward
