#include "store/names.h"

#include <catch2/catch.hpp>

using namespace lastgood;

TEST_CASE("a tag has 1 to 128 characters of a small alphabet") {
  CHECK(is_tag_text("release/2.1_final-b"));
  CHECK(is_tag_text(std::string(128, 'a')));
  CHECK_FALSE(is_tag_text(std::string(129, 'a')));
  CHECK_FALSE(is_tag_text(""));
  for (const char* bad : {"a b", "a~1", "a:b", "a\n", "\xc3\xa4", "a*"}) CHECK_FALSE(is_tag_text(bad));
}

TEST_CASE("a tag is made of parts that cannot be taken for an option or for a path that leads elsewhere") {
  for (const char* good : {"a/b", "_x", "1/2", "a.b-c_d", "v1.0", "a..b"}) CHECK(is_tag_text(good));
  for (const char* bad : {"-a", ".", "..", "/", "/a", "a/", "a//b", "a/../b", "a/.hidden", "a/-b", "--"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_tag_text(bad));
  }
}

TEST_CASE("a reserved word is known in any case") {
  for (const char* word : {"HEAD", "Latest", "LAST-stable", "STEP:12", "head"}) CHECK(looks_reserved(word));
  for (const char* word : {"heads", "AHEAD", "STEP", ""}) CHECK_FALSE(looks_reserved(word));
}

TEST_CASE("words with a fixed meaning are reserved, and no others") {
  for (const char* word : {"head", "latest", "last-stable", "step:", "step:12"}) CHECK(is_reserved(word));
  for (const char* word : {"Head", "heads", "step", "last_stable", ""}) CHECK_FALSE(is_reserved(word));
}

TEST_CASE("a number is digits only") {
  CHECK(is_number("0"));
  CHECK(is_number("18446744073709551616"));
  for (const char* text : {"", "-1", "+1", "1.0", "0x1", " 1"}) CHECK_FALSE(is_number(text));
}

TEST_CASE("text is shown without control characters, and cut") {
  CHECK(printable("plain name") == "plain name");
  CHECK(printable("a\x1b[31m\n\x7f\xc3\xa4") == "a?[31m????");
  CHECK(printable(std::string(200, 'x')) == std::string(80, 'x') + "...");
}
