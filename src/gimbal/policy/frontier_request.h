// The options of a frontier as they stand in its document, and the frontier that they make from files: `frontier` builds it,
// `choose` and `power` build it again from the document, `run` builds it from values in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/frontier.h"
#include "gimbal/policy/limits.h"
#include "gimbal/policy/model.h"
#include "gimbal/policy/policy_file.h"
#include "gimbal/policy/training_data.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

inline constexpr std::string_view kFrontierSchema = "gimbal.policy.frontier/1";

struct FrontierRequest {
  std::string model, nuisances;  // files; exactly one is set
  std::string population;        // file; empty: the training rows (model) or the table itself
  std::string baseline;          // empty: the model's, or the table's b_ columns, else logging
  std::string cluster;           // column of a nuisance table; a model's own are used without it
  bool minimize = false;         // of a nuisance table
  Score score = Score::kDr;
  std::optional<double> c0;
  std::size_t points = 101;
  std::optional<double> n_test;
  double alpha = 0.05;
  Side side = Side::kTwo;
  std::optional<CurveKind> curve;
  bool deterministic = false;
  Limits limits;
  std::vector<std::string> at;  // rules
  data::UnknownCategory unknown = data::UnknownCategory::kError;
  std::uint64_t seed = 0;

  void write(JsonWriter& json) const;  // "options" of the document
  static Result<FrontierRequest> read(const JsonView& json);
};

struct InputFile {
  std::string role, path, sha256;
};

// A frontier with what its documents say around it.
struct LoadedFrontier {
  std::shared_ptr<const Frontier> frontier;
  FrontierRequest request;  // baseline, c0 and n_test filled in
  std::vector<InputFile> inputs;
  std::shared_ptr<const Model> model;  // when made from one
  std::shared_ptr<const PolicyFile> baseline_policy;
  data::DataTable population{"population"};  // columns of the population's units, where a file was read
  TrainingData training;
  DataFlags data;
  double c0 = 0;
  std::size_t trimmed = 0, unknown_cells = 0;
};

// Reads the files. `folder`: where relative paths are tried second (the document's folder); `expected`: the hashes that a
// document recorded, checked where given (conflict with expected and found otherwise).
Result<LoadedFrontier> load_frontier(const FrontierRequest& request, const std::string& folder = "",
                                     const std::vector<InputFile>& expected = {});

// Reads the request and the inputs of a frontier document and loads it.
Result<LoadedFrontier> load_frontier_document(const std::string& path);

// From values in memory. `training`: out-of-fold table with its logged outcomes, or null. Tables must have their baselines
// resolved.
struct FrontierParts {
  std::shared_ptr<const Table> population;
  const data::DataTable* population_units = nullptr;
  std::shared_ptr<const Table> training;
  std::shared_ptr<const Logged> logged;
  const data::DataTable* training_units = nullptr;
  double c0 = 0;
};
Result<Frontier> make_frontier(const FrontierParts& parts, const FrontierRequest& request);

// The policy at a point.
PolicyFile make_policy(const LoadedFrontier& loaded, const FrontierPoint& point, std::string_view rule, CurveKind curve,
                       bool fallback);

// An input as it was recorded: the path as given, else relative to `folder`. Where both exist the one with the recorded hash is
// taken.
std::string locate_input(const std::string& path, const std::string& folder, std::string_view sha256 = {});

// The file where `fit` puts the out-of-fold table of a model.
std::string nuisance_path_of(const std::string& model_path);

// Fields of gimbal.policy.frontier/1 from "score" to "options", into the object that is open, and one point.
struct FrontierDocument {
  const LoadedFrontier* loaded = nullptr;
  std::vector<FrontierPoint> points;
  FrontierPoint max_z, max_tau;
};
void write_frontier_fields(JsonWriter& json, const FrontierDocument& document);
void write_point(JsonWriter& json, const FrontierPoint& point, const std::vector<std::string>& arms);
// frontier.csv: the points flattened.
std::string frontier_csv(const FrontierDocument& document);

// Printed points, max-z and max-tau of the request: the grid, or the rules of `at`. Hooks are heard under shared constraints,
// where some document_steps() points are solved one by one (0 on other frontiers). Errors: interrupted, those of rules.
Result<FrontierDocument> solve_document(const LoadedFrontier& loaded, const SolveHooks& hooks = {});
std::size_t document_steps(const LoadedFrontier& loaded);

}  // namespace gimbal::policy
