#include "gimbal/diversity/perturb.h"

#include "gimbal/base/check.h"
#include "gimbal/base/python_lexer.h"
#include "gimbal/base/python_scan.h"

namespace gimbal::diversity {
namespace {

bool is_mark(const PythonToken& token) {
  return token.kind == PythonTokenKind::kNewline || token.kind == PythonTokenKind::kIndent ||
         token.kind == PythonTokenKind::kDedent;
}

bool is_word_byte(char c) {
  return python_name_continue_size(std::string_view(&c, 1), 0) > 0 || static_cast<unsigned char>(c) >= 0x80;
}

// Text put together from pieces; `loose` pieces do not grow together with their neighbours.
class Builder {
 public:
  void add(std::string_view piece, bool loose) {
    if (piece.empty()) return;
    if ((loose || loose_) && !out_.empty() && is_word_byte(out_.back()) && is_word_byte(piece.front())) out_ += ' ';
    out_ += piece;
    loose_ = loose;
  }
  void loosen() { loose_ = true; }  // something was taken away here
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  bool loose_ = false;
};

}  // namespace

std::vector<std::string> token_pool(std::span<const std::string> programs) {
  std::vector<std::string> out;
  for (const std::string& program : programs) {
    for (const PythonToken& token : lex_python(program).tokens) {
      if (!is_mark(token)) out.emplace_back(token.text(program));
    }
  }
  return out;
}

std::string perturb(std::string_view program, double p, std::span<const std::string> pool, Stream& stream) {
  GIMBAL_CHECK(p >= 0 && p <= 1, "a probability");
  Builder out;
  std::size_t done = 0;
  for (const PythonToken& token : lex_python(program).tokens) {
    if (is_mark(token)) continue;
    out.add(program.substr(done, token.offset - done), false);
    done = token.offset + token.size;
    const std::string_view text = token.text(program);
    if (stream.uniform() >= p) {
      out.add(text, false);
      continue;
    }
    GIMBAL_CHECK(!pool.empty(), "tokens to draw from");
    const double action = stream.uniform();
    if (action < 1.0 / 3) {
      out.loosen();
    } else if (action < 2.0 / 3) {
      out.add(pool[stream.below(pool.size())], true);
    } else {
      out.add(text, false);
      out.add(" ", false);
      out.add(text, true);
    }
  }
  out.add(program.substr(done), false);
  return out.take();
}

Result<std::vector<std::string>> emulate_model(std::span<const std::string> programs, std::size_t k, double p,
                                               std::uint64_t seed, std::string_view prompt) {
  if (programs.size() < k)
    return fail(ErrorCode::kInsufficientData, "prompt \"{}\" has {} programs; {} cannot be drawn without replacement", prompt,
                programs.size(), k);
  const std::vector<std::string> pool = token_pool(programs);
  const std::vector<std::size_t> order = Stream(seed, "perturb", prompt).permutation(programs.size());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < k; ++i) {
    Stream stream(seed, "perturb", prompt, i, p);
    out.push_back(perturb(programs[order[i]], p, pool, stream));
  }
  return out;
}

}  // namespace gimbal::diversity
