#include "gimbal/diversity/python_helper.h"

#include <algorithm>

#include "gimbal/base/json.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

// One answer a line: L k (the LineKind), C 0 or 1, T a tree or null.
constexpr std::string_view kSource = R"python(
import ast, json, sys, warnings
warnings.simplefilter("ignore")
sys.setrecursionlimit(3000)

def kind(line):
    body = ast.parse(line).body
    if not body:
        return 0
    if len(body) == 1 and isinstance(body[0], ast.Expr):
        return 1 if isinstance(body[0].value, ast.Name) else 2
    return 3

# A field that is None differs from one whose node was cut off; empty lists are no attributes.
def value(node, name, v):
    if v is None:
        return ["o", "None"]
    if isinstance(node, ast.Constant) and name == "value":
        if isinstance(v, (bool, int, float, complex)):
            return ["n", repr(v)]
        return ["s", v.encode("utf-8", "replace").decode("utf-8")] if isinstance(v, str) else ["o", repr(v)]
    return str(v)

def tree(node):
    attributes, children = {}, []
    for name, v in ast.iter_fields(node):
        if isinstance(v, ast.AST):
            children.append([name, tree(v)])
        elif isinstance(v, list) and any(isinstance(x, ast.AST) for x in v):
            children += [[name, tree(x)] for x in v if x is not None]
        elif not (isinstance(v, list) and not v):
            attributes[name] = value(node, name, v)
    out = [type(node).__name__, attributes, children]
    while len(out) > 1 and not out[-1]:
        out.pop()
    return out

def answer(what, text):
    try:
        if what == "lines":
            return str(kind(text))
        if what == "compile":
            compile(text, "program.py", "exec", dont_inherit=True)
            return "1"
        return json.dumps(tree(ast.parse(text)), separators=(",", ":"))
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return "null" if what == "trees" else "0"

def main():
    asked = json.loads(sys.stdin.buffer.read())
    sys.stdout.write("".join([answer(asked["what"], t) + "\n" for t in asked["texts"]]))
main()
)python";

// The generator runs in the process that it may break: its answer is data, whatever it is.
constexpr std::string_view kGenerator = R"python(
import json, random, sys
asked = json.loads(sys.stdin.buffer.read())
names = {"__name__": "generator"}
exec("from typing import *\nimport random", names)
known = set(names)
exec(asked["source"], names)
made = [v for k, v in names.items() if k not in known and type(v).__name__ == "function"]
f = names.get("generate_test") or names.get("tc_gen") or (made[-1] if made else None)
if f is None:
    raise NameError("the generator defines no function")
texts = []
for attempt in range(20 * asked["n"]):
    random.seed("%d/%d" % (asked["seed"], attempt))
    text = f()
    text = text if isinstance(text, str) else repr(text)
    if text not in texts:
        texts.append(text)
    if len(texts) == asked["n"]:
        break
sys.stdout.write(json.dumps(texts))
)python";

// Texts of a batch: some seconds of parsing at the most, and room for the trees in the output limit (about 30 bytes for each
// byte of program).
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

sandbox::RunFlags helper_flags() {
  sandbox::RunFlags flags;
  flags.limits.cpu_ms = 120'000;
  flags.limits.wall_ms = 600'000;
  flags.limits.output_bytes = std::int64_t{512} << 20;
  return flags;
}

}  // namespace

Result<void> PythonHelper::ask_batch(std::string_view what, std::span<const std::string> texts,
                                     std::vector<std::string>& answers) const {
  JsonWriter json;
  json.begin_object().field("what", what).key("texts").value(texts).end_object();
  const sandbox::TestInput input{"0", json.take()};
  GIMBAL_TRY(const auto results, pool_->run(std::string(kSource), std::span(&input, 1), helper_flags(), stop_));
  const sandbox::TestResult& result = results.front();
  if (result.status == sandbox::Status::kCancelled) return fail(ErrorCode::kInterrupted, "interrupted");
  const std::vector<std::string_view> lines = split(result.out.bytes, '\n');
  if (result.status == sandbox::Status::kOk && lines.size() == texts.size() + 1) {
    for (std::size_t i = 0; i < texts.size(); ++i) answers.emplace_back(lines[i]);
    return {};
  }
  if (texts.size() == 1) {
    answers.emplace_back(what == "trees" ? "null" : "0");
    return {};
  }
  const std::size_t half = texts.size() / 2;
  GIMBAL_TRY(ask_batch(what, texts.first(half), answers));
  return ask_batch(what, texts.subspan(half), answers);
}

Result<std::vector<std::string>> PythonHelper::ask(std::string_view what, std::span<const std::string> texts) const {
  std::vector<std::string> answers;
  std::size_t begin = 0, bytes = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > begin && bytes + texts[i].size() > kBatchBytes) {
      GIMBAL_TRY(ask_batch(what, texts.subspan(begin, i - begin), answers));
      begin = i;
      bytes = 0;
    }
    bytes += texts[i].size();
  }
  if (begin < texts.size()) GIMBAL_TRY(ask_batch(what, texts.subspan(begin), answers));
  return answers;
}

Result<std::vector<LineKind>> PythonHelper::classify(std::span<const std::string> lines) const {
  GIMBAL_TRY(const auto answers, ask("lines", lines));
  std::vector<LineKind> out;
  for (const std::string& answer : answers)
    out.push_back(answer == "1"   ? LineKind::kBareName
                  : answer == "2" ? LineKind::kExpression
                  : answer == "3" ? LineKind::kStatement
                                  : LineKind::kNone);
  return out;
}

Result<std::vector<bool>> PythonHelper::compiles(std::span<const std::string> texts) const {
  GIMBAL_TRY(const auto answers, ask("compile", texts));
  std::vector<bool> out;
  for (const std::string& answer : answers) out.push_back(answer == "1");
  return out;
}

Result<std::vector<std::optional<AstTree>>> PythonHelper::trees(std::span<const std::string> programs,
                                                                AstLabels& labels) const {
  GIMBAL_TRY(const auto answers, ask("trees", programs));
  std::vector<std::optional<AstTree>> out;
  for (const std::string& answer : answers) {
    if (answer == "null") {
      out.emplace_back();
      continue;
    }
    GIMBAL_TRY(out.emplace_back(), parse_ast(answer, "the helper's tree", labels));
  }
  return out;
}

Result<std::vector<std::string>> PythonHelper::generate(const std::string& source, int n, std::uint64_t seed) const {
  JsonWriter json;
  json.begin_object().field("source", source).field("n", n).field("seed", seed).end_object();
  const sandbox::TestInput input{"0", json.take()};
  GIMBAL_TRY(const auto results, pool_->run(std::string(kGenerator), std::span(&input, 1), helper_flags(), stop_));
  const sandbox::TestResult& result = results.front();
  if (result.status == sandbox::Status::kCancelled) return fail(ErrorCode::kInterrupted, "interrupted");
  if (result.status != sandbox::Status::kOk)
    return fail(ErrorCode::kInvalidArgument, "the generator of tests ended with {}{}", sandbox::status_name(result.status),
                result.message ? ": " + *result.message : std::string());
  GIMBAL_TRY(const JsonView texts, JsonView::parse(result.out.bytes, "the generator's answer"));
  return texts.strings();
}

}  // namespace gimbal::diversity
