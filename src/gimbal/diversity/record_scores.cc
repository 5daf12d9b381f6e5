#include "gimbal/diversity/record_scores.h"

#include <algorithm>
#include <functional>

#include "gimbal/base/hash.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/diversity/python_helper.h"
#include "gimbal/diversity/runner.h"

namespace gimbal::diversity {
namespace {

constexpr std::size_t kProgramsAtOnce = 4096;  // of a chunk: some megabytes, and one call of the parser

// A prompt of the chunk and the trees of its programs.
struct Loaded {
  RecordSet set;
  std::vector<std::size_t> programs;          // the generations that have one
  std::vector<std::optional<AstTree>> trees;  // of each of them
};

class Scorer {
 public:
  Scorer(const std::string& path, const RecordScoreOptions& options) : path_(path), options_(options) {}

  Result<RecordScores> all() {
    GIMBAL_TRY(RecordsReader reader, RecordsReader::open(path_));
    out_.header = reader.header();
    out_.order_dependent = reader.header().order_dependent;
    if (options_.equivalence) out_.order_dependent = options_.equivalence->order_dependent();
    // Behaviours that are equal as texts are the classes of another validity, unless classes depend on the order of their
    // members.
    if (options_.equivalence || (options_.validity && reader.header().order_dependent)) GIMBAL_TRY(open_outputs());
    std::vector<Loaded> chunk;
    std::size_t programs = 0;
    while (true) {
      if (options_.stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted");
      GIMBAL_TRY(std::optional<RecordSet> set, reader.next());
      if (set) {
        programs += set->records.size();
        GIMBAL_TRY(chunk.emplace_back(), load(std::move(*set)));
      }
      if (!set || programs >= kProgramsAtOnce) {
        GIMBAL_TRY(score(chunk));
        chunk.clear();
        programs = 0;
      }
      if (!set) break;
    }
    return std::move(out_);
  }

 private:
  Result<void> open_outputs() {
    const RecordsHeader& header = out_.header;
    GIMBAL_TRY(const std::string sha, sha256_file(header.tasks_path));
    if (sha != header.tasks_sha256) {
      return fail_at(header.tasks_path, ErrorCode::kConflict,
                     "the tasks have changed since {} was made: expected sha256 {}, found {}", path_, header.tasks_sha256, sha);
    }
    GIMBAL_TRY(tasks_, read_tasks(header.tasks_path));
    GIMBAL_TRY(outputs_, OutputsReader::open(path_));
    GIMBAL_TRY(equivalence_, options_.equivalence ? Result<reward::OutputEquivalence>(*options_.equivalence)
                                                  : reward::OutputEquivalence::parse(header.equiv));
    GIMBAL_TRY(validity_, options_.validity ? Result<ValidityRule>(*options_.validity) : ValidityRule::parse(header.validity));
    return {};
  }

  Result<Loaded> load(RecordSet set) {
    if (outputs_) {
      const Task* task = tasks_.find(set.prompt_id);
      if (task == nullptr) {
        return fail_at(path_, ErrorCode::kCorrupted, "{} has no task {}", out_.header.tasks_path,
                       gimbal::quoted(set.prompt_id));
      }
      GIMBAL_TRY(const std::vector<Outcome> outcomes, outputs_->outcomes(set, *task));
      apply_rules(set, outcomes, *task, *validity_, equivalence_);
    } else if (options_.validity) {
      const Partition partition = set.partition(*options_.validity);
      for (std::size_t g = 0; g < set.records.size(); ++g) {
        set.records[g].cls = partition.cls[g];
        set.records[g].valid = partition.cls[g] >= 0;
      }
    }
    Loaded loaded;
    for (std::size_t g = 0; g < set.records.size(); ++g) {
      const Status status = set.records[g].status;
      if (status != Status::kEmpty && status != Status::kNotText && status != Status::kNoCode) loaded.programs.push_back(g);
    }
    loaded.set = std::move(set);
    return loaded;
  }

  Result<void> score(std::vector<Loaded>& chunk) {
    if (options_.ast != nullptr) GIMBAL_TRY(parse(chunk));
    const std::size_t first = out_.prompts.size();
    out_.prompts.resize(first + chunk.size());
    const bool all = parallel_for(chunk.size(), 1, options_.stop, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) out_.prompts[first + i] = scored(chunk[i]);
    });
    if (!all) return fail(ErrorCode::kInterrupted, "interrupted");
    return {};
  }

  // The trees of the chunk's programs; equal programs are parsed once.
  Result<void> parse(std::vector<Loaded>& chunk) {
    std::vector<std::string> texts;
    std::unordered_map<std::string_view, std::size_t> index;
    for (const Loaded& loaded : chunk) {
      for (const std::size_t g : loaded.programs) {
        const std::string& program = loaded.set.records[g].program;
        if (index.try_emplace(program, texts.size()).second) texts.push_back(program);
      }
    }
    AstLabels labels;
    GIMBAL_TRY(const std::vector<std::optional<AstTree>> trees, options_.ast->trees(texts, labels));
    for (Loaded& loaded : chunk) {
      for (const std::size_t g : loaded.programs) loaded.trees.push_back(trees[index.at(loaded.set.records[g].program)]);
    }
    return {};
  }

  RecordScore scored(const Loaded& loaded) const {
    const RecordSet& set = loaded.set;
    RecordScore out{.prompt_id = set.prompt_id, .group = set.group, .k = static_cast<int>(set.records.size())};
    out.sizes = set.partition().sizes;
    std::ranges::sort(out.sizes, std::greater<>());
    std::vector<std::string> behaviours;
    for (const Record& record : set.records) behaviours.push_back(record.behaviour);
    out.pair_all = pair_all(behaviours);
    for (const auto& tree : loaded.trees) out.unparsed += tree ? 0 : 1;
    if (options_.over_all) add_form(out.form, loaded, false);
    if (options_.over_valid) add_form(out.form, loaded, true);
    return out;
  }

  void add_form(Measures& out, const Loaded& loaded, bool valid_only) const {
    TokenInterner interner;
    std::vector<TokenSeq> programs;
    std::vector<AstTree> trees;
    for (std::size_t i = 0; i < loaded.programs.size(); ++i) {
      const Record& record = loaded.set.records[loaded.programs[i]];
      if (valid_only && !record.valid) continue;
      if (options_.lexical) programs.push_back(tokenize(record.program, options_.tokens, interner));
      if (!loaded.trees.empty() && loaded.trees[i]) trees.push_back(*loaded.trees[i]);
    }
    Measures here;
    if (options_.lexical) here = lexical_measures(programs, options_.words);
    if (options_.ast != nullptr) std::ranges::move(ast_measures(trees, options_.trees), std::back_inserter(here));
    for (Measure& measure : here) {
      if (valid_only) measure.name += "_valid";
      out.push_back(std::move(measure));
    }
  }

  const std::string& path_;
  const RecordScoreOptions& options_;
  RecordScores out_;
  TaskFile tasks_;
  std::optional<OutputsReader> outputs_;
  std::optional<ValidityRule> validity_;
  reward::OutputEquivalence equivalence_;
};

}  // namespace

Result<RecordScores> score_records(const std::string& path, const RecordScoreOptions& options) {
  return Scorer(path, options).all();
}

}  // namespace gimbal::diversity
