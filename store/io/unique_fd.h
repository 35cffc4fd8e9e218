// A file descriptor and its owner.
//
// For one thread at a time, as any value.
#pragma once

#include <unistd.h>

#include <utility>

namespace lastgood::io {

/// Closes the descriptor at the end of its life. A failed close reports nothing: what must be durable was synced
/// before.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    UniqueFd(std::move(other)).swap(*this);
    return *this;
  }
  ~UniqueFd() {
    // Not retried on EINTR: Linux has released the number by then, and it may be another thread's already.
    if (fd_ >= 0) ::close(fd_);
  }

  /// Still owned: not to be closed, nor kept beyond the object.
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void swap(UniqueFd& other) noexcept { std::swap(fd_, other.fd_); }

 private:
  int fd_ = -1;
};

}  // namespace lastgood::io
