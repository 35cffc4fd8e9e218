// Whether a run dies again and again after the same checkpoint.
#pragma once

#include <optional>
#include <string>

#include <lastgood/checkpoint.h>
#include <lastgood/session.h>
#include <lastgood/store.h>
#include <lastgood/timeout_resume.h>

namespace lastgood::timeout {

/// Sessions in a row, up to the one before this, that crashed and left the same head as they were begun with or saved.
struct Deaths {
  std::uint64_t count = 0;
  /// The step after the last that was recorded, where all of them but the first came to the same one. The first one
  /// was not expected to crash there, so its records are not up to date.
  std::optional<Step> step = {};
};
Deaths deaths_after(const Store& store, const Session& session, CheckpointId head);

/// The newest ancestor that is stable, intact, whole, and was followed by so many steps without a critical one.
std::optional<CheckpointInfo> newest_proven(const Store& store, const CheckpointInfo& before, Step proven_after);

/// Nothing where the deaths are fewer than the options say.
std::optional<CrashLoop> find_crash_loop(const Store& store, const Deaths& deaths, const CheckpointInfo& head,
                                         const ResumeOptions& options);

}  // namespace lastgood::timeout
