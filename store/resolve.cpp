// What a name of a checkpoint means. A name is BASE or BASE~N; the whole question is asked in one snapshot:
//   1. Take the name apart; anything that cannot be a name is refused before the catalog is asked.
//   2. BASE: digits are an id; a word with a fixed meaning (head, latest, last-stable, step:S) belongs to a run, the
//      given one or the only one; any other word is a tag.
//   3. Follow the parents N times.
#include <algorithm>
#include <charconv>

#include <lastgood/history.h>

#include "store/catalog/checkpoints.h"
#include "store/catalog/runs.h"
#include "store/names.h"
#include "store/nearest.h"
#include "store/query.h"

namespace lastgood {

namespace {

using catalog::Connection;

[[noreturn]] void malformed(const std::string& shown, const std::string& why) {
  throw Error(ErrorCode::invalid_argument, shown,
              "'" + shown + "' is not the name of a checkpoint: " + why +
                  "; give an id, a tag, head, latest, last-stable or step:N, with ~N for an ancestor");
}

[[noreturn]] void missing(const std::string& subject, const std::string& message) {
  throw Error(ErrorCode::not_found, subject, message);
}

/// A number without sign that fits; `shown` is the whole name, for the error.
std::int64_t parse_number(std::string_view digits, const std::string& shown) {
  std::int64_t value = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (status == std::errc::result_out_of_range) malformed(shown, "the number is too large");
  if (status != std::errc() || end != digits.data() + digits.size() || value < 0) {
    malformed(shown, "a number is expected where it says '" + printable(digits) + "'");
  }
  return value;
}

struct ParsedName {
  std::string text;  // the whole name, safe to print
  std::string_view base;
  std::int64_t ancestor = 0;
};

ParsedName parse(std::string_view name) {
  ParsedName parsed{printable(name), name, 0};
  // No tag holds a ~, so the first one ends the base.
  const std::size_t tilde = name.find('~');
  if (tilde != std::string_view::npos) {
    parsed.base = name.substr(0, tilde);
    if (parsed.base.empty()) malformed(parsed.text, "nothing stands before the ~");
    if (tilde + 1 == name.size()) malformed(parsed.text, "no number stands after the ~");
    parsed.ancestor = parse_number(name.substr(tilde + 1), parsed.text);
  }
  if (parsed.base.empty()) malformed(parsed.text, "it is empty");
  return parsed;
}

std::vector<std::string> run_names(const std::vector<RunInfo>& runs) {
  std::vector<std::string> names;
  names.reserve(runs.size());
  for (const RunInfo& run : runs) names.push_back(run.name);
  return names;
}

/// The run that `name` is about.
RunInfo choose_run(Connection& db, const ParsedName& name, const std::optional<std::string>& wanted) {
  const std::vector<RunInfo> runs = catalog::list_runs(db);
  if (wanted) {
    const auto found = std::find_if(runs.begin(), runs.end(), [&](const RunInfo& run) { return run.name == *wanted; });
    if (found != runs.end()) return *found;
    const std::string shown = printable(*wanted);
    missing(shown, "there is no run '" + shown + "'" + did_you_mean(nearest_names(*wanted, run_names(runs))));
  }
  if (runs.empty()) missing(name.text, "'" + name.text + "' means nothing yet: the store has no run");
  if (runs.size() == 1) return runs.front();
  std::string candidates;
  for (const RunInfo& run : runs) candidates += (candidates.empty() ? "" : ", ") + run.name;
  throw Error(ErrorCode::invalid_argument, name.text,
              "'" + name.text + "' is ambiguous: there are several runs; say which one: " + candidates);
}

/// The newest `limit` checkpoints of the run; 0: all.
std::vector<CheckpointInfo> of_run(Connection& db, const RunInfo& run, std::uint64_t limit) {
  return catalog::list_checkpoints(db, ListQuery{run.name, std::nullopt, limit});
}

CheckpointId at_step(Connection& db, const ParsedName& name, const RunInfo& run) {
  const Step step = parse_number(name.base.substr(kStepPrefix.size()), name.text);
  std::vector<std::int64_t> steps;
  std::vector<CheckpointId> found;
  // All of them: for the candidates where there are several, and for the nearest where there is none.
  for (const CheckpointInfo& checkpoint : of_run(db, run, 0)) {
    steps.push_back(checkpoint.step);
    if (checkpoint.step == step) found.push_back(checkpoint.id);
  }
  if (found.empty()) {
    std::vector<std::string> nearest;
    for (const std::int64_t other : nearest_numbers(step, steps)) nearest.push_back("step:" + std::to_string(other));
    missing(name.text,
            "run " + run.name + " has no checkpoint of step " + std::to_string(step) + did_you_mean(nearest));
  }
  if (found.size() == 1) return found.front();
  std::string candidates;
  for (const CheckpointId id : found) candidates += (candidates.empty() ? "" : ", ") + std::to_string(id.value);
  throw Error(ErrorCode::invalid_argument, name.text,
              "'" + name.text + "' is ambiguous: run " + run.name +
                  " passed that step on several branches; give one of" + " the ids " + candidates);
}

CheckpointId in_run(Connection& db, const ParsedName& name, const RunInfo& run) {
  if (name.base.starts_with(kStepPrefix)) return at_step(db, name, run);
  if (!run.head && run.checkpoints == 0) missing(name.text, "run " + run.name + " has no checkpoint yet");
  if (name.base == kHead) {
    if (!run.head) missing(name.text, "run " + run.name + " has no head");
    return *run.head;
  }
  if (name.base == kLatest) return of_run(db, run, 1).at(0).id;
  const std::optional<CheckpointId> stable = catalog::last_stable(db, run.name);
  if (!stable) {
    missing(name.text, "no checkpoint in the lineage of run " + run.name + "'s head is known to be stable and intact");
  }
  return *stable;
}

CheckpointId tagged(Connection& db, const ParsedName& name) {
  // Refused by its form before it is looked for: what can be no tag was mistyped, not forgotten.
  if (!is_tag_text(name.base)) malformed(name.text, kTagRule);
  const std::optional<CheckpointId> id = catalog::find_tag(db, std::string(name.base));
  if (id) return *id;
  if (looks_reserved(name.base)) {
    missing(name.text, "there is no checkpoint or tag '" + name.text + "'" + did_you_mean({in_lower_case(name.base)}));
  }
  std::vector<std::string> known = catalog::list_tags(db);
  for (const std::string_view word : {kHead, kLatest, kLastStable}) known.emplace_back(word);
  missing(name.text,
          "there is no checkpoint or tag '" + name.text + "'" + did_you_mean(nearest_names(name.base, known)));
}

CheckpointId resolve_base(Connection& db, const ParsedName& name, const std::optional<std::string>& run) {
  if (is_number(name.base)) return CheckpointId{parse_number(name.base, name.text)};
  if (!is_reserved(name.base)) return tagged(db, name);
  return in_run(db, name, choose_run(db, name, run));
}

// One question per generation: N comes from a command line and is small, or ends the history early.
CheckpointInfo ancestor(Connection& db, CheckpointInfo checkpoint, const ParsedName& name) {
  for (std::int64_t above = 0; above < name.ancestor; ++above) {
    if (!checkpoint.parent) {
      missing(name.text, "'" + name.text + "' goes past the start of the history: '" + printable(name.base) + "' has " +
                             std::to_string(above) + (above == 1 ? " ancestor" : " ancestors"));
    }
    // There, in one snapshot: a foreign key binds the parent.
    checkpoint = *catalog::find_checkpoint(db, *checkpoint.parent);
  }
  return checkpoint;
}

}  // namespace

void require_checkpoint(Connection& db, CheckpointId id) {
  if (catalog::checkpoint_uuid(db, id)) return;
  std::vector<std::int64_t> known;
  for (const CheckpointInfo& checkpoint : catalog::list_checkpoints(db, {})) known.push_back(checkpoint.id.value);
  std::vector<std::string> nearest;
  for (const std::int64_t number : nearest_numbers(id.value, known)) nearest.push_back(std::to_string(number));
  const std::string shown = std::to_string(id.value);
  missing(shown, "there is no checkpoint " + shown + did_you_mean(nearest));
}

CheckpointInfo resolve_checkpoint(const Store& store, std::string_view name, const std::optional<std::string>& run) {
  const ParsedName parsed = parse(name);
  return query(store, [&](Connection& db) {
    const CheckpointId id = resolve_base(db, parsed, run);
    require_checkpoint(db, id);
    return ancestor(db, *catalog::find_checkpoint(db, id), parsed);
  });
}

}  // namespace lastgood
