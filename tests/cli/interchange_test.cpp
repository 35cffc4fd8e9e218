// export and import: what they say, their JSON, and how they refuse. The library's tests look at the files themselves.
#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

#include <lastgood/history.h>

#include "tests/cli/command.h"
#include "tests/cli/sample_store.h"

namespace lastgood::test {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A store, and a file beside it.
struct Scene : BranchedStore {
  std::string file = (path().parent_path() / "model.safetensors").string();
  Finished run(const Words& words) const { return lastgood(path(), words); }
};

}  // namespace

TEST_CASE("export writes a checkpoint to a file, and import makes it the head of a run, in a new store too") {
  const Scene scene;
  const Finished exported = scene.run({"export", "best", scene.file, "--section", "all"});
  CHECK(exported.exit == 0);
  CHECK(exported.err == "");
  CHECK(without_chance(exported.out) == "exported checkpoint 2 (step 50) to " + scene.file + ": 3 tensors, SIZE\n");
  const std::string other = (scene.path().parent_path() / "other").string();
  const Finished imported = lastgood(other, {"import", scene.file, "--run", "finetune"});
  CHECK(imported.exit == 0);
  CHECK(imported.err == "");
  CHECK(without_chance(imported.out) ==
        "imported " + scene.file + " as checkpoint 1 (step 50) of run finetune: 3 entries, SIZE\n");
  const auto head = lastgood(other, {"list", "--json"}).json()["checkpoints"][0];
  CHECK(head["kind"] == "imported");
  CHECK(head["head"] == true);
  CHECK(head["step"] == 50);
}

TEST_CASE("an import into a run that has a head says how to go back") {
  const Scene scene;
  scene.run({"export", "best", scene.file});
  const Finished imported = scene.run({"import", scene.file, "--run", "demo", "--step", "7"});
  CHECK(imported.exit == 0);
  CHECK(contains(imported.out, "as checkpoint 6 (step 7) of run demo"));
  CHECK(contains(imported.err, "it is the head now; `lastgood rollback 5` goes back to the one before"));
}

TEST_CASE("export and import print JSON on request") {
  const Scene scene;
  const auto exported = scene.run({"export", "head", scene.file, "--json"}).json();
  CHECK(exported["schema"] == 1);
  CHECK(exported["checkpoint"] == 5);
  CHECK(exported["file"] == scene.file);
  CHECK(exported["format"] == "safetensors");
  CHECK(exported["section"] == "model");
  CHECK(exported["bytes"] == std::filesystem::file_size(scene.file));
  CHECK(exported["as_bytes"].empty());
  CHECK(exported["replaced"] == false);
  CHECK(exported["dry_run"] == false);
  const auto all = scene.run({"export", "head", scene.file, "--section", "all", "--force", "--json"}).json();
  CHECK(all["section"].is_null());
  CHECK(all["tensors"] == 3);
  const auto imported = scene.run({"import", scene.file, "--run", "demo", "--json"}).json();
  CHECK(imported["checkpoint"]["id"] == 6);
  CHECK(imported["checkpoint"]["parent"] == 5);
}

TEST_CASE("export does not replace a file unless it is told to") {
  const Scene scene;
  std::ofstream(scene.file) << "mine";
  const Finished refused = scene.run({"export", "head", scene.file});
  CHECK(refused.exit == 1);
  CHECK(contains(refused.err, scene.file + " is there already: choose another name, or ask to replace it (--force)"));
  std::ifstream in(scene.file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "mine");
  const Finished replaced = scene.run({"export", "head", scene.file, "--force"});
  CHECK(replaced.exit == 0);
  CHECK(contains(replaced.out, ", in the place of a file that was there\n"));
}

TEST_CASE("a dry run of export writes nothing, and says what would be written") {
  const Scene scene;
  const Words words = {"export", "best", scene.file, "--section", "all", "--dry-run"};
  const Finished dry = scene.run(words);
  CHECK(dry.exit == 0);
  CHECK_FALSE(std::filesystem::exists(scene.file));
  const Finished done = scene.run({"export", "best", scene.file, "--section", "all"});
  CHECK(dry.out == "would export" + done.out.substr(std::string("exported").size()));
  const auto bytes = std::filesystem::file_size(scene.file);
  CHECK(contains(scene.run(words).err, "is there already"));

  std::ofstream(scene.file) << "mine";
  const Finished forced =
      scene.run({"export", "best", scene.file, "--section", "all", "--force", "--dry-run", "--json"});
  CHECK(forced.json()["bytes"] == bytes);
  CHECK(forced.json()["replaced"] == true);
  CHECK(forced.json()["dry_run"] == true);
  std::ifstream in(scene.file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "mine");
}

TEST_CASE("export and import that make no sense exit 2, and export without a store 10") {
  const Scene scene;
  const auto check = [&](const Words& words, const std::string& message) {
    const Finished finished = scene.run(words);
    CHECK(finished.exit == 2);
    CHECK(finished.err == "lastgood: " + message + "\n");
  };
  check({"export", "head", scene.file, "--format", "onnx"},
        "--format is safetensors, the only one there is; see `lastgood export --help`");
  check({"export", "head", scene.file, "--section", "weights"},
        "--section is model, optimizer, scheduler, rng, extra or all; see `lastgood export --help`");
  check({"import", scene.file}, "--run NAME is required; see `lastgood import --help`");
  check({"import", scene.file, "--run", "a", "--step", "9223372036854775808"},
        "--step is too large; see `lastgood import --help`");
  CHECK(lastgood("/nowhere", {"export", "head", scene.file}).exit == 10);
}

TEST_CASE("a file that is damaged exits 20, one of torch.save 1 with the way to convert it") {
  const Scene scene;
  std::ofstream(scene.file) << "short";
  const Finished damaged = scene.run({"import", scene.file, "--run", "new"});
  CHECK(damaged.exit == 20);
  CHECK(contains(damaged.err, "is not a whole safetensors file: it has 5 bytes"));
  std::ofstream(scene.file) << "PK\x03\x04 and more";
  const Finished pickle = scene.run({"import", scene.file, "--run", "new"});
  CHECK(pickle.exit == 1);
  CHECK(contains(pickle.err, "import torch; from safetensors.torch import save_file"));
  CHECK(list_checkpoints(scene.open()).size() == 5);
}

}  // namespace lastgood::test
