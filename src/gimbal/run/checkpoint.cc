#include "gimbal/run/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/json.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::run {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSchema = "gimbal.checkpoint/1";
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kUnfinished = ".part";
constexpr std::string_view kManifest = "checkpoint.json";

Result<void> sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (synced) return {};
  return fail_at(path.string(), ErrorCode::kPermission, "cannot be synced to disk: {}", std::strerror(error));
}

Result<void> remove_folder(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return {};
  return fail_at(path.string(), ErrorCode::kPermission, "cannot remove the checkpoint: {}", error.message());
}

Result<Checkpoint> read_manifest(const std::string& path) {
  GIMBAL_TRY(const JsonView view, JsonView::read_file(path));
  GIMBAL_TRY(view.expect_schema(kSchema));
  Checkpoint checkpoint;
  GIMBAL_TRY(checkpoint.step, view.integer("step"));
  GIMBAL_TRY(checkpoint.elapsed_s, view.number("elapsed_s"));
  GIMBAL_TRY(const std::int64_t events, view.integer("events_bytes"));
  GIMBAL_TRY(const std::int64_t metrics, view.integer("metrics_bytes"));
  checkpoint.events_bytes = static_cast<std::uint64_t>(events);
  checkpoint.metrics_bytes = static_cast<std::uint64_t>(metrics);
  GIMBAL_TRY(const JsonView list, view.get("files"));
  GIMBAL_TRY(const auto files, list.items());
  for (const JsonView& item : files) {
    CheckpointFile& file = checkpoint.files.emplace_back();
    GIMBAL_TRY(file.path, item.string("path"));
    GIMBAL_TRY(const std::int64_t bytes, item.integer("bytes"));
    file.bytes = static_cast<std::uint64_t>(bytes);
    GIMBAL_TRY(file.sha256, item.string("sha256"));
  }
  return checkpoint;
}

std::string manifest(const Checkpoint& checkpoint) {
  JsonWriter json;
  json.begin_object()
      .field("schema", kSchema)
      .field("step", checkpoint.step)
      .field("elapsed_s", checkpoint.elapsed_s)
      .field("events_bytes", checkpoint.events_bytes)
      .field("metrics_bytes", checkpoint.metrics_bytes);
  json.key("files").begin_array();
  for (const CheckpointFile& file : checkpoint.files) {
    json.begin_object().field("path", file.path).field("bytes", file.bytes).field("sha256", file.sha256).end_object();
  }
  json.end_array().end_object();
  return json.take() + "\n";
}

}  // namespace

std::string checkpoint_folder(const std::string& artifacts, std::int64_t step) {
  return fmt::format("{}/{}{}", artifacts, kPrefix, step);
}

Result<std::string> begin_checkpoint(const std::string& artifacts, std::int64_t step) {
  const std::string final_name = checkpoint_folder(artifacts, step);
  if (exists(final_name)) return fail_at(final_name, ErrorCode::kAlreadyExists, "step {} has a checkpoint already", step);
  const std::string temporary = final_name + std::string(kUnfinished);
  GIMBAL_TRY(remove_folder(temporary));
  GIMBAL_TRY(make_folders(temporary));
  return temporary;
}

Result<std::vector<CheckpointFile>> hash_checkpoint(const std::string& folder) {
  std::vector<CheckpointFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    GIMBAL_TRY(sync_path(at->path()));
    if (at->is_directory()) continue;
    GIMBAL_TRY(std::string sha256, sha256_file(at->path().string()));
    files.push_back({at->path().lexically_relative(folder).generic_string(), at->file_size(), std::move(sha256)});
  }
  if (error) return fail_at(folder, ErrorCode::kPermission, "cannot list the checkpoint's files: {}", error.message());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

Result<void> seal_checkpoint(const std::string& artifacts, const Checkpoint& checkpoint) {
  const std::string final_name = checkpoint_folder(artifacts, checkpoint.step);
  const std::string temporary = final_name + std::string(kUnfinished);
  GIMBAL_TRY(write_atomic(fmt::format("{}/{}", temporary, kManifest), manifest(checkpoint)));
  std::error_code error;
  fs::rename(temporary, final_name, error);
  if (error) return fail_at(final_name, ErrorCode::kPermission, "cannot rename the finished checkpoint: {}", error.message());
  return sync_path(artifacts);
}

Result<Checkpoint> check_checkpoint(const std::string& artifacts, std::int64_t step) {
  const std::string folder = checkpoint_folder(artifacts, step);
  const auto damaged = [&](std::string_view what) {
    return fail_at(folder, ErrorCode::kCorrupted, "the checkpoint is damaged: {}", what);
  };
  Result<Checkpoint> checkpoint = read_manifest(fmt::format("{}/{}", folder, kManifest));
  if (!checkpoint) return damaged(checkpoint.error().text());
  if (checkpoint->step != step) return damaged(fmt::format("its manifest is that of step {}", checkpoint->step));
  for (const CheckpointFile& file : checkpoint->files) {
    const Result<fs::path> path = path_inside(folder, file.path);
    if (!path) return damaged(path.error().text());
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(*path, error);
    if (error) return damaged(fmt::format("{} is missing", gimbal::quoted(file.path, 400)));
    if (bytes != file.bytes) {
      return damaged(fmt::format("{} has {} bytes, expected {}", gimbal::quoted(file.path, 400), bytes, file.bytes));
    }
    GIMBAL_TRY(const std::string sha256, sha256_file(path->string()));
    if (sha256 != file.sha256) return damaged(fmt::format("the content of {} has changed", gimbal::quoted(file.path, 400)));
  }
  return checkpoint;
}

std::vector<std::int64_t> checkpoint_steps(const std::string& artifacts) {
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (fs::directory_iterator at(artifacts, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    if (const auto step = parse_int(std::string_view(name).substr(kPrefix.size()))) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Result<void> remove_checkpoints(const std::string& artifacts, const std::vector<std::int64_t>& steps) {
  for (const std::int64_t step : steps) {
    GIMBAL_TRY(remove_folder(checkpoint_folder(artifacts, step)));
  }
  std::vector<fs::path> unfinished;
  std::error_code error;
  for (fs::directory_iterator at(artifacts, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kUnfinished)) unfinished.push_back(at->path());
  }
  for (const fs::path& path : unfinished) {
    GIMBAL_TRY(remove_folder(path));
  }
  return {};
}

}  // namespace gimbal::run
