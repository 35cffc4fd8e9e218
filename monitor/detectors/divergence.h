// A loss that rises over its window. Pure.
#pragma once

#include <optional>
#include <span>

namespace lastgood::monitor {

/// How far the loss has come: medians of the oldest and of the newest losses in a window.
struct LossChange {
  double then = 0;
  double now = 0;
  /// What counts as 100 %: the size of `then`; for losses near zero, where a share of it would mean nothing, four times
  /// their noise. Positive.
  double scale = 1;

  double increase() const noexcept { return (now - then) / scale; }
};

/// At each end the medians take a tenth of the window's steps, 5 to 10 losses; so that no single sample decides.
inline constexpr std::size_t kMostLossesAtEnd = 10;
inline constexpr std::size_t kFewestLossesAtEnd = 5;

/// `losses`: those of a window, oldest first, finite. Nothing where there are fewer than ten.
std::optional<LossChange> measure_loss_change(std::span<const double> losses);

/// More than `threshold` (0.5: 50 %) of its scale.
bool has_diverged(const LossChange& change, double threshold) noexcept;

}  // namespace lastgood::monitor
