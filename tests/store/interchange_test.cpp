// Exports and imports on the real disk.
#include <lastgood/interchange.h>

#include <fstream>
#include <iterator>

#include <lastgood/history.h>
#include <lastgood/load.h>
#include <lastgood/session.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "store/format/safetensors.h"
#include "tests/support/bytes.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_error.h"

using namespace lastgood;
using namespace lastgood::test;

namespace {

namespace fs = std::filesystem;

struct Entry {
  EntrySpec spec;
  Bytes content;
};

/// Of every dtype; tied, empty and 0-dimensional ones; names beyond ASCII; in several sections.
std::vector<Entry> state_of_all_kinds() {
  std::vector<Entry> state;
  const auto add = [&](EntrySpec spec) {
    Bytes content = random_bytes(spec.alias_of.empty() ? static_cast<std::size_t>(spec.byte_count()) : 0, state.size());
    state.push_back({std::move(spec), std::move(content)});
  };
  for (unsigned i = 2; i <= static_cast<unsigned>(DType::float8_e5m2fnuz); ++i) {
    const auto dtype = static_cast<DType>(i);
    add({Section::model, std::string("w.") + to_string(dtype), dtype, {3, 1}, ""});
  }
  add({Section::model, "größe/\"q\"", DType::float32, {}, ""});
  add({Section::model, "empty", DType::float16, {0, 5}, ""});
  add({Section::model, "large", DType::float32, {50'001}, ""});
  add({Section::model, "tied", DType::float32, {50'001}, "large"});
  add({Section::optimizer, "large", DType::float64, {7, 3}, ""});
  add({Section::optimizer, "options", DType::json, {2}, ""});
  add({Section::rng, "cpu", DType::bytes, {5'056}, ""});
  return state;
}

std::vector<TensorView> views(const std::vector<Entry>& state) {
  std::vector<TensorView> views;
  for (const Entry& entry : state) views.push_back({.spec = entry.spec, .data = entry.content.data()});
  return views;
}

/// A store in a directory of its own, and room beside it for files.
struct Scene {
  TemporaryDirectory directory;
  Store store = Store::create(directory / "store");

  CheckpointId save(const std::vector<Entry>& state, const SaveRequest& request = {}, const std::string& run = "demo") {
    Session session = store.start_session(run, {.chunk_bytes = 64 * 1024});
    return session.save(views(state), request).value();
  }
  fs::path file(const std::string& name = "f.safetensors") const { return directory / name; }
  void write(const fs::path& path, const Bytes& bytes) const {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
};

Bytes from_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Bytes contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return from_text(text);
}

struct Decoded {
  format::SafetensorsHeader header;
  Bytes buffer;
};

Decoded decode(const fs::path& path) {
  const Bytes file = contents(path);
  const std::span<const std::byte> bytes(file);
  const auto length = static_cast<std::size_t>(format::safetensors_json_bytes(bytes.first(9), file.size(), "f"));
  return {format::decode_safetensors(bytes.subspan(8, length), file.size() - 8 - length, "f"),
          Bytes(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length), bytes.end())};
}

/// A file as others write it: one tensor "w" of three bytes, and this metadata.
Bytes foreign_file(const std::map<std::string, std::string>& metadata = {}, const std::string& name = "w") {
  Bytes file = format::encode(format::SafetensorsHeader{{{name, DType::uint8, {3}, 0, 3}}, metadata});
  for (const int value : {1, 2, 3}) file.push_back(static_cast<std::byte>(value));
  return file;
}

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("an export of all sections, imported into another store, gives the very same entries") {
  Scene scene;
  const auto state = state_of_all_kinds();
  const CheckpointId saved = scene.save(state, {.step = 4100, .epoch = 3, .metadata = R"({"lr":0.5})"});
  const ExportReport report = export_safetensors(scene.store, saved, scene.file(), {.section = std::nullopt});
  CHECK(report.tensors == state.size() - 1);
  CHECK(report.aliases == 1);
  CHECK(report.bytes == fs::file_size(scene.file()));
  CHECK(report.as_bytes == std::vector<std::string>{"model/w.complex32", "model/w.complex128"});
  CHECK(files_in(scene.directory.path()) == 2);

  Store other = Store::create(scene.directory / "other");
  const CheckpointInfo imported = import_safetensors(other, scene.file(), "again");
  CHECK(entries(other, imported.id) == entries(scene.store, saved));
  const auto loaded = load_to_host(other, imported.id);
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (!state[i].spec.alias_of.empty()) continue;
    CAPTURE(state[i].spec.name);
    CHECK(std::equal(state[i].content.begin(), state[i].content.end(), loaded[i].data.get()));
  }
  CHECK(imported.step == 4100);
  CHECK(imported.epoch == 3);
  CHECK(imported.kind == CheckpointKind::imported);
  CHECK(imported.is_head);
  CHECK(nlohmann::json::parse(imported.metadata)["lr"] == 0.5);
}

TEST_CASE("what the store has already is not written again by an import, and equal chunking gives an equal digest") {
  Scene scene;
  std::vector<Entry> state;
  state.push_back({{Section::model, "w", DType::uint8, {1'000'000}, ""}, random_bytes(1'000'000, 1)});
  const SaveOutcome saved = [&] {
    Session session = scene.store.start_session("demo");
    return session.save(views(state), {.step = 5});
  }();
  export_safetensors(scene.store, saved.value(), scene.file());
  const CheckpointInfo imported = import_safetensors(scene.store, scene.file(), "demo", {.step = 9});
  CHECK(imported.digest == saved.digest);
  CHECK(imported.bytes_new < 10'000);
  CHECK(imported.step == 9);
  CHECK(imported.parent == saved.checkpoint);
}

TEST_CASE("an export of the model has its tensors by name, aligned, and the tied name in the metadata") {
  Scene scene;
  const auto state = state_of_all_kinds();
  export_safetensors(scene.store, scene.save(state), scene.file());
  const Decoded decoded = decode(scene.file());
  CHECK(decoded.header.metadata.at("tied") == "large");
  CHECK(decoded.header.metadata.at("format") == "pt");
  std::size_t found = 0;
  for (const Entry& entry : state) {
    for (const format::SafetensorsTensor& tensor : decoded.header.tensors) {
      if (entry.spec.section != Section::model || tensor.name != entry.spec.name) continue;
      ++found;
      CAPTURE(tensor.name);
      CHECK(tensor.begin % element_bytes(tensor.dtype) == 0);
      CHECK(std::equal(entry.content.begin(), entry.content.end(),
                       decoded.buffer.begin() + static_cast<std::ptrdiff_t>(tensor.begin)));
    }
  }
  CHECK(found == decoded.header.tensors.size());
}

TEST_CASE("a file of other tools becomes the model, ties as safetensors.torch notes them, its origin in the metadata") {
  Scene scene;
  scene.write(scene.file(), foreign_file({{"format", "pt"}, {"head.w", "w"}, {"about", "a test"}}));
  const CheckpointInfo imported = import_safetensors(scene.store, scene.file(), "demo");
  CHECK(entries(scene.store, imported.id) ==
        std::vector<EntrySpec>{{Section::model, "w", DType::uint8, {3}, ""},
                               {Section::model, "head.w", DType::uint8, {3}, "w"}});
  const auto origin = nlohmann::json::parse(imported.metadata)["imported"];
  CHECK(origin["file"] == scene.file().string());
  CHECK(origin["bytes"] == fs::file_size(scene.file()));
  CHECK(origin["xxh3_128"].get<std::string>().size() == 32);
  CHECK(origin["metadata"]["about"] == "a test");
  CHECK(imported.step == 0);
  CHECK_FALSE(imported.parent);
  CHECK(list_sessions(scene.store)[0].state == SessionState::completed);
}

TEST_CASE("strings of a file beyond 64 KiB are left out of the checkpoint's metadata") {
  Scene scene;
  scene.write(scene.file(), foreign_file({{"about", std::string(2'000'000, 'x')}}));
  const CheckpointInfo imported = import_safetensors(scene.store, scene.file(), "demo");
  CHECK_FALSE(nlohmann::json::parse(imported.metadata)["imported"].contains("metadata"));
}

TEST_CASE("an export does not touch a file that is there, unless it is asked to replace it") {
  Scene scene;
  const CheckpointId saved = scene.save(state_of_all_kinds());
  scene.write(scene.file(), from_text("mine"));
  const Error error = thrown_by([&] { export_safetensors(scene.store, saved, scene.file()); });
  CHECK(error.code() == ErrorCode::already_exists);
  CHECK(error.subject() == scene.file());
  CHECK(contents(scene.file()) == from_text("mine"));
  export_safetensors(scene.store, saved, scene.file(), {.replace = true});
  CHECK(decode(scene.file()).header.tensors.size() > 10);
  CHECK(thrown_by([&] { export_safetensors(scene.store, saved, scene.directory.path(), {.replace = true}); }).code() ==
        ErrorCode::invalid_argument);
}

TEST_CASE("a dry run of an export writes nothing, and tells what would be written") {
  Scene scene;
  const CheckpointId saved = scene.save(state_of_all_kinds());
  const ExportOptions dry{.section = std::nullopt, .dry_run = true};
  const ExportReport told = export_safetensors(scene.store, saved, scene.file(), dry);
  CHECK(files_in(scene.directory.path()) == 1);
  const ExportReport done = export_safetensors(scene.store, saved, scene.file(), {.section = std::nullopt});
  CHECK(done.bytes == contents(scene.file()).size());
  CHECK(told.bytes == done.bytes);
  CHECK(told.tensors == done.tensors);
  CHECK(told.aliases == done.aliases);
  CHECK(told.as_bytes == done.as_bytes);
  CHECK_FALSE(told.replaced);
  CHECK_FALSE(done.replaced);
  CHECK(thrown_by([&] { export_safetensors(scene.store, saved, scene.file(), dry); }).code() ==
        ErrorCode::already_exists);
  CHECK(export_safetensors(scene.store, saved, scene.file(), {.replace = true, .dry_run = true}).replaced);
  CHECK(contents(scene.file()).size() == done.bytes);
}

TEST_CASE("an export of what is not there says so, and leaves no file") {
  Scene scene;
  std::vector<Entry> state;
  state.push_back({{Section::model, "w", DType::uint8, {1}, ""}, Bytes(1)});
  const CheckpointId saved = scene.save(state);
  CHECK(thrown_by([&] { export_safetensors(scene.store, {99}, scene.file()); }).code() == ErrorCode::not_found);
  const Error error =
      thrown_by([&] { export_safetensors(scene.store, saved, scene.file(), {.section = Section::optimizer}); });
  CHECK(error.code() == ErrorCode::invalid_argument);
  CHECK(std::string(error.what()) == "checkpoint 1 has no entries in section optimizer: there is nothing to export");
  CHECK(thrown_by([&] { export_safetensors(scene.store, saved, scene.directory / "no" / "f"); }).code() ==
        ErrorCode::io);
  CHECK(files_in(scene.directory.path()) == 1);
}

TEST_CASE("a damaged checkpoint is not exported, and leaves neither a file nor a temporary") {
  Scene scene;
  std::vector<Entry> state;
  state.push_back({{Section::model, "w", DType::uint8, {200'000}, ""}, random_bytes(200'000, 1)});
  const CheckpointId saved = scene.save(state);
  for (const auto& pack : fs::directory_iterator(scene.store.path() / "blobs")) {
    std::fstream file(pack.path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(100'000);
    file.write("damage", 6);
  }
  CHECK(thrown_by([&] { export_safetensors(scene.store, saved, scene.file()); }).code() == ErrorCode::corruption);
  CHECK(files_in(scene.directory.path()) == 1);
}

TEST_CASE("an export and an import that are asked to stop leave nothing behind") {
  Scene scene;
  const CheckpointId saved = scene.save(state_of_all_kinds());
  const ProgressFn stop = [](const Progress& progress) { return progress.bytes_done < progress.bytes_total / 2; };
  CHECK(thrown_by([&] { export_safetensors(scene.store, saved, scene.file(), {.progress = stop}); }).code() ==
        ErrorCode::cancelled);
  CHECK(files_in(scene.directory.path()) == 1);
  export_safetensors(scene.store, saved, scene.file());
  CHECK(thrown_by([&] { import_safetensors(scene.store, scene.file(), "new", {.progress = stop}); }).code() ==
        ErrorCode::cancelled);
  const ProgressFn stop_late = [](const Progress& progress) { return progress.phase == "hash"; };
  CHECK(thrown_by([&] { import_safetensors(scene.store, scene.file(), "new", {.progress = stop_late}); }).code() ==
        ErrorCode::cancelled);
  CHECK(list_checkpoints(scene.store).size() == 1);
}

TEST_CASE("what cannot be imported changes nothing, not even the list of runs") {
  Scene scene;
  const auto refusal = [&](const Bytes& file) {
    scene.write(scene.file(), file);
    const Error error = thrown_by([&] { import_safetensors(scene.store, scene.file(), "demo"); });
    CHECK(list_runs(scene.store).empty());
    return error;
  };
  Bytes longer = foreign_file();
  longer.push_back(std::byte{0});
  CHECK(refusal(longer).code() == ErrorCode::corruption);
  CHECK(refusal({}).code() == ErrorCode::corruption);
  CHECK(refusal(from_text("PK\x03\x04 and more")).code() == ErrorCode::invalid_argument);
  CHECK(refusal(format::encode(format::SafetensorsHeader{})).code() == ErrorCode::invalid_argument);
  CHECK(refusal(foreign_file({}, "bell\x07")).code() == ErrorCode::invalid_argument);
  const Error absent = thrown_by([&] { import_safetensors(scene.store, scene.file("no"), "demo"); });
  CHECK(absent.code() == ErrorCode::not_found);
  CHECK(list_runs(scene.store).empty());
}

TEST_CASE("an import into a run that is being trained is refused") {
  Scene scene;
  const Session trainer = scene.store.start_session("demo");
  scene.write(scene.file(), foreign_file());
  CHECK(thrown_by([&] { import_safetensors(scene.store, scene.file(), "demo"); }).code() == ErrorCode::busy);
  Store reader = Store::open_read_only(scene.store.path());
  CHECK(thrown_by([&] { import_safetensors(reader, scene.file(), "other"); }).code() == ErrorCode::permission);
}

TEST_CASE("a state that is not in memory is saved as it is read, synchronously and behind a handle") {
  Scene scene;
  const Bytes content = random_bytes(300'001, 1);
  TensorView view{.spec = {Section::model, "w", DType::uint8, {300'001}, ""}};
  view.read = [&](std::uint64_t offset, std::span<std::byte> out) {
    CHECK(out.size() <= 64 * 1024);
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  };
  Session session = scene.store.start_session("demo", {.threads = 1, .chunk_bytes = 64 * 1024});
  const CheckpointId first = session.save({&view, 1}, {}).value();
  CHECK(std::equal(content.begin(), content.end(), load_to_host(scene.store, first)[0].data.get()));
  CHECK(session.save_async({&view, 1}, {}).wait_durable().digest == find_checkpoint(scene.store, first)->digest);
  view.read = [](std::uint64_t, std::span<std::byte>) { throw Error(ErrorCode::io, "w", "w cannot be read"); };
  const SaveOutcome failed = session.save({&view, 1}, {});
  CHECK_FALSE(failed.checkpoint);
  CHECK(failed.error->what() == std::string("w cannot be read"));
  CHECK(session.save_async({&view, 1}, {}).wait_durable().error->code() == ErrorCode::io);
}
