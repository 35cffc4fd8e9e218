#include "store/format/exchange.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/format/expect.h"

using namespace lastgood;
using namespace lastgood::format;
using namespace lastgood::test;

namespace {

using Json = nlohmann::json;

const std::vector<EntrySpec> kEntries = {
    {Section::model, "bias", DType::uint8, {3}, ""},
    {Section::model, "w", DType::float64, {2, 2}, ""},
    {Section::model, "head.w", DType::float64, {2, 2}, "w"},
    {Section::optimizer, "w", DType::complex128, {2}, ""},
    {Section::rng, "cpu", DType::bytes, {5}, ""},
};

SafetensorsHeader exported() {
  return to_safetensors(kEntries, {7, 2, R"({"lr":1})"}, Naming::with_section).header;
}

/// The failure of an import of the export above, after `change` was made to what Lastgood noted.
template <class Change>
std::string failure_after(const Change& change) {
  SafetensorsHeader header = exported();
  Json own = Json::parse(header.metadata.at("lastgood"));
  change(own);
  header.metadata["lastgood"] = own.dump();
  return failure_of([&] { from_safetensors(header, "f"); });
}

std::string disagreement(const std::string& what) {
  return "corruption: f: what Lastgood noted in its metadata does not fit its tensors (" + what +
         "); without the key \"lastgood\" in __metadata__, the tensors can be imported as a model";
}

SafetensorsTensor tensor(const std::string& name) {
  return {name, DType::float32, {2}, 0, 8};
}

}  // namespace

TEST_CASE("a state of several sections comes back from its header entry by entry") {
  const IncomingState state = from_safetensors(exported(), "f");
  std::vector<EntrySpec> specs;
  for (const IncomingEntry& entry : state.entries) specs.push_back(entry.spec);
  CHECK(specs == kEntries);
  CHECK(state.note.step == 7);
  CHECK(state.note.epoch == 2);
  CHECK(state.note.metadata == R"({"lr":1})");
}

TEST_CASE("tensors lie widest elements first, and each knows the entry that it comes from") {
  const OutgoingState out = to_safetensors(kEntries, {}, Naming::with_section);
  CHECK(out.sources == std::vector<std::size_t>{1, 0, 3, 4});
  CHECK(out.header.tensors[0] == SafetensorsTensor{"model/w", DType::float64, {2, 2}, 0, 32});
  CHECK(out.header.tensors[1] == SafetensorsTensor{"model/bias", DType::uint8, {3}, 32, 3});
  CHECK(out.header.tensors[2] == SafetensorsTensor{"optimizer/w", DType::uint8, {32}, 35, 32});
  CHECK(out.header.tensors[3] == SafetensorsTensor{"rng/cpu", DType::uint8, {5}, 67, 5});
  CHECK(out.as_bytes == std::vector<std::string>{"optimizer/w"});
  CHECK(out.header.metadata.at("model/head.w") == "model/w");
}

TEST_CASE("one section alone keeps its names, and refuses the one name that the format reserves") {
  const std::vector<EntrySpec> model = {{Section::model, "__metadata__", DType::uint8, {1}, ""}};
  CHECK(to_safetensors({kEntries.data(), 2}, {}, Naming::plain).header.tensors[0].name == "w");
  CHECK(failure_of([&] { to_safetensors(model, {}, Naming::plain); }) ==
        "invalid_argument: a tensor named \"__metadata__\" has no place in a safetensors file; export all sections, "
        "which puts the section in front of each name");
  CHECK(to_safetensors(model, {}, Naming::with_section).header.tensors[0].name == "model/__metadata__");
}

TEST_CASE("a tied tensor named like a key of the metadata still comes back") {
  for (const char* name : {"format", "lastgood"}) {
    const std::vector<EntrySpec> specs = {{Section::model, "pt", DType::uint8, {1}, ""},
                                          {Section::model, name, DType::uint8, {1}, "pt"}};
    const SafetensorsHeader header = to_safetensors(specs, {}, Naming::plain).header;
    CHECK(header.metadata.at("format") == "pt");
    CHECK(from_safetensors(header, "f").entries[1].spec == specs[1]);
  }
}

TEST_CASE("a header of other tools is a model, with ties where the metadata names two tensors, one of them absent") {
  const SafetensorsHeader header{{tensor("w")}, {{"format", "w"}, {"tied", "w"}, {"w", "w"}, {"about", "something"}}};
  const IncomingState state = from_safetensors(header, "f");
  REQUIRE(state.entries.size() == 2);
  CHECK(state.entries[0].spec == EntrySpec{Section::model, "w", DType::float32, {2}, ""});
  CHECK(state.entries[1].spec == EntrySpec{Section::model, "tied", DType::float32, {2}, "w"});
  CHECK(state.note.step == 0);
}

TEST_CASE("names that the store does not take are refused by name") {
  const std::string failure = failure_of([] { from_safetensors({{tensor("a\nb")}, {}}, "f"); });
  CHECK(failure.substr(0, 17) == "invalid_argument:");
  CHECK(failure.find("a\\x0ab") != std::string::npos);
  CHECK(failure_of([] { from_safetensors({{tensor("")}, {}}, "f"); }).substr(0, 17) == "invalid_argument:");
}

TEST_CASE("a note that does not fit the tensors is refused, and says where") {
  CHECK(failure_after([](Json& own) { own["entries"][0]["tensor"] = "other"; }) ==
        disagreement("\"bias\" is not there"));
  CHECK(failure_after([](Json& own) { own["entries"][1]["tensor"] = "model/bias"; }) ==
        disagreement("\"w\" is not there"));
  CHECK(failure_after([](Json& own) { own["entries"].erase(4); }) == disagreement("\"rng/cpu\" is not described"));
  CHECK(failure_after([](Json& own) { own["entries"][0]["dtype"] = "int8"; }) ==
        disagreement("\"model/bias\" has another dtype or shape"));
  CHECK(failure_after([](Json& own) { own["entries"][0]["shape"] = {4}; }) ==
        disagreement("\"model/bias\" has another dtype or shape"));
  CHECK(failure_after([](Json& own) { own["entries"][3]["shape"] = {3}; }) ==
        disagreement("\"optimizer/w\" has another dtype or shape"));
  CHECK(failure_after([](Json& own) { own["entries"][0]["dtype"] = "float7"; }) ==
        disagreement("unknown dtype of \"bias\""));
  CHECK(failure_after([](Json& own) { own["entries"][0]["section"] = "other"; }) ==
        disagreement("unknown section of \"bias\""));
  CHECK(failure_after([](Json& own) { own["entries"][2]["alias_of"] = "head.w"; }) ==
        disagreement("\"head.w\" is tied to nothing"));
  CHECK(failure_after([](Json& own) { own["metadata"] = "[]"; }) == disagreement("its metadata is no JSON object"));
  CHECK(failure_after([](Json& own) { own["format"] = 0; }) == disagreement("there is no format 0"));
  const std::string missing = disagreement("a field is missing, or of another type");
  for (const char* field : {"format", "step", "epoch", "metadata", "entries"}) {
    CHECK(failure_after([&](Json& own) { own.erase(field); }) == missing);
    CHECK(failure_after([&](Json& own) { own[field] = nullptr; }) == missing);
  }
  CHECK(failure_after([](Json& own) { own = Json::array(); }) == missing);
}

TEST_CASE("a note with sizes that no entry may have is refused as any save would be") {
  CHECK(failure_after([](Json& own) { own["entries"][0]["shape"] = {-1}; }).substr(0, 17) == "invalid_argument:");
  CHECK(failure_after([](Json& own) {
          own["entries"][0]["shape"] = {INT64_MAX, INT64_MAX};
        }).substr(0, 17) == "invalid_argument:");
}

TEST_CASE("a note of a newer Lastgood, and one that is no JSON, are refused") {
  CHECK(failure_after([](Json& own) { own["format"] = 2; }) ==
        "unsupported_version: f was exported by a newer Lastgood; import it with that version");
  CHECK(failure_of([] {
          from_safetensors({{tensor("w")}, {{"lastgood", "{"}}}, "f");
        }) == disagreement("it is no JSON"));
}

TEST_CASE("the origin of an import stands beside the metadata that was exported") {
  const Json all = Json::parse(with_origin(R"({"lr":1})", "dir/f", 9, BlobHash{}, exported()));
  CHECK(all["lr"] == 1);
  CHECK(all["imported"] == Json{{"file", "dir/f"}, {"bytes", 9}, {"xxh3_128", std::string(32, '0')}});
  const Json foreign = Json::parse(with_origin("{}", "f", 9, BlobHash{}, {{}, {{"about", "x"}}}));
  CHECK(foreign["imported"]["metadata"] == Json{{"about", "x"}});
}
