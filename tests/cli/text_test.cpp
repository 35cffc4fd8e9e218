// What reaches a terminal: escapes, widths, sizes, times.
#include <catch2/catch.hpp>

#include "cli/table.h"
#include "cli/text.h"
#include "cli/units.h"

namespace lastgood::test {

using namespace cli;

TEST_CASE("control characters, hidden ones and bytes that are no UTF-8 are written as escapes") {
  CHECK(escape("layer.0.weight") == "layer.0.weight");
  CHECK(escape("zażółć 学 😀") == "zażółć 学 😀");
  CHECK(escape("a\x1b[31mb") == "a\\x1b[31mb");
  CHECK(escape("a\nb\tc") == "a\\nb\\tc");
  CHECK(escape_lines("a\nb\tc") == "a\nb\\tc");
  CHECK(escape("\xc2\x9b") == "\\x9b");  // CSI in one character
  CHECK(escape("a\xe2\x80\xae"
               "b") == "a\\u{202e}b");                          // right-to-left override
  CHECK(escape("\xff\xc3") == "\\xff\\xc3");                    // no UTF-8 at all, and a character that is cut off
  CHECK(escape("\xc0\xaf") == "\\xc0\\xaf");                    // overlong
  CHECK(escape("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
  CHECK(escape("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
}

TEST_CASE("width counts columns, not bytes") {
  set_text_locale();
  CHECK(display_width("abc") == 3);
  CHECK(display_width("żół") == 3);
  CHECK(display_width("学学") == 4);
  CHECK(display_width("e\xcc\x81") == 1);  // a combining accent
}

TEST_CASE("text is cut between characters, and says so") {
  set_text_locale();
  CHECK(fit("abcdef", 6) == "abcdef");
  CHECK(fit("abcdef", 5) == "abcd…");
  CHECK(fit("学学学", 5) == "学学…");
  CHECK(fit("学学学", 4) == "学…");
  CHECK(fit("abc", 1) == "…");
  CHECK(fit("abc", 0) == "");
}

TEST_CASE("counted knows one from many") {
  CHECK(counted(0, "blob") == "0 blobs");
  CHECK(counted(1, "blob") == "1 blob");
  CHECK(counted(2, "blob") == "2 blobs");
}

TEST_CASE("sizes have three digits that count and at most 8 columns") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1024) == "1.00 KiB");
  CHECK(human_bytes(10 * 1024) == "10.0 KiB");
  CHECK(human_bytes(100 * 1024) == "100 KiB");
  CHECK(human_bytes(1023 * 1024) == "1023 KiB");
  CHECK(human_bytes(1024 * 1024 - 1) == "1.00 MiB");
  CHECK(human_bytes(1'500'000'000) == "1.40 GiB");
  CHECK(human_bytes(~std::uint64_t{0}) == "16.0 EiB");
}

TEST_CASE("time spans have one unit") {
  using std::chrono::seconds;
  CHECK(human_duration(seconds(-5)) == "0s");
  CHECK(human_duration(seconds(119)) == "119s");
  CHECK(human_duration(seconds(120)) == "2m");
  CHECK(human_duration(seconds(7200)) == "2h");
  CHECK(human_duration(seconds(47 * 3600)) == "47h");
  CHECK(human_duration(seconds(48 * 3600)) == "2d");
  CHECK(human_duration(seconds(3 * 31'536'000)) == "3y");
}

TEST_CASE("times are written in UTC, with milliseconds") {
  CHECK(iso_time(0) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_time(1'714'564'800'123) == "2024-05-01T12:00:00.123Z");
  CHECK(iso_time(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(iso_time(std::numeric_limits<std::int64_t>::max()) == "292278994-08-17T07:12:55.807Z");
}

TEST_CASE("time spans are read in seconds, minutes, hours, days and weeks") {
  using std::chrono::seconds;
  CHECK(parse_duration("90") == seconds(90));
  CHECK(parse_duration("90s") == seconds(90));
  CHECK(parse_duration("15m") == seconds(900));
  CHECK(parse_duration("12h") == seconds(43'200));
  CHECK(parse_duration("7d") == seconds(604'800));
  CHECK(parse_duration("2w") == seconds(1'209'600));
  for (const char* bad : {"", "d", "-1d", "1.5h", "7 d", "1y", "7dd", "99999999999999999999d", "10000000000w"}) {
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("counts are decimal digits and nothing else") {
  CHECK(parse_count("0") == 0u);
  CHECK(parse_count("010") == 10u);
  CHECK(parse_count("18446744073709551615") == 18'446'744'073'709'551'615u);
  for (const char* bad : {"", "-1", "+1", "0x10", "1e3", " 1", "1 ", "18446744073709551616"}) {
    CHECK_FALSE(parse_count(bad));
  }
}

TEST_CASE("colour is added only where it is wanted") {
  CHECK(paint("x", Tone::bad, false) == "x");
  CHECK(paint("x", Tone::plain, true) == "x");
  CHECK(paint("x", Tone::bad, true) == "\x1b[31mx\x1b[0m");
}

TEST_CASE("painted text is measured and cut by what is seen of it, and leaves no colour on") {
  set_text_locale();
  const std::string text = "a\x1b[31mbcd\x1b[0mef";
  CHECK(painted_width(text) == 6);
  CHECK(fit_painted(text, 6) == text);
  CHECK(fit_painted(text, 5) == "a\x1b[31mbcd\x1b[0m…");
  CHECK(fit_painted(text, 3) == "a\x1b[31mb…\x1b[0m");
  CHECK(fit_painted(text, 1) == "…");
  CHECK(fit_painted(text, 0) == "");
  CHECK(painted_width("\x1b[31") == 0);  // a sequence that is cut off
  CHECK(fit_painted("学学学", 4) == "学…");
}

TEST_CASE("what ASCII does not have becomes question marks, one a column") {
  set_text_locale();
  CHECK(ascii_only("plain \x1b[31mred\x1b[0m") == "plain \x1b[31mred\x1b[0m");
  CHECK(ascii_only("ż学…\xff") == "???~?");
}

}  // namespace lastgood::test
