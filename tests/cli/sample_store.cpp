#include "tests/cli/sample_store.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

#include <lastgood/annotate.h>
#include <lastgood/history.h>

namespace lastgood::test {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFloats = 65'536;  // 256 KiB: enough to be a chunk and a block of its own

std::vector<float> values(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> result(kFloats);
  for (float& value : result) value = static_cast<float>(random() & 0xffff);
  return result;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

CheckpointId save_sample(Session& session, const SaveRequest& request, unsigned seed) {
  const std::vector<float> frozen = values(0), layer = values(seed);
  const std::string position = R"({"epoch": )" + std::to_string(request.epoch) + "}";
  const auto size = static_cast<std::int64_t>(kFloats);
  const std::array<TensorView, 3> state = {
      TensorView{.spec = {Section::model, "frozen.weight", DType::float32, {size}, ""}, .data = frozen.data()},
      TensorView{.spec = {Section::model, "layer.weight", DType::float32, {2, size / 2}, ""}, .data = layer.data()},
      TensorView{.spec = {Section::extra, "position", DType::json, {static_cast<std::int64_t>(position.size())}, ""},
                 .data = position.data()},
  };
  const SaveOutcome outcome = session.save(state, request);
  INFO((outcome.error ? outcome.error->what() : "saved"));
  REQUIRE(outcome.ok());
  return *outcome.checkpoint;
}

SampleStore::SampleStore() : path_(directory_ / "store") {
  Store::create(path_);
}

void SampleStore::train(const std::string& run, int steps) const {
  Store store = open();
  Session session = store.start_session(run);
  for (int i = 1; i <= steps; ++i) {
    save_sample(session, {.step = 25 * i, .metrics = {{"loss", 4.0 / i}}}, static_cast<unsigned>(25 * i));
  }
  session.complete();
}

void SampleStore::damage_newest() const {
  const Store store = open();
  const CheckpointInfo newest = list_checkpoints(store, {.limit = 1}).at(0);
  const std::vector<float> layer = values(static_cast<unsigned>(newest.step));
  const std::string payload(reinterpret_cast<const char*>(layer.data()), 4096);
  for (const auto& entry : fs::directory_iterator(path_ / "blobs")) {
    const std::string bytes = read_file(entry.path());
    const std::size_t at = bytes.find(payload);
    if (at == std::string::npos) continue;
    std::fstream pack(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    pack.seekp(static_cast<std::streamoff>(at + 100));
    pack.put(static_cast<char>(bytes[at + 100] ^ 1));
    return;
  }
  FAIL("the newest checkpoint's payload is in no pack");
}

std::string SampleStore::contents() const {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(path_)) {
    const std::string name = fs::relative(entry.path(), path_).string();
    if (name.starts_with("locks") || name.ends_with("-shm") || !entry.is_regular_file()) continue;
    files.push_back(name + "\n" + read_file(entry.path()));
  }
  std::sort(files.begin(), files.end());
  std::string all;
  for (const std::string& file : files) all += std::to_string(file.size()) + " " + file;
  return all;
}

BranchedStore::BranchedStore() {
  Store store = open();
  {
    Session session = store.start_session("demo");
    const auto save = [&](Step step, Stability stability) {
      return save_sample(session, {.step = step, .epoch = 1, .stability = stability, .metrics = {{"loss", 2.5}}},
                         static_cast<unsigned>(step));
    };
    pin(store, save(25, Stability::stable));
    const CheckpointId best = save(50, Stability::stable);
    save(75, Stability::unstable);
    tag(store, "best", best);
    session.complete();
    // The run's lock goes with the session.
  }
  rollback(store, CheckpointId{2});
  Session session = store.start_session("demo");
  save_sample(session, {.step = 75, .epoch = 1, .metadata = R"({"note":"again"})"}, 76);
  save_sample(session, {.step = 100, .epoch = 2, .kind = CheckpointKind::emergency, .metrics = {{"loss", 1.25}}}, 100);
}

}  // namespace lastgood::test
