// gimbal policy apply: probabilities and drawn actions for new units.
#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/random.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/data/csv.h"
#include "gimbal/policy/nuisance_table.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string policy, data, unknown_category = "error";
  bool probabilities = false, sample = false, nuisances = false;
  std::optional<std::string> out;
};

struct Applied {
  Matrix pi;
  std::vector<std::string> ids;
  std::optional<double> mean_value;  // predicted, in the outcome's own direction
  std::size_t rows = 0, unknown_cells = 0, trimmed = 0;
};

double mean_value(const policy::Table& table, const Matrix& pi, double sign) {
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < pi.rows(); ++i) {
    double value = 0;
    for (std::size_t a = 0; a < pi.cols(); ++a) value += pi(i, a) * table.mu(i, a);
    sum += table.weight_of(i) * value;
    total += table.weight_of(i);
  }
  return sign * sum / total;
}

Result<Applied> apply_to(const policy::PolicyFile& policy, const Flags& flags) {
  Applied out;
  policy::FitSpec spec;
  GIMBAL_TRY(policy::set_unknown_category(spec, flags.unknown_category));
  const double sign = policy.data.minimize ? -1.0 : 1.0;
  if (flags.nuisances || policy.source == policy::PolicyFile::Source::kNuisances) {
    if (!flags.nuisances) {
      return fail_at(flags.policy, ErrorCode::kUsage,
                     "this policy was made from a nuisance table: give it one with --nuisances");
    }
    GIMBAL_TRY(policy::NuisanceTable table,
               policy::read_nuisance_table(flags.data, {.cluster_column = "", .minimize = policy.data.minimize}));
    if (table.table.arms != policy.arms) {
      return fail_at(flags.data, ErrorCode::kInvalidArgument, "the table's arms are not those of the policy");
    }
    GIMBAL_TRY(const data::DataTable columns, data::read_table(flags.data, {.text_columns = policy::text_columns(policy)}));
    if (policy.baseline != "columns:b_" || table.table.b.empty()) {
      GIMBAL_TRY(table.table.b, policy::baseline_probabilities(policy.baseline, policy.baseline_policy, policy.arms,
                                                               table.table.e, &columns, spec.unknown));
    }
    out.ids = std::move(table.id);
    const auto nuisances = std::make_shared<const policy::Table>(std::move(table.table));
    GIMBAL_TRY(out.pi, policy::policy_probabilities(policy, nuisances, &columns, spec.unknown));
    out.mean_value = mean_value(*nuisances, out.pi, sign);
  } else {
    GIMBAL_TRY(data::DataTable table, data::read_table(flags.data, {.text_columns = policy::text_columns(policy)}));
    if (const data::Column* ids = policy.data.id.empty() ? nullptr : table.find(policy.data.id)) {
      GIMBAL_TRY(data::require_distinct(table, *ids, "id"));
    }
    GIMBAL_TRY(const policy::AppliedPolicy applied, policy::apply_policy(policy, std::move(table), spec.unknown));
    if (const data::Column* ids = policy.data.id.empty() ? nullptr : applied.units.table.find(policy.data.id)) {
      for (std::size_t i = 0; i < applied.units.table.rows(); ++i) out.ids.push_back(ids->text(i));
    }
    out.pi = applied.pi;
    out.unknown_cells = applied.units.unknown_cells;
    out.trimmed = applied.units.trimmed;
    if (policy.model) out.mean_value = mean_value(*applied.units.nuisances, out.pi, sign);
  }
  out.rows = out.pi.rows();
  return out;
}

Result<int> apply(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const policy::PolicyFile policy, policy::read_policy_file(flags.policy));
  GIMBAL_TRY(const Applied applied, apply_to(policy, flags));
  context.lap("read");
  const bool both = !flags.probabilities && !flags.sample;
  const bool probabilities = flags.probabilities || both, sample = flags.sample || both;
  std::vector<std::string> header = {applied.ids.empty() ? "row" : "id"};
  if (probabilities) {
    for (const std::string& arm : policy.arms) header.push_back("p_" + arm);
  }
  if (sample) header.push_back("action");
  data::CsvWriter csv(header);
  std::vector<double> shares(policy.arms.size(), 0.0);
  std::vector<std::int64_t> counts(policy.arms.size(), 0);
  for (std::size_t i = 0; i < applied.rows; ++i) {
    if (applied.ids.empty())
      csv.cell(static_cast<std::int64_t>(i));
    else
      csv.cell(std::string_view(applied.ids[i]));
    const std::span<const double> pi = applied.pi.row(i);
    for (std::size_t a = 0; a < pi.size(); ++a) {
      shares[a] += pi[a] / static_cast<double>(applied.rows);
      if (probabilities) csv.cell(pi[a]);
    }
    if (sample) {
      // Keyed by the unit, so that the same unit always gets the same action, in any file and any order.
      Stream stream = applied.ids.empty() ? Stream(context.seed, "policy.action", i)
                                          : Stream(context.seed, "policy.action", applied.ids[i]);
      const std::size_t arm = stream.categorical(pi);
      ++counts[arm];
      csv.cell(std::string_view(policy.arms[arm]));
    }
    csv.end_row();
  }
  context.lap("compute");
  if (flags.out) GIMBAL_TRY(write_atomic(*flags.out, csv.text()));
  warn_unknown_categories(context, applied.unknown_cells);
  warn_count(context, "trimmed", applied.trimmed, "unit", "with a propensity below --trim left out: outside the population");
  TextTable table({"arm", "share", "drawn"});
  for (std::size_t a = 0; a < shares.size(); ++a) {
    table.row({policy.arms[a], percent_text(shares[a]), sample ? format_count(counts[a]) : "-"});
  }
  std::string text = fmt::format("{} units\n\n{}", format_count(static_cast<std::int64_t>(applied.rows)), table.text());
  if (applied.mean_value) text += fmt::format("\nPredicted mean outcome: {}\n", format_significant(*applied.mean_value, 4));
  text += flags.out ? fmt::format("\nActions: {}\n", *flags.out) : "\nNext: write the actions with -o actions.csv\n";
  context.print(text);
  DocumentWriter document("gimbal.policy.apply/1");
  document.json().field("rows", static_cast<std::int64_t>(applied.rows)).key("shares").begin_object();
  for (std::size_t a = 0; a < shares.size(); ++a) document.json().field(policy.arms[a], shares[a]);
  document.json().end_object().key("sampled");
  if (sample) {
    document.json().begin_object();
    for (std::size_t a = 0; a < counts.size(); ++a) document.json().field(policy.arms[a], counts[a]);
    document.json().end_object();
  } else {
    document.json().null();
  }
  document.json().field("mean_value", applied.mean_value).field("file", flags.out);
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

Command policy_apply_command() {
  auto flags = std::make_shared<Flags>();
  Command command("apply", "Apply a policy to new units: probabilities and drawn actions.");
  command.description(
      "With neither --probabilities nor --sample both are written. A unit's draw depends on --seed and its id (or row number) "
      "alone.");
  command.positional("POLICY", &flags->policy).file().help("a policy file");
  command.positional("NEW", &flags->data)
      .file()
      .help("new units with the covariates of the training data, in any column order");
  command.flag("--probabilities", &flags->probabilities).help("write one p_ARM column an arm");
  command.flag("--sample", &flags->sample).help("write a drawn action for each unit");
  command.flag("--nuisances", &flags->nuisances).help("NEW is a nuisance table");
  command.option("--unknown-category", &flags->unknown_category)
      .value("error|missing")
      .help("levels that training has not seen");
  add_out(command, &flags->out).help("the actions as CSV");
  command.example("gimbal policy apply policy.json customers.csv --sample -o actions.csv");
  command.run([flags](CommandContext& context) { return apply(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
