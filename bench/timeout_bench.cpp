// What a check of the time left costs when nothing is due: processor time, so that others at work do not count.
//
// usage: timeout_bench
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <vector>

#include <lastgood/session.h>
#include <lastgood/timeout.h>

int main() {
  constexpr int kChecks = 1'000'000, kRounds = 7;
  const auto directory = std::filesystem::temp_directory_path() / "lastgood-timeout-bench";
  std::filesystem::remove_all(directory);
  {
    lastgood::Store store = lastgood::Store::create(directory);
    lastgood::Session session = store.start_session("bench");
    lastgood::TimeoutOptions options;
    options.session_duration_hours = 12;
    lastgood::TimeoutHandler timeout(store, session, {}, std::move(options));
    std::vector<double> rounds;
    for (int round = 0; round < kRounds; ++round) {
      int due = 0;
      const std::clock_t begin = std::clock();
      for (int i = 0; i < kChecks; ++i) due += timeout.check_timeout().should_save ? 1 : 0;
      const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      if (due != 0) return 1;
      rounds.push_back(seconds * 1e9 / kChecks);
    }
    std::sort(rounds.begin(), rounds.end());
    std::printf("%.1f ns a check (median of %d rounds, %.1f to %.1f)\n", rounds[kRounds / 2], kRounds, rounds.front(),
                rounds.back());
  }
  std::filesystem::remove_all(directory);
  return 0;
}
