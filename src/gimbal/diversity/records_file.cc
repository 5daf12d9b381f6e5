#include "gimbal/diversity/records_file.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "gimbal/base/hash.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 36;

// "limits, validity": the keys in which two headers differ.
Result<std::string> differing_keys(const std::string& a, const std::string& b) {
  GIMBAL_TRY(const JsonView one, JsonView::parse(a, "header"));
  GIMBAL_TRY(const JsonView two, JsonView::parse(b, "header"));
  GIMBAL_TRY(const auto members, one.members());
  std::vector<std::string> keys;
  for (const auto& [key, value] : members) {
    const auto other = two.find(key);
    if (!other || other->text() != value.text()) keys.push_back(key);
  }
  return join(keys, ", ");
}

// The bytes of the first `lines` lines.
Result<std::uint64_t> size_of_lines(const std::string& path, std::size_t lines) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t size = 0;
  std::string line;
  for (std::size_t i = 0; i < lines; ++i) {
    if (!std::getline(file, line)) return fail_at(path, ErrorCode::kCorrupted, "the file became shorter while it was read");
    size += line.size() + 1;
  }
  return size;
}

// Whether what a record says it ran is what the job would run.
bool is_of(const RecordSet& set, const PromptJob& job) {
  if (set.prompt_id != job.prompt_id || set.group != job.group || set.records.size() > job.programs.size()) return false;
  for (std::size_t g = 0; g < set.records.size(); ++g) {
    if (set.records[g].program_sha256 != sha256_hex(job.programs[g].code)) return false;
  }
  return true;
}

// The text of a file of gzip members of which the last may be torn.
Result<std::string> whole_members(const std::string& path) {
  if (!exists(path)) return std::string();
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  static constexpr std::string_view kMagic = "\x1f\x8b\x08";
  for (std::size_t end = bytes.size(); end != std::string::npos && end > 0; end = bytes.rfind(kMagic, end - 1)) {
    if (auto text = decompress_gzip(std::string_view(bytes).substr(0, end), kMostBytes)) return std::move(*text);
  }
  return std::string();
}

// The lines of the outputs that belong to the prompts that are kept; all of these are there, since outputs are written first.
Result<std::string> kept_outputs(const std::string& path, std::span<const PromptJob> kept) {
  GIMBAL_TRY(const std::string text, whole_members(path));
  std::string out = outputs_header() + "\n";
  std::size_t prompt = 0;
  std::size_t begin = std::min(text.find('\n'), text.size() - 1) + 1;  // behind the header
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    GIMBAL_TRY(const JsonView json, JsonView::parse(line, path));
    GIMBAL_TRY(const std::string id, json.string("prompt_id"));
    const auto group = json.find("group");
    const auto is_here = [&](const PromptJob& job) {
      return job.prompt_id == id && (group ? group->text() == group_json(job.group) : job.group.empty());
    };
    while (prompt < kept.size() && !is_here(kept[prompt])) ++prompt;
    if (prompt == kept.size()) break;
    out += line + "\n";
  }
  return out;
}

}  // namespace

Result<RecordsFile> RecordsFile::create(const std::string& path, const RecordsHeader& header, bool outputs) {
  RecordsFile out;
  if (outputs) GIMBAL_TRY(write_atomic(outputs_path(path), outputs_header() + "\n"));
  GIMBAL_TRY(write_atomic(path, header.json() + "\n"));
  if (outputs) {
    GIMBAL_TRY(out.outputs_, AppendFile::open(outputs_path(path)));
  }
  GIMBAL_TRY(out.records_, AppendFile::open(path));
  return out;
}

Result<RecordsFile> RecordsFile::resume(const std::string& path, const RecordsHeader& header, bool outputs,
                                        std::span<const PromptJob> jobs, RunTotals& totals) {
  if (!exists(path)) return create(path, header, outputs);
  GIMBAL_TRY(RecordsReader reader, RecordsReader::open(path));
  if (reader.header().json() != header.json()) {
    GIMBAL_TRY(const std::string keys, differing_keys(header.json(), reader.header().json()));
    return fail_at(path, ErrorCode::kConflict,
                   "cannot go on with these records: they were made with other settings ({}); give those again, or another "
                   "file, or --force to begin anew",
                   keys);
  }
  RecordsFile out;
  std::size_t lines = 1;
  while (out.kept_ < jobs.size()) {
    Result<std::optional<RecordSet>> set = reader.next();
    if (!set && set.error().code != ErrorCode::kCorrupted) return fail(std::move(set).error());
    if (!set || !*set) break;  // a torn line, or the end
    const PromptJob& job = jobs[out.kept_];
    if (!is_of(**set, job)) {
      return fail_at(
          path, ErrorCode::kConflict,
          "cannot go on with these records: prompt {} is of other generations; give those again, or another file, or "
          "--force to begin anew",
          gimbal::quoted((*set)->prompt_id));
    }
    if ((*set)->records.size() < job.programs.size()) break;
    lines += (*set)->records.size();
    totals.add(**set);
    ++out.kept_;
  }
  if (outputs) {
    GIMBAL_TRY(const std::string kept, kept_outputs(outputs_path(path), jobs.first(out.kept_)));
    GIMBAL_TRY(write_atomic(outputs_path(path), kept));
    GIMBAL_TRY(out.outputs_, AppendFile::open(outputs_path(path)));
  }
  GIMBAL_TRY(const std::uint64_t size, size_of_lines(path, lines));
  std::error_code error;
  std::filesystem::resize_file(path, size, error);
  if (error) return fail_at(path, ErrorCode::kPermission, "cannot cut off what was not finished: {}", error.message());
  GIMBAL_TRY(out.records_, AppendFile::open(path));
  return out;
}

Result<void> RecordsFile::add(const PromptResult& result) {
  std::string lines, printed;
  for (std::size_t g = 0; g < result.set.records.size(); ++g) {
    const Record& record = result.set.records[g];
    lines += record_json(record) + "\n";
    if (outputs_ && !record.duplicate_of) printed += output_lines(record, result.outcomes[g], *result.task);
  }
  // Outputs first: records are the proof that a prompt is whole.
  if (outputs_ && !printed.empty()) GIMBAL_TRY(outputs_->append(compress_gzip(printed)));
  return records_->append(lines);
}

Result<void> RecordsFile::sync() {
  if (outputs_) GIMBAL_TRY(outputs_->sync());
  return records_->sync();
}

}  // namespace gimbal::diversity
