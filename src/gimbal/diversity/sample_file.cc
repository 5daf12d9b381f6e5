#include "gimbal/diversity/sample_file.h"

#include <cstdio>

#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::diversity {
namespace {

constexpr std::string_view kSchema = "gimbal.diversity.samples/1";

// The names of the settings in which two objects differ.
Result<std::vector<std::string>> changed(const JsonView& before, const JsonView& now) {
  std::vector<std::string> names;
  GIMBAL_TRY(const auto members, now.members());
  for (const auto& [name, value] : members) {
    const auto old = before.find(name);
    if ((old ? old->text() : "null") != value.text()) names.push_back(name);
  }
  GIMBAL_TRY(const auto others, before.members());
  for (const auto& [name, value] : others) {
    if (!now.has(name) && !value.is_null() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace

Result<SampleFile> SampleFile::open(const std::string& path, const std::string& settings, bool resume) {
  SampleFile made;
  made.path_ = path;
  made.part_ = path + ".part";
  const bool there = resume && exists(made.part_);
  if (there) {
    GIMBAL_TRY(data::repair_torn_line(made.part_));
    GIMBAL_TRY(const std::string content, read_file(made.part_));
    if (!content.empty()) {
      data::JsonlOptions options;
      options.header_schema = kSchema;
      options.header_required = true;
      GIMBAL_TRY(const data::JsonlRecords records, data::parse_jsonl(content, made.part_, options));
      GIMBAL_TRY(const JsonView before, records.header->get("settings"));
      GIMBAL_TRY(const JsonView now, JsonView::parse(settings, "settings"));
      GIMBAL_TRY(const std::vector<std::string> names, changed(before, now));
      if (!names.empty())
        return fail_at(
            made.part_, ErrorCode::kConflict,
            "cannot go on with these samples: they were drawn with other settings ({}); give those again, or another file, or "
            "--force to begin anew",
            list_some(names));
      for (const JsonView& record : records.records) {
        GIMBAL_TRY(std::string id, record.string("prompt_id"));
        GIMBAL_TRY(const std::int64_t k, record.integer("k"));
        DrawnSample sample;
        GIMBAL_TRY(sample.text, record.string("text"));
        GIMBAL_TRY(sample.finish, record.string("finish"));
        GIMBAL_TRY(sample.reasoning_only, record.boolean_or("reasoning_only", false));
        made.samples_.insert_or_assign({std::move(id), static_cast<int>(k)}, std::move(sample));
      }
      GIMBAL_TRY(made.file_, AppendFile::open(made.part_));
      return made;
    }
  }
  GIMBAL_TRY(write_atomic(made.part_, fmt::format("{{\"schema\":\"{}\",\"settings\":{}}}\n", kSchema, settings)));
  GIMBAL_TRY(made.file_, AppendFile::open(made.part_));
  return made;
}

const DrawnSample* SampleFile::find(const std::string& prompt_id, int k) const {
  const auto at = samples_.find({prompt_id, k});
  return at == samples_.end() ? nullptr : &at->second;
}

Result<void> SampleFile::add(const std::string& prompt_id, int k, DrawnSample sample) {
  JsonWriter json;
  json.begin_object().field("prompt_id", prompt_id).field("k", k).field("text", sample.text).field("finish", sample.finish);
  if (sample.reasoning_only) json.field("reasoning_only", true);
  json.end_object();
  GIMBAL_TRY(file_->append(json.text() + "\n"));
  samples_.insert_or_assign({prompt_id, k}, std::move(sample));
  return {};
}

void SampleFile::drop_if_empty() {
  if (!samples_.empty()) return;
  file_.reset();
  std::remove(part_.c_str());
}

Result<void> SampleFile::finish(const std::string& content) {
  GIMBAL_TRY(write_atomic(path_, content));
  file_.reset();
  std::remove(part_.c_str());
  return {};
}

}  // namespace gimbal::diversity
