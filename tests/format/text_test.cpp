#include "store/format/text.h"

#include <string>

#include <catch2/catch.hpp>

using lastgood::format::in_quotes;
using lastgood::format::is_clean_text;
using lastgood::format::is_json_object;

TEST_CASE("names in any script are clean text") {
  REQUIRE(is_clean_text(""));
  REQUIRE(is_clean_text("layers.0.attention.weight"));
  REQUIRE(is_clean_text("\xc2\xa0"));          // U+00A0, the first after the controls
  REQUIRE(is_clean_text("\xdf\xbf"));          // U+07FF
  REQUIRE(is_clean_text("\xe0\xa0\x80"));      // U+0800
  REQUIRE(is_clean_text("\xed\x9f\xbf"));      // U+D7FF, the last before the surrogates
  REQUIRE(is_clean_text("\xee\x80\x80"));      // U+E000
  REQUIRE(is_clean_text("\xf0\x90\x80\x80"));  // U+10000
  REQUIRE(is_clean_text("\xf4\x8f\xbf\xbf"));  // U+10FFFF
}

TEST_CASE("bytes that are not UTF-8 are no clean text") {
  const std::string text = GENERATE(as<std::string>(), "\x80", "\xc3", "a\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf",
                                    "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80", "\xff", "ok\xfe");
  REQUIRE_FALSE(is_clean_text(text));
}

TEST_CASE("control characters are no clean text") {
  REQUIRE_FALSE(is_clean_text(std::string("a\0b", 3)));
  REQUIRE_FALSE(is_clean_text("line\nbreak"));
  REQUIRE_FALSE(is_clean_text("\x1b[2J"));
  REQUIRE_FALSE(is_clean_text("\x7f"));
  REQUIRE_FALSE(is_clean_text("\xc2\x9b"));  // U+009B, which some terminals take for an escape
}

TEST_CASE("a hostile name is harmless in a message") {
  REQUIRE(in_quotes("weight") == "\"weight\"");
  REQUIRE(in_quotes("\x1b[2J\xff") == "\"\\x1b[2J\\xff\"");
  REQUIRE(in_quotes("\xc2\x9b") == "\"\\xc2\\x9b\"");
  REQUIRE(in_quotes("\xc3\xa9") == "\"\xc3\xa9\"");
  const std::string cut = in_quotes(std::string(5000, 'x'));
  REQUIRE(cut.size() < 120);
  REQUIRE(cut.ends_with("...\""));
}

TEST_CASE("Only a JSON object of bounded depth is taken for one") {
  CHECK(is_json_object("{}"));
  CHECK(is_json_object(R"({"a":[1,{"b":null}]})"));
  CHECK_FALSE(is_json_object("[]"));
  CHECK_FALSE(is_json_object("{"));
  CHECK_FALSE(is_json_object(""));
  CHECK_FALSE(is_json_object(R"({"a":)" + std::string(1000, '[') + std::string(1000, ']') + "}"));
}
