#include "gimbal/lm/answer_cache.h"

#include <vector>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/json.h"
#include "gimbal/lm/request_json.h"

namespace gimbal::lm {
namespace {

constexpr std::string_view kSchema = "gimbal.lm.answer/1";

class CachedModel final : public LanguageModel {
 public:
  CachedModel(std::unique_ptr<LanguageModel> base, std::string folder) : base_(std::move(base)), folder_(std::move(folder)) {}

  ModelInfo info() const override { return base_->info(); }
  bool holds(const Request& request, int k) const override { return find(key_text(request, k)).has_value(); }

  Result<void> generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) override {
    std::vector<Request> missing;
    std::vector<std::size_t> origin;  // of each missing request
    for (std::size_t i = 0; i < requests.size(); ++i) {
      std::vector<int> samples;
      for (const int k : requests[i].samples) {
        std::optional<Output> kept = find(key_text(requests[i], k));
        if (!kept) {
          samples.push_back(k);
          continue;
        }
        kept->request = i;
        kept->k = k;
        kept->usage.cached = true;
        kept->usage.attempts = 0;
        GIMBAL_TRY(sink(std::move(*kept)));
      }
      if (samples.empty()) continue;
      missing.push_back(requests[i]);
      missing.back().samples = std::move(samples);
      origin.push_back(i);
    }
    if (missing.empty()) return {};
    return base_->generate(
        missing,
        [&](Output&& output) -> Result<void> {
          GIMBAL_TRY(keep(key_text(missing[output.request], output.k), output));
          output.request = origin[output.request];
          return sink(std::move(output));
        },
        stop);
  }

 private:
  std::string key_text(const Request& request, int k) const {
    const ModelInfo about = base_->info();
    JsonWriter json;
    json.begin_object().field("client", 1).field("endpoint", about.endpoint).field("model", about.name);
    json.key("request").raw(sample_identity(request, k)).end_object();
    return json.take();
  }
  std::string path_of(const std::string& key) const {
    const std::string name = sha256_hex(key);
    return folder_ + "/" + name.substr(0, 2) + "/" + name.substr(2) + ".json";
  }

  // Whatever cannot be read, or belongs to another key, is no answer: it is asked again and replaced.
  std::optional<Output> find(const std::string& key) const {
    const std::string path = path_of(key);
    if (!exists(path)) return std::nullopt;
    const auto view = JsonView::read_file(path);
    if (!view || !view->expect_schema(kSchema)) return std::nullopt;
    const auto stored = view->string("key");
    if (!stored || *stored != key) return std::nullopt;
    auto output = read_answer(*view);
    if (!output) return std::nullopt;
    return std::move(*output);
  }

  Result<void> keep(const std::string& key, const Output& output) const {
    const std::string path = path_of(key);
    GIMBAL_TRY(make_folders(path.substr(0, path.rfind('/'))));
    JsonWriter json;
    json.begin_object().field("schema", kSchema).field("key", key);
    write_answer(json, output);
    json.end_object();
    return write_atomic(path, json.text() + "\n");
  }

  std::unique_ptr<LanguageModel> base_;
  std::string folder_;
};

}  // namespace

Result<std::unique_ptr<LanguageModel>> make_cached(std::unique_ptr<LanguageModel> base, const std::string& folder) {
  GIMBAL_TRY(make_folders(folder));
  return std::unique_ptr<LanguageModel>(std::make_unique<CachedModel>(std::move(base), folder));
}

}  // namespace gimbal::lm
