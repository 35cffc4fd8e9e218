#include "tests/timeout/loopback_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace lastgood::test {
namespace {

std::string read_request(int connection) {
  std::string text;
  for (char part[1024]; text.find("\r\n\r\n") == std::string::npos;) {
    const ssize_t got = ::read(connection, part, sizeof part);
    if (got <= 0) break;
    text.append(part, static_cast<std::size_t>(got));
  }
  return text;
}

void write_reply(int connection, const ServedReply& reply) {
  const std::string text = "HTTP/1.1 " + std::to_string(reply.status) +
                           " Status\r\nConnection: close\r\nContent-Length: " + std::to_string(reply.body.size()) +
                           "\r\n\r\n" + reply.body;
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t now = ::send(connection, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return;
    sent += static_cast<std::size_t>(now);
  }
}

}  // namespace

LoopbackServer::LoopbackServer(std::function<ServedReply(const ServedRequest&)> answer) : answer_(std::move(answer)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, length) != 0 || ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, generic, &length) != 0) {
    throw std::runtime_error("no server on the loopback interface");
  }
  base_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = std::thread([this] { serve(); });
}

LoopbackServer::~LoopbackServer() {
  ::shutdown(listener_, SHUT_RDWR);  // wakes accept()
  thread_.join();
  ::close(listener_);
}

void LoopbackServer::serve() {
  for (;;) {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    const std::string text = read_request(connection);
    const auto line_end = text.find("\r\n");
    if (line_end != std::string::npos) {
      write_reply(connection, answer_({text.substr(0, line_end), text.substr(line_end + 2)}));
    }
    ::close(connection);
  }
}

}  // namespace lastgood::test
