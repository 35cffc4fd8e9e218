#include "tests/fault/harness/sweep.h"

#include <cstdlib>
#include <iostream>
#include <set>
#include <string_view>
#include <utility>

#include "store/format/digest.h"

namespace lastgood::test {

namespace {

std::string wanted_point() {
  const char* point = std::getenv("LASTGOOD_POINT");
  return point == nullptr ? "" : point;
}

/// "save:kill:17", and with the loss "save:kill:17:zero_contents:0".
bool is_wanted(const std::string& name) {
  const std::string wanted = wanted_point();
  return wanted.empty() || wanted == name || wanted.starts_with(name + ":") || name.starts_with(wanted + ":");
}

void fingerprint(io::FileSystem& files, const SimulatedDisk& disk, const std::filesystem::path& path,
                 format::Hasher& hasher) {
  for (const io::DirectoryEntry& entry : files.list(path)) {
    const auto below = path / entry.name;
    hasher.update(std::as_bytes(std::span(below.native())));
    if (entry.is_directory) {
      fingerprint(files, disk, below, hasher);
    } else {
      hasher.update(disk.contents(below));
    }
  }
}

/// Names and contents: equal disks need only one look.
BlobHash fingerprint(SimulatedDisk& disk) {
  Process process(disk);
  format::Hasher hasher;
  fingerprint(process, disk, "/", hasher);
  return hasher.finish();
}

/// Runs the scenario; true where it ended well.
void run(const Scenario& scenario, Stage& stage) {
  try {
    scenario.run(stage);
  } catch (const Killed&) {
  } catch (const Error& error) {
    if (stage.trouble == Trouble::none) throw Violation(std::string("the scenario failed: ") + error.what());
  }
}

std::uint64_t count_operations(const Scenario& scenario, bool count_reads) {
  const auto disk = scenario.base().clone();
  Ledger ledger = scenario.base().ledger;
  Process process(*disk, {.fault = {}, .count_reads = count_reads});
  Stage stage{*disk, process, ledger};
  run(scenario, stage);
  return process.operations();
}

/// One point, and all the disks that may be left of it.
class Point {
 public:
  Point(const Scenario& scenario, std::string name, Tally& tally)
      : scenario_(scenario), name_(std::move(name)), tally_(tally), disk_(scenario.base().clone()) {}

  void fault(const FaultMode& mode, std::uint64_t at, std::span<const Loss> losses) {
    Ledger ledger = scenario_.base().ledger;
    const bool lasting = mode.trouble == Trouble::lasting;
    Process process(*disk_, {.fault = Fault{mode.kind, at, lasting}});
    Stage stage{*disk_, process, ledger, mode.trouble};
    const bool sound = guarded("", [&] { run(scenario_, stage); });
    met_ = process.fault_met();
    if (!met_ || !sound) return;
    ++tally_.points;
    // Cuts first: the check of the running machine's disk changes it.
    std::vector<std::pair<std::string, std::unique_ptr<SimulatedDisk>>> cuts;
    for (const Loss& loss : losses) {
      cuts.emplace_back(":" + std::string(to_string(loss.kind)) + ":" + std::to_string(loss.seed),
                        disk_->after_power_loss(loss.kind, loss.seed));
    }
    std::set<BlobHash> seen;
    for (const auto& [suffix, cut] : cuts) {
      if (is_wanted(name_ + suffix) && seen.insert(fingerprint(*cut)).second) check(suffix, *cut, ledger);
    }
    if (is_wanted(name_ + ":running:0") && !seen.contains(fingerprint(*disk_))) check(":running:0", *disk_, ledger);
  }

  void pause(const Other& other, std::uint64_t at, bool count_reads) {
    Ledger ledger = scenario_.base().ledger;
    FaultPlan plan;
    plan.count_reads = count_reads;
    plan.pause_at = at;
    plan.pause = [&] { guarded(" (the other process)", [&] { run_other(other, ledger); }); };
    {
      Process process(*disk_, plan);
      Stage stage{*disk_, process, ledger};
      guarded("", [&] { run(scenario_, stage); });
    }
    ++tally_.points;
    check("", *disk_, ledger);
  }

 private:
  void run_other(const Other& other, Ledger& ledger) {
    Process process(*disk_);
    Stage stage{*disk_, process, ledger};
    try {
      other(stage);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::busy) throw;
    }
  }

  void check(const std::string& suffix, SimulatedDisk& disk, const Ledger& ledger) {
    if (tally_.violation) return;
    ++tally_.disks;
    guarded(suffix, [&] { check_all(disk, ledger, scenario_.repair); });
  }

  template <class Body>
  bool guarded(const std::string& suffix, const Body& body) {
    try {
      body();
      return true;
    } catch (const std::exception& error) {
      if (tally_.violation) return false;
      tally_.violation = std::string(error.what()) + "\n  at " + name_ + suffix + ", operation: " + met_.value_or("?") +
                         "\n  repeat with LASTGOOD_POINT=" + name_ + suffix;
      return false;
    }
  }

  const Scenario& scenario_;
  std::string name_;
  Tally& tally_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::optional<std::string> met_;
};

}  // namespace

void print(const Tally& tally) {
  std::cout << tally.scenario << ": " << tally.points << " points at " << tally.operations << " operations, "
            << tally.disks << " disks checked" << std::endl;
}

Tally sweep(const Scenario& scenario, std::span<const FaultMode> modes, std::span<const Loss> losses) {
  Tally tally{.scenario = scenario.name, .operations = count_operations(scenario, false), .violation = {}};
  for (const FaultMode& mode : modes) {
    for (std::uint64_t at = 1; at <= tally.operations && !tally.violation; ++at) {
      const std::string name = scenario.name + ":" + mode.name + ":" + std::to_string(at);
      if (is_wanted(name)) Point(scenario, name, tally).fault(mode, at, losses);
    }
  }
  print(tally);
  return tally;
}

Tally interleave(const Scenario& scenario, const std::string& name, const Other& other, bool count_reads) {
  Tally tally{.scenario = scenario.name + " beside " + name,
              .operations = count_operations(scenario, count_reads),
              .violation = {}};
  for (std::uint64_t at = 1; at <= tally.operations && !tally.violation; ++at) {
    const std::string point = scenario.name + ":" + name + ":" + std::to_string(at);
    if (is_wanted(point)) Point(scenario, point, tally).pause(other, at, count_reads);
  }
  print(tally);
  return tally;
}

bool one_point_only() {
  return !wanted_point().empty();
}

}  // namespace lastgood::test
