// The public views: columns are part of the format and only ever added.
#include <catch2/catch.hpp>

#include "tests/catalog/sample_catalog.h"

namespace lastgood::test {
namespace {

using namespace catalog;

std::string columns_of(const SampleCatalog& sample, const std::string& view) {
  return sample.read([&](Connection& c) {
    Statement query(c, "SELECT group_concat(name, ' ') FROM pragma_table_info(?1)", view);
    query.step();
    return std::string(query.text(0));
  });
}

std::string text_of(const SampleCatalog& sample, const std::string& sql) {
  return sample.read([&](Connection& c) {
    Statement query(c, sql);
    return query.step() ? std::string(query.text(0)) : std::string();
  });
}

TEST_CASE("the views have the columns that are promised") {
  SampleCatalog sample;
  CHECK(columns_of(sample, "v_checkpoints") ==
        "id uuid run session parent step epoch kind stability is_head pinned intact created_at created_at_ms digest "
        "entries bytes_logical bytes_new metadata");
  CHECK(columns_of(sample, "v_metrics") == "checkpoint name value");
  CHECK(columns_of(sample, "v_tags") == "name checkpoint");
  CHECK(columns_of(sample, "v_entries") ==
        "checkpoint ordinal section name dtype shape bytes first_chunk chunks alias_of");
  CHECK(columns_of(sample, "v_runs") == "id name head checkpoints sessions created_at created_at_ms");
  CHECK(columns_of(sample, "v_sessions") ==
        "id uuid run state pid host started_at started_at_ms ended_at ended_at_ms resumed_from checkpoints");
  CHECK(columns_of(sample, "v_health") ==
        "run session branch step health loss gradient_norm learning_rate loss_is_nan gradient_norm_is_nan recorded_at "
        "recorded_at_ms");
  CHECK(columns_of(sample, "v_events") ==
        "id run session branch step kind severity message detail recorded_at recorded_at_ms");
  CHECK(columns_of(sample, "v_recoveries") ==
        "id run session branch step epoch failure action outcome restored resumed_step detail recorded_at "
        "recorded_at_ms");
  CHECK(columns_of(sample, "v_saves") ==
        "id run session step kind checkpoint bytes_logical bytes_new blocked_us durable_us error recorded_at "
        "recorded_at_ms");
  CHECK(columns_of(sample, "v_blobs") == "id hash pack offset kind codec raw_bytes stored_bytes state damaged refs");
}

TEST_CASE("the views speak in words") {
  SampleCatalog sample;
  sample.add({.stability = Stability::stable, .chunks = {1, 2}});
  CHECK(text_of(sample, "SELECT run || ' ' || kind || ' ' || stability || ' ' || created_at FROM v_checkpoints") ==
        "demo regular stable 2023-11-14T22:13:20.000Z");
  CHECK(text_of(sample,
                "SELECT section || '/' || name || ' ' || dtype || shape || ' ' || bytes || ' ' || chunks "
                "FROM v_entries WHERE ordinal = 0") == "model/w float32[2,250] 2000 2");
  CHECK(text_of(sample, "SELECT alias_of FROM v_entries WHERE ordinal = 1") == "w");
  CHECK(text_of(sample, "SELECT kind || ' ' || codec || ' ' || state || ' ' || refs FROM v_blobs WHERE id = 1") ==
        "chunk zstd live 1");
  CHECK(text_of(sample, "SELECT hash FROM v_blobs WHERE id = 1") == hash_of(1).hex());
  CHECK(text_of(sample, "SELECT substr(pack, 33) FROM v_blobs WHERE id = 1") == ".pack");
  CHECK(text_of(sample, "SELECT state || ' ' || host FROM v_sessions") == "open host");
  CHECK(text_of(sample, "SELECT name || ' ' || head || ' ' || checkpoints FROM v_runs") == "demo 1 1");
}

TEST_CASE("the views know every dtype and section by the name that the library gives it") {
  SampleCatalog sample;
  const CheckpointId id = sample.add({});
  for (int code = 0; code <= static_cast<int>(DType::float8_e5m2fnuz); ++code) {
    const int section = code % 5;
    sample.tamper("UPDATE layout_entry SET dtype = " + std::to_string(code) + ", section = " + std::to_string(section));
    CHECK(text_of(sample, "SELECT dtype FROM v_entries") == to_string(static_cast<DType>(code)));
    CHECK(text_of(sample, "SELECT section FROM v_entries") == to_string(static_cast<Section>(section)));
    const EntrySpec spec = sample.read([&](Connection& c) { return checkpoint_entries(c, id); })[0];
    CHECK(spec.dtype == static_cast<DType>(code));
  }
}

}  // namespace
}  // namespace lastgood::test
