#include "gimbal/lm/replay.h"

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "gimbal/base/check.h"
#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/lm/request_json.h"

namespace gimbal::lm {
namespace {

struct Line {
  std::string identity;  // empty: written without a request
  Output answer;
  bool used = false;
};

// The first member in which two requests differ, with both values; and how many members do.
struct Difference {
  std::size_t members = 0;
  std::string first;
};
Difference difference(const Json& asked, const Json& recorded) {
  Difference found;
  const auto note = [&](const std::string& path, const Json* a, const Json* b) {
    if (++found.members > 1) return;
    const auto shown = [](const Json* value) {
      const std::string text = value ? to_text(*value) : "nothing";
      return text.size() <= 60 ? text : repair_utf8(text.substr(0, 60)) + "...";
    };
    found.first = fmt::format("{}: asked {}, recorded {}", path, shown(a), shown(b));
  };
  const std::function<void(const std::string&, const Json&, const Json&)> walk = [&](const std::string& path, const Json& a,
                                                                                     const Json& b) {
    if (a.is_object() && b.is_object()) {
      for (const auto& [key, value] : a.items()) {
        const std::string below = path.empty() ? key : path + "." + key;
        if (b.contains(key))
          walk(below, value, b[key]);
        else
          note(below, &value, nullptr);
      }
      for (const auto& [key, value] : b.items()) {
        if (!a.contains(key)) note(path.empty() ? key : path + "." + key, nullptr, &value);
      }
    } else if (a.is_array() && b.is_array()) {
      for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
        const std::string below = fmt::format("{}[{}]", path, i);
        if (i < a.size() && i < b.size())
          walk(below, a[i], b[i]);
        else
          note(below, i < a.size() ? &a[i] : nullptr, i < b.size() ? &b[i] : nullptr);
      }
    } else if (a != b) {
      note(path, &a, &b);
    }
  };
  walk("", asked, recorded);
  return found;
}

class ReplayModel final : public LanguageModel {
 public:
  ReplayModel(std::string path, bool by_order, std::vector<Line> lines)
      : path_(std::move(path)), by_order_(by_order), lines_(std::move(lines)) {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (!lines_[i].identity.empty()) by_identity_.emplace(lines_[i].identity, i);  // the first of equal ones
    }
  }

  ModelInfo info() const override { return {"replay:" + path_, path_}; }

  Result<void> generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) override {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      for (const int k : requests[i].samples) {
        if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted while {} was replayed", path_);
        GIMBAL_TRY(Output output, answer(requests[i], k));
        output.request = i;
        output.k = k;
        output.usage.attempts = 0;
        output.usage.cached = true;
        GIMBAL_TRY(sink(std::move(output)));
      }
    }
    return {};
  }

 private:
  Result<Output> answer(const Request& request, int k) {
    const std::string identity = sample_identity(request, k);
    if (const auto at = by_identity_.find(identity); at != by_identity_.end()) {
      lines_[at->second].used = true;
      return lines_[at->second].answer;
    }
    if (by_order_) {
      while (next_ < lines_.size() && lines_[next_].used) ++next_;
      if (next_ == lines_.size())
        return fail(ErrorCode::kNotFound, "{}: all {} recorded answers are used, and another one is asked for", path_,
                    lines_.size());
      lines_[next_].used = true;
      return lines_[next_++].answer;
    }
    return fail(miss(identity));
  }

  Error miss(const std::string& identity) const {
    Error error{ErrorCode::kNotFound, fmt::format("{}: this request is not recorded", path_), {}, {}};
    const auto asked = parse_json(identity, "request");
    GIMBAL_CHECK(asked.has_value());
    std::optional<Difference> nearest;
    for (const auto& [recorded_text, line] : by_identity_) {
      const auto recorded = parse_json(recorded_text, "request");
      if (!recorded) continue;
      Difference found = difference(*asked, *recorded);
      if (!nearest || found.members < nearest->members) nearest = std::move(found);
    }
    if (nearest)
      error.notes.push_back(fmt::format("the nearest one differs in {}{}", nearest->first,
                                        nearest->members > 1 ? fmt::format(" and {} more", nearest->members - 1) : ""));
    else
      error.notes.push_back("the lines hold no requests; with ?match=order they serve by their order");
    return error;
  }

  std::string path_;
  bool by_order_;
  std::vector<Line> lines_;
  std::map<std::string, std::size_t> by_identity_;
  std::size_t next_ = 0;
};

Result<std::vector<Line>> read_line(const JsonView& record) {
  Line line;
  if (const auto schema = record.find("schema")) GIMBAL_TRY(record.expect_schema(kExchangeSchema));
  if (const auto request = record.find("request")) {
    if (!request->is_object()) return fail_at(request->path(), ErrorCode::kParseError, "expected an object");
    GIMBAL_TRY(const Json parsed, parse_json(request->text(), record.path()));
    line.identity = canonical(parsed);
  }
  const auto choices = record.find("choices");
  if (!choices) {
    GIMBAL_TRY(line.answer, read_answer(record));
    return std::vector<Line>{std::move(line)};
  }
  if (!line.identity.empty())
    return fail_at(record.path(), ErrorCode::kParseError, "a line with a request holds \"text\", the answer of its one sample");
  GIMBAL_TRY(const std::vector<std::string> texts, record.strings("choices"));
  std::vector<Line> lines;
  for (const std::string& text : texts) lines.push_back({{}, {.text = text}, false});
  return lines;
}

class RecordedModel final : public LanguageModel {
 public:
  RecordedModel(std::unique_ptr<LanguageModel> base, AppendFile file) : base_(std::move(base)), file_(std::move(file)) {}

  ModelInfo info() const override { return base_->info(); }
  bool holds(const Request& request, int k) const override { return base_->holds(request, k); }

  Result<void> generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) override {
    auto done = base_->generate(
        requests,
        [&](Output&& output) -> Result<void> {
          JsonWriter json;
          json.begin_object().field("schema", kExchangeSchema);
          json.key("request").raw(sample_identity(requests[output.request], output.k));
          write_answer(json, output);
          json.end_object();
          GIMBAL_TRY(file_.append(json.text() + "\n"));
          return sink(std::move(output));
        },
        stop);
    auto synced = file_.sync();
    return done ? synced : done;
  }

 private:
  std::unique_ptr<LanguageModel> base_;
  AppendFile file_;
};

}  // namespace

Result<std::unique_ptr<LanguageModel>> make_replay(const std::string& path, bool by_order) {
  GIMBAL_TRY(const data::JsonlRecords records, data::read_jsonl(path));
  std::vector<Line> lines;
  Diagnostics problems;
  for (std::size_t i = 0; i < records.records.size(); ++i) {
    auto read = read_line(records.records[i]);
    if (!read) {
      problems.add(fmt::format("{}:{}", path, records.lines[i]), read.error().message);
      continue;
    }
    for (Line& line : *read) lines.push_back(std::move(line));
  }
  if (!problems.empty()) return fail(problems.to_error(ErrorCode::kParseError));
  if (lines.empty()) return fail_at(path, ErrorCode::kInvalidArgument, "expected recorded answers, found an empty file");
  return std::unique_ptr<LanguageModel>(std::make_unique<ReplayModel>(path, by_order, std::move(lines)));
}

Result<std::unique_ptr<LanguageModel>> make_recorded(std::unique_ptr<LanguageModel> base, const std::string& path) {
  if (path.ends_with(".gz"))
    return fail_at("--record", ErrorCode::kUsage,
                   "recorded answers are appended to, and cannot be compressed: name a .jsonl file");
  if (exists(path)) GIMBAL_TRY(data::repair_torn_line(path));
  GIMBAL_TRY(AppendFile file, AppendFile::open(path));
  return std::unique_ptr<LanguageModel>(std::make_unique<RecordedModel>(std::move(base), std::move(file)));
}

}  // namespace gimbal::lm
