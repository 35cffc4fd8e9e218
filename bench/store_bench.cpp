// How fast a durable save and a checked load are, beside what a user would pick instead (torch::save without any sync,
// torch::load) and beside the machine's limit (the same bytes by plain writes and one fdatasync; a read with a hash).
//
// All contenders run in every round, one after the other on the same disk, with everything synced in between; what is
// reported is the median over the rounds of the ratios within a round. Absolute figures drift with the disk.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <lastgood/gc.h>
#include <lastgood/load.h>
#include <lastgood/session.h>
#include <lastgood/store.h>

#include "bench/gpt2_state.h"
#include "bench/measure.h"
#include "store/format/digest.h"

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using bench::median;
using bench::seconds;

constexpr std::size_t kChunk = 8u << 20;

/// Calls body(memory, offset) for each chunk of the tensors laid end to end.
void for_each_chunk(const std::vector<torch::Tensor>& tensors,
                    const std::function<void(char*, std::size_t, off_t)>& body) {
  off_t offset = 0;
  for (const torch::Tensor& tensor : tensors) {
    char* data = static_cast<char*>(tensor.data_ptr());
    for (std::size_t done = 0; done < tensor.nbytes(); done += kChunk) {
      const std::size_t part = std::min(kChunk, tensor.nbytes() - done);
      body(data + done, part, offset);
      offset += static_cast<off_t>(part);
    }
  }
}

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string(what) + " failed");
}

/// What the disk takes: plain writes whose write-back starts early, one fdatasync.
void write_plain(const fs::path& file, const std::vector<torch::Tensor>& tensors) {
  const int fd = open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
  check(fd >= 0, "open");
  for_each_chunk(tensors, [fd](char* data, std::size_t size, off_t offset) {
    check(pwrite(fd, data, size, offset) == static_cast<ssize_t>(size), "pwrite");
    sync_file_range(fd, offset, static_cast<off_t>(size), SYNC_FILE_RANGE_WRITE);
  });
  check(fdatasync(fd) == 0, "fdatasync");
  close(fd);
}

/// What memory gives: a read into the tensors, hashed.
void read_plain(const fs::path& file, const std::vector<torch::Tensor>& tensors) {
  const int fd = open(file.c_str(), O_RDONLY);
  check(fd >= 0, "open");
  lastgood::format::Hasher hasher;
  for_each_chunk(tensors, [&](char* data, std::size_t size, off_t offset) {
    check(pread(fd, data, size, offset) == static_cast<ssize_t>(size), "pread");
    hasher.update(std::as_bytes(std::span(data, size)));
  });
  hasher.finish();
  close(fd);
}

class Bench {
 public:
  Bench(const fs::path& directory, int rounds)
      : directory_(directory),
        rounds_(rounds),
        state_(bench::gpt2_state()),
        tensors_(bench::tensors(state_)),
        store_(lastgood::Store::create(directory / "store")),
        session_(store_.start_session("bench")) {}

  Json run() {
    for (int round = 0; round < rounds_; ++round) {
      add(run_round(round));
      std::cerr << "round " << round + 1 << " of " << rounds_ << ": " << rows_.back().dump() << '\n';
    }
    return {{"schema", 1},
            {"state", {{"tensors", state_.size()}, {"gigabytes", bench::gigabytes(state_)}}},
            {"rounds", rows_},
            {"median", medians()}};
  }

 private:
  /// Everything that others wrote is on disk before the clock starts.
  double timed(const std::function<void()>& body) {
    sync();
    return seconds(body);
  }

  /// Runs all, another one first in each round: memory that one has just given back is cheaper for the next.
  static void take_turns(int round, const std::vector<std::function<void()>>& contenders) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      contenders[(static_cast<std::size_t>(round) + i) % contenders.size()]();
    }
  }

  Json run_round(int round) {
    bench::train_a_step(state_);
    const fs::path archive = directory_ / "state.pt";
    const fs::path plain = directory_ / "state.bin";
    Json row;
    const auto save = [&] {
      row["save"] = timed([&] { saved_ = session_.save(bench::views(state_), {.step = round}); });
    };
    const auto torch_save = [&] { row["torch_save"] = timed([&] { torch::save(tensors_, archive.string()); }); };
    const auto write = [&] { row["write_fdatasync"] = timed([&] { write_plain(plain, tensors_); }); };
    fs::remove(archive);
    fs::remove(plain);
    take_turns(round, {save, torch_save, write});
    row["catalog"] = std::chrono::duration<double>(saved_.catalog).count();
    const lastgood::CheckpointId id = saved_.value();
    const auto load_with = [&](const char* key, lastgood::LoadStaging staging) {
      row[key] = timed([&] { lastgood::load(store_, id, bench::slots(state_), {.staging = staging}); });
    };
    const auto load = [&] { load_with("load", lastgood::LoadStaging::memory); };
    const auto load_twice = [&] { load_with("load_verify_first", lastgood::LoadStaging::verify_first); };
    const auto torch_load = [&] {
      std::vector<torch::Tensor> loaded;
      row["torch_load"] = timed([&] { torch::load(loaded, archive.string()); });
    };
    const auto read = [&] { row["read_hash"] = timed([&] { read_plain(plain, tensors_); }); };
    take_turns(round, {load, torch_load, load_twice, read});
    bench::train_a_step(state_);
    save_async(row, round);
    collect(id);
    return row;
  }

  void save_async(Json& row, int round) {
    sync();
    lastgood::SaveHandle handle = session_.save_async(bench::views(state_), {.step = round});
    const lastgood::SaveOutcome& outcome = handle.wait_durable();
    outcome.value();
    row["async_blocked"] = std::chrono::duration<double>(outcome.blocked).count();
    row["async_durable"] = std::chrono::duration<double>(outcome.durable).count();
    row["save_unchanged"] = timed([&] { session_.save(bench::views(state_), {.step = round}).value(); });
  }

  void collect(lastgood::CheckpointId id) {
    lastgood::forget(store_, {&id, 1});
    lastgood::collect_garbage(store_);
  }

  void add(Json row) {
    row["ratio_save"] = row["torch_save"].get<double>() / row["save"].get<double>();
    row["ratio_load"] = row["torch_load"].get<double>() / row["load"].get<double>();
    row["ratio_load_verify_first"] = row["torch_load"].get<double>() / row["load_verify_first"].get<double>();
    row["ratio_save_to_limit"] = row["write_fdatasync"].get<double>() / row["save"].get<double>();
    row["ratio_load_to_limit"] = row["read_hash"].get<double>() / row["load"].get<double>();
    row["catalog_share"] = row["catalog"].get<double>() / row["save"].get<double>();
    rows_.push_back(std::move(row));
  }

  Json medians() const {
    Json result;
    for (const auto& [key, ignored] : rows_.front().items()) {
      std::vector<double> values;
      for (const Json& row : rows_) values.push_back(row[key].get<double>());
      result[key] = median(values);
    }
    return result;
  }

  fs::path directory_;
  int rounds_;
  std::vector<bench::NamedTensor> state_;
  std::vector<torch::Tensor> tensors_;
  lastgood::Store store_;
  lastgood::Session session_;
  lastgood::SaveOutcome saved_;
  std::vector<Json> rows_;
};

void print(const Json& result) {
  const Json& median = result["median"];
  const auto line = [&](const char* text, const char* key) {
    std::printf("  %-58s %8.3f\n", text, median[key].get<double>());
  };
  std::printf("medians over %zu rounds, %zu tensors, %.2f GB:\n", result["rounds"].size(),
              result["state"]["tensors"].get<std::size_t>(), result["state"]["gigabytes"].get<double>());
  line("durable save, times as fast as torch::save without sync", "ratio_save");
  line("durable save, share of plain writes and one fdatasync", "ratio_save_to_limit");
  line("checked load in place, times as fast as torch::load", "ratio_load");
  line("the same in two passes, without staging memory", "ratio_load_verify_first");
  line("checked load in place, share of one thread's read and hash", "ratio_load_to_limit");
  line("catalog's share of the save's time", "catalog_share");
  line("durable save, s", "save");
  line("asynchronous save: the trainer was blocked, s", "async_blocked");
  line("asynchronous save: durable after, s", "async_durable");
  line("durable save of an unchanged state, s", "save_unchanged");
  line("checked load, s", "load");
}

}  // namespace

int main(int argc, char** argv) {
  std::string json;
  fs::path directory = fs::temp_directory_path() / "lastgood-bench";
  int rounds = 5;
  CLI::App app("Saves and loads a state of 1.5 GB, beside torch::save, torch::load and plain writes and reads.");
  app.add_option("--json", json, "Write all figures to this file");
  app.add_option("--dir", directory, "Work here: a directory on the disk to measure, 10 GB free; it is removed");
  app.add_option("--rounds", rounds, "How often everything is measured")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    fs::remove_all(directory / "store");
    fs::create_directories(directory);
    const Json result = Bench(directory, rounds).run();
    fs::remove_all(directory);
    print(result);
    if (!json.empty()) std::ofstream(json) << result.dump(2) << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "store_bench: " << error.what() << '\n';
    return 1;
  }
}
