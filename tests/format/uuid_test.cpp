#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "store/format/uuid.h"

using lastgood::format::Uuid;

TEST_CASE("uuids do not repeat") {
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) REQUIRE(seen.insert(Uuid::random()).second);
}

TEST_CASE("a uuid is written as 32 digits and read back") {
  const Uuid uuid = Uuid::random();
  REQUIRE(uuid.hex().size() == 32);
  REQUIRE(Uuid::from_hex(uuid.hex()) == uuid);
  REQUIRE_FALSE(Uuid::from_hex(uuid.hex() + "0").has_value());
  REQUIRE_FALSE(Uuid::from_hex("not a uuid").has_value());
}

TEST_CASE("a forked child draws other uuids than its parent") {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const Uuid uuid = Uuid::random();
    const bool written = write(ends[1], uuid.bytes.data(), uuid.bytes.size()) == 16;
    _exit(written ? 0 : 1);
  }
  REQUIRE(child > 0);
  const Uuid own = Uuid::random();
  Uuid childs;
  REQUIRE(read(ends[0], childs.bytes.data(), childs.bytes.size()) == 16);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(childs != own);
  close(ends[0]);
  close(ends[1]);
}
