// A metadata service for tests: HTTP on a port of the loopback interface that the kernel chooses.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace lastgood::test {

struct ServedRequest {
  std::string line;     // "GET /path HTTP/1.1"
  std::string headers;  // as they came
};

struct ServedReply {
  int status = 200;
  std::string body = {};
};

class LoopbackServer {
 public:
  /// `answer` is called on the server's thread, for one request at a time.
  explicit LoopbackServer(std::function<ServedReply(const ServedRequest&)> answer);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  /// "http://127.0.0.1:34567"
  const std::string& base() const noexcept { return base_; }

 private:
  void serve();

  std::function<ServedReply(const ServedRequest&)> answer_;
  int listener_ = -1;
  std::string base_;
  std::thread thread_;
};

}  // namespace lastgood::test
