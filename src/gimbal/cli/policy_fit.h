// What `fit` and `run` share: reading for a fit, fitting with progress, writing a model and its companions.
#pragma once

#include <string>
#include <string_view>

#include "gimbal/base/json.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/policy/crossfit.h"

namespace gimbal::cli {

policy::LoadOptions fit_load_options(const policy::DataFlags& columns, const policy::FitSpec& spec);
Result<policy::CrossfitResult> crossfit_with_progress(CommandContext& context, policy::LoggedData data,
                                                      const policy::DataFlags& columns, const policy::FitSpec& spec);
// A file that later verbs must find again cannot be "-". `what`: of the command line, for the message.
Result<void> refuse_standard_input(const std::string& path, std::string_view what);
// That the baseline's arm, columns or policy are there, before anything is fitted.
Result<void> check_baseline(const policy::LoggedData& data, const policy::DataFlags& columns, data::UnknownCategory unknown);
inline constexpr std::string_view kFitSchema = "gimbal.policy.fit/1";
// The fields of the document of `fit`. `path`: of the model. And what a report says of the fit, read back from such a document:
// `model`, the arms' rows, R2 and variances, the smallest propensity and the warnings; all else is left empty.
void write_fit_fields(JsonWriter& json, const policy::CrossfitResult& fit, const std::string& path);
Result<policy::CrossfitResult> read_fit_summary(const JsonView& json, const policy::Model& model);
std::string model_text(const policy::Model& model);
// PATH, PATH.oof.csv.gz and, where there are ids, PATH.ids; each atomically, the model last.
Result<void> write_model(const policy::CrossfitResult& fitted, const std::string& path);

}  // namespace gimbal::cli
