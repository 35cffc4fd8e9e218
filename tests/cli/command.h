// Runs the command `lastgood` as its users do: another process, judged by exit code, standard output and standard
// error.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace lastgood::test {

using Words = std::vector<std::string>;

struct Finished {
  int exit = -1;  // -1: ended by a signal
  int signal = 0;
  std::string out;  // with Terminal::both, standard error comes in here too, as on a screen
  std::string err;

  /// The one JSON document that was printed.
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

struct Surroundings {
  enum class Terminal { none, both };  // both: standard output and standard error are a terminal
  enum class Reader { waits, left };   // left: nobody reads standard output
  enum class User { same, nobody };    // nobody: without the rights of root, if the test has them
  Terminal terminal = Terminal::none;
  Reader reader = Reader::waits;
  User user = User::same;
  bool interrupted = false;                           // SIGINT arrives as soon as the command can be interrupted
  std::string out_file = {};                          // standard output goes here instead
  std::filesystem::path directory = {};               // where it runs; empty: where the test runs
  std::map<std::string, std::string> variables = {};  // of the environment, beside the test's own
};

/// Waits for its end. LASTGOOD_STORE and NO_COLOR are unset unless `surroundings` sets them.
Finished run_program(const Words& words, const Surroundings& surroundings = {});

/// The same for `lastgood WORDS...`.
Finished lastgood(Words words, const Surroundings& surroundings = {});

/// The same for `lastgood --store STORE WORDS...`.
Finished lastgood(const std::filesystem::path& store, const Words& words, const Surroundings& surroundings = {});

/// `text` with what differs from run to run replaced: ages by AGE, sizes by SIZE, times by TIME, hashes by HASH; runs
/// of blanks become one.
std::string without_chance(const std::string& text);

}  // namespace lastgood::test
