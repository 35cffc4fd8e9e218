// Notices of clouds, served on the loopback interface.
#include <atomic>
#include <mutex>

#include <lastgood/timeout_sources.h>
#include <catch2/catch.hpp>

#include "tests/support/thrown_error.h"
#include "tests/timeout/fake_machine.h"
#include "tests/timeout/loopback_server.h"

using namespace lastgood;
using namespace lastgood::test;
using Catch::Contains;

namespace {

/// Answers by path; 404 for others. What it was asked is kept.
struct Metadata {
  std::mutex mutex;
  std::map<std::string, ServedReply> replies = {};  // by "GET /path"
  std::vector<ServedRequest> asked = {};
  LoopbackServer server{[this](const ServedRequest& request) {
    const std::lock_guard lock(mutex);
    asked.push_back(request);
    const auto found = replies.find(request.line.substr(0, request.line.rfind(' ')));
    return found != replies.end() ? found->second : ServedReply{404, "not found"};
  }};

  void set(const std::string& what, const std::string& body, int status = 200) {
    const std::lock_guard lock(mutex);
    replies[what] = {status, body};
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return asked.size();
  }
};

constexpr const char* kToken = "PUT /latest/api/token";
constexpr const char* kAction = "GET /latest/meta-data/spot/instance-action";
constexpr const char* kPreempted = "GET /computeMetadata/v1/instance/preempted";
constexpr const char* kEvents = "GET /metadata/scheduledevents?api-version=2020-07-01";
constexpr const char* kVmName = "GET /metadata/instance/compute/name?api-version=2021-02-01&format=text";

std::string event(const std::string& type, const std::string& machine, const std::string& not_before,
                  const std::string& id = "A") {
  return R"({"EventId":")" + id + R"(","EventType":")" + type + R"(","Resources":[")" + machine +
         R"("],"EventStatus":"Scheduled","NotBefore":")" + not_before + R"("})";
}

std::string events(const std::string& list) {
  return R"({"DocumentIncarnation":1,"Events":[)" + list + "]}";
}

}  // namespace

TEST_CASE("AWS: a token first, then the notice with it, which gives two minutes") {
  FakeMachine machine;
  Metadata metadata;
  const auto source = aws_spot_notice(machine, metadata.server.base());
  CHECK(source->interval() == Interval(5s));
  metadata.set(kToken, "secret");
  CHECK_FALSE(source->ask());
  REQUIRE(metadata.count() == 2);
  CHECK_THAT(metadata.asked[0].headers, Contains("X-aws-ec2-metadata-token-ttl-seconds: 21600"));
  CHECK_THAT(metadata.asked[1].headers, Contains("X-aws-ec2-metadata-token: secret"));
  metadata.set(kAction, R"({"action":"terminate","time":"2026-11-24T12:01:30Z"})");
  const auto deadline = source->ask();
  REQUIRE(deadline);
  CHECK(deadline->at - machine.now() == 90s);
  CHECK(deadline->source == "aws_spot");
  CHECK_THAT(deadline->why, Contains("terminate"));
  CHECK(metadata.count() == 3);  // the token is used again
  metadata.set(kAction, "", 404);
  CHECK(source->ask()->at == deadline->at);  // and a notice stands
}

TEST_CASE("AWS: an expired token is asked for anew") {
  FakeMachine machine;
  Metadata metadata;
  const auto source = aws_spot_notice(machine, metadata.server.base());
  metadata.set(kToken, "first");
  CHECK_FALSE(source->ask());
  metadata.set(kToken, "second");
  metadata.set(kAction, "", 401);
  CHECK(thrown_by([&] { source->ask(); }).code() == ErrorCode::io);
  REQUIRE(metadata.count() == 5);
  CHECK_THAT(metadata.asked[4].headers, Contains("X-aws-ec2-metadata-token: second"));
}

TEST_CASE("AWS: a notice is never longer than two minutes, whatever the clock or the text says") {
  FakeMachine machine;
  Metadata metadata;
  metadata.set(kToken, "secret");
  const auto left = [&](const std::string& body) {
    metadata.set(kAction, body);
    return aws_spot_notice(machine, metadata.server.base())->ask()->at - machine.now();
  };
  CHECK(left(R"({"action":"stop","time":"2026-11-24T18:00:00Z"})") == 120s);
  CHECK(left(R"({"action":"stop","time":"2026-11-24T11:00:00Z"})") == 0s);
  CHECK(left(R"({"action":"stop","time":12})") == 120s);
  CHECK(left("<html>") == 120s);
  CHECK(left(R"({"action":"hibernate","time":"2026-11-24T12:01:30Z"})") == 0s);
}

TEST_CASE("Google Cloud: the flag that is raised gives thirty seconds from when it was seen") {
  FakeMachine machine;
  Metadata metadata;
  const auto source = gcp_preemption(machine, metadata.server.base());
  metadata.set(kPreempted, "FALSE");
  CHECK_FALSE(source->ask());
  CHECK_THAT(metadata.asked.at(0).headers, Contains("Metadata-Flavor: Google"));
  metadata.set(kPreempted, "TRUE\n");
  CHECK(source->ask()->at - machine.now() == 30s);
  machine.pass(10s);
  CHECK(source->ask()->at - machine.now() == 20s);
  const auto other = gcp_preemption(machine, metadata.server.base());
  metadata.set(kPreempted, "<html>a login page</html>");
  CHECK_THAT(thrown_by([&] { other->ask(); }).what(), Contains("login page"));
}

TEST_CASE("Azure: an event that ends this machine counts, from its time on") {
  FakeMachine machine;
  Metadata metadata;
  const auto source = azure_events(machine, metadata.server.base());
  metadata.set(kVmName, "vm-3");
  metadata.set(kEvents, events(""));
  CHECK_FALSE(source->ask());
  CHECK_THAT(metadata.asked.at(0).headers, Contains("Metadata: true"));
  metadata.set(kEvents, events(event("Freeze", "vm-3", "Tue, 24 Nov 2026 12:00:10 GMT") + "," +
                               event("Preempt", "vm-4", "Tue, 24 Nov 2026 12:00:20 GMT")));
  CHECK_FALSE(source->ask());  // a pause, and another machine's end
  metadata.set(kEvents, events(event("Reboot", "vm-3", "Tue, 24 Nov 2026 12:15:00 GMT") + "," +
                               event("Preempt", "vm-3", "Tue, 24 Nov 2026 12:00:30 GMT", "B")));
  const auto deadline = source->ask();
  REQUIRE(deadline);
  CHECK(deadline->at - machine.now() == 30s);
  CHECK_THAT(deadline->why, Contains("Preempt"));
  machine.wall -= 1h;  // somebody sets the clock
  CHECK(source->ask()->at == deadline->at);
  metadata.set(kEvents, events(""));
  CHECK_FALSE(source->ask());  // called off
  CHECK(std::count_if(metadata.asked.begin(), metadata.asked.end(), [](const ServedRequest& request) {
          return request.line.find("compute/name") != std::string::npos;
        }) == 1);
}

TEST_CASE("Azure: an event that has begun ends now; without a name of our own every event counts") {
  FakeMachine machine;
  Metadata metadata;
  metadata.set(kEvents, events(event("Terminate", "vm-9", "")));
  const auto deadline = azure_events(machine, metadata.server.base())->ask();
  REQUIRE(deadline);
  CHECK(deadline->at == machine.now());
  for (const char* bad : {"", "[]", R"({"Events":3})", R"({"x":1})"}) {
    metadata.set(kEvents, bad);
    CHECK(thrown_by([&] { azure_events(machine, metadata.server.base())->ask(); }).code() == ErrorCode::io);
  }
  metadata.set(kEvents, R"({"Events":[7,{"EventType":["Preempt"]},{}]})");
  CHECK_FALSE(azure_events(machine, metadata.server.base())->ask());
}

TEST_CASE("A service that does not answer is an error that names the address") {
  FakeMachine machine;
  std::string base;
  {
    const LoopbackServer gone([](const ServedRequest&) { return ServedReply{}; });
    base = gone.base();
  }
  for (const auto& source :
       {aws_spot_notice(machine, base), gcp_preemption(machine, base), azure_events(machine, base)}) {
    const Error error = thrown_by([&] { source->ask(); });
    CHECK(error.code() == ErrorCode::io);
    CHECK_THAT(error.what(), Contains(base));
  }
}

TEST_CASE("A body without end is refused") {
  Metadata metadata;
  metadata.set("GET /", std::string(200'000, 'x'));
  CHECK(thrown_by([&] { this_machine().fetch({metadata.server.base() + "/"}); }).code() == ErrorCode::io);
}
