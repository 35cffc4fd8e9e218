// Values that Lastgood never writes, in a file that is a database all the same.
#include <catch2/catch.hpp>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

// Asks everything that returns rows.
void read_everything(const SampleCatalog& sample) {
  sample.db.read([](Connection& c) {
    list_checkpoints(c, {});
    for (const CheckpointId id : {CheckpointId{1}, CheckpointId{2}}) {
      checkpoint_blobs(c, id);
      checkpoint_entries(c, id);
      checkpoint_uuid(c, id);
    }
    list_sessions(c, {});
    catalog::list_runs(c);
    list_packs(c);
    stats(c);
    next_sequence(c);
    protections(c);
  });
}

TEST_CASE("values out of range are corruption, never trusted") {
  const char* const attacks[] = {
      "UPDATE checkpoint SET kind = 9",
      "UPDATE checkpoint SET stability = -1",
      "UPDATE checkpoint SET digest = x'00'",
      "UPDATE checkpoint SET uuid = x'00' WHERE id = 1",
      "UPDATE checkpoint SET step = -1",
      "UPDATE checkpoint SET entries = -1",
      "UPDATE checkpoint SET bytes_logical = -1",
      "UPDATE checkpoint SET pinned = 2",
      "UPDATE checkpoint SET manifest_blob = 99",
      "UPDATE checkpoint SET bytes_logical = 9223372036854775807",
      "UPDATE checkpoint_blob SET blob_id = 99",
      "UPDATE checkpoint_blob SET ordinal = 7 WHERE ordinal = 1",
      "UPDATE layout_entry SET section = 5",
      "UPDATE layout_entry SET dtype = 22",
      "UPDATE layout_entry SET shape = '[-1]'",
      "UPDATE layout_entry SET shape = '{}'",
      "UPDATE layout_entry SET shape = '[1,'",
      "UPDATE blob SET kind = 4",
      "UPDATE blob SET codec = 3",
      "UPDATE blob SET raw_bytes = -1",
      "UPDATE blob SET stored_bytes = 100000000",
      "UPDATE blob SET offset = -offset",
      "UPDATE blob SET hash = x''",
      "UPDATE blob SET state = 2",
      "UPDATE blob SET refs = -1",
      "UPDATE pack SET uuid = zeroblob(17) WHERE id = 1",
      "UPDATE session SET state = 7",
      "UPDATE meta SET value = -1 WHERE key = 'sequence'",
      "UPDATE meta SET value = 'x' WHERE key = 'sequence'",
      "DELETE FROM meta WHERE key = 'sequence'",
      "DROP VIEW v_checkpoints",
  };
  for (const char* attack : attacks) {
    SampleCatalog sample;
    sample.add({.chunks = {1, 2}});
    sample.add({.chunks = {2, 3}});
    read_everything(sample);
    sample.tamper(attack);
    INFO(attack);
    CHECK(thrown_by([&] { read_everything(sample); }).code() == ErrorCode::corruption);
  }
}

TEST_CASE("a count that would fall below zero stops the deletion") {
  SampleCatalog sample;
  const CheckpointId first = sample.add({.chunks = {1}});
  sample.add({.chunks = {1}});
  sample.tamper("UPDATE blob SET refs = 0 WHERE id = 1");
  const Error error = thrown_by([&] { sample.write([&](Connection& c) { delete_checkpoints(c, {{first}}); }); });
  CHECK(error.code() == ErrorCode::corruption);
  CHECK(sample.list().size() == 2);
}

TEST_CASE("triggers that came with a catalog do not run") {
  SampleCatalog sample;
  sample.tamper("CREATE TRIGGER evil AFTER UPDATE ON meta BEGIN DELETE FROM run; END");
  sample.add({});
  sample.write(raise_gc_counter);
  CHECK(sample.read(catalog::list_runs).size() == 1);
}

}  // namespace
}  // namespace lastgood::test
