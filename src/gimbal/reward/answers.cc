#include "gimbal/reward/answers.h"

#include <map>
#include <nlohmann/json.hpp>

#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::reward {
namespace {

// Text, or the content of the last assistant message of a chat; nothing else is text.
std::string completion_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return "";
  for (auto message = value.rbegin(); message != value.rend(); ++message) {
    if (!message->is_object() || !message->contains("content") || !message->at("content").is_string()) continue;
    if (message->contains("role") && message->at("role") != "assistant") continue;
    return message->at("content").get<std::string>();
  }
  return "";
}

std::string id_of(const Json& record, std::size_t line) {
  for (const char* key : {"id", "task_id"}) {
    const auto found = record.find(key);
    if (found == record.end() || found->is_null()) continue;
    return found->is_string() ? found->get<std::string>() : to_text(*found);
  }
  return std::to_string(line);
}

Result<data::JsonlRecords> read_lines(const std::string& path) {
  GIMBAL_TRY(data::JsonlRecords file, data::read_jsonl(path));
  if (file.records.empty()) return fail_at(path, ErrorCode::kInvalidArgument, "no records: expected one JSON object a line");
  return file;
}

Result<std::map<std::string, Json>> read_gold(const AnswersOptions& options) {
  GIMBAL_TRY(const data::JsonlRecords file, read_lines(options.gold_file));
  std::map<std::string, Json> gold;
  Diagnostics bad;
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    const std::string where = fmt::format("{}:{}", options.gold_file, file.lines[i]);
    GIMBAL_TRY(const Json record, parse_json(file.records[i].text(), where));
    if (!record.is_object() || !record.contains(options.gold_field)) {
      bad.add(where, fmt::format("no field \"{}\": name the gold answer's field with --gold-field", options.gold_field));
      continue;
    }
    if (!gold.emplace(id_of(record, file.lines[i]), record.at(options.gold_field)).second) {
      bad.add(where, fmt::format("an earlier record has the id {} too", gimbal::quoted(id_of(record, file.lines[i]))));
    }
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  return gold;
}

}  // namespace

std::vector<Item> AnswersFile::items() const {
  std::vector<Item> out;
  out.reserve(answers.size());
  for (const Answer& answer : answers) {
    Item item;
    item.id = ids[answer.record];
    item.completion = answer.text;
    item.record = &records[answer.record];
    const auto prompt = item.record->find("prompt");
    if (prompt != item.record->end() && prompt->is_string()) item.prompt = prompt->get_ref<const std::string&>();
    out.push_back(item);
  }
  return out;
}

Result<AnswersFile> read_answers(const std::string& path, const AnswersOptions& options) {
  GIMBAL_TRY(const data::JsonlRecords file, read_lines(path));
  std::map<std::string, Json> gold;
  if (!options.gold_file.empty()) {
    GIMBAL_TRY(gold, read_gold(options));
  }
  AnswersFile out;
  out.name = path;
  Diagnostics bad;
  std::map<std::string, std::size_t> samples;  // of an id: several lines with one id are samples of one prompt
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    const std::string where = fmt::format("{}:{}", path, file.lines[i]);
    GIMBAL_TRY(Json record, parse_json(file.records[i].text(), where));
    if (!record.is_object()) {
      bad.add(where, "expected an object such as {\"id\":\"p1\",\"completion\":\"...\",\"answer\":\"42\"}");
      continue;
    }
    const std::string id = id_of(record, file.lines[i]);
    if (!options.gold_file.empty()) {
      const auto found = gold.find(id);
      if (found == gold.end()) {
        bad.add(where, fmt::format("{} has no record with the id {}", options.gold_file, gimbal::quoted(id)));
        continue;
      }
      record["answer"] = found->second;
    }
    std::vector<std::string> texts;
    if (record.contains("completions") && record.at("completions").is_array()) {
      for (const Json& completion : record.at("completions")) texts.push_back(completion_text(completion));
    } else if (record.contains("completion")) {
      texts.push_back(completion_text(record.at("completion")));
    } else if (options.solutions && record.contains("solution")) {
      texts.push_back(completion_text(record.at("solution")));
    } else {
      std::vector<std::string> seen;
      for (const auto& [key, value] : record.items()) seen.push_back(gimbal::quoted(key));
      bad.add(where, fmt::format("no \"completion\"{} or \"completions\"; found {}", options.solutions ? ", \"solution\"" : "",
                                 seen.empty() ? "no fields" : list_some(seen, 8)));
      continue;
    }
    std::size_t& sample = samples[id];
    for (std::string& text : texts) out.answers.push_back({out.records.size(), sample++, std::move(text)});
    out.ids.push_back(id);
    out.records.push_back(std::move(record));
    out.lines.push_back(file.lines[i]);
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  return out;
}

Result<void> check_answers(const AnswersFile& file, const Verifier& verifier) {
  Diagnostics bad;
  for (std::size_t i = 0; i < file.records.size(); ++i) {
    Item item;
    item.record = &file.records[i];
    if (const auto ok = verifier.check(item); !ok) bad.add(fmt::format("{}:{}", file.name, file.lines[i]), ok.error().message);
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  return {};
}

}  // namespace gimbal::reward
