#include "tests/support/process.h"

#include <cerrno>
#include <utility>

#include <lastgood/error.h>

#include "store/io/system_call.h"

namespace lastgood::test {

namespace {

class SimulatedFile final : public io::File {
 public:
  SimulatedFile(SystemCalls& calls, OpenNode file, bool writable)
      : calls_(calls), file_(std::move(file)), writable_(writable) {}
  ~SimulatedFile() override { calls_.close(file_); }

  std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) override {
    return calls_.read(file_, offset, out);
  }

  std::size_t write_some(std::uint64_t offset, std::span<const std::byte> data) override {
    if (!writable_) throw io::errno_error(EBADF, "write", file_.path);
    return calls_.write(file_, offset, data, true);
  }

  void start_writeback(std::uint64_t, std::uint64_t) noexcept override {
    // Every block may reach the disk at any time anyway; which ones do is decided when the power goes.
  }

  void sync_data() override { calls_.sync(file_); }
  std::uint64_t size() override { return calls_.size(file_); }
  std::uint64_t allocated_bytes() override { return calls_.allocated_bytes(file_); }

  bool punch_hole(std::uint64_t offset, std::uint64_t length) override {
    if (!writable_) throw io::errno_error(EBADF, "punch a hole into", file_.path);
    return calls_.punch(file_, offset, length);
  }

 private:
  SystemCalls& calls_;
  OpenNode file_;
  bool writable_;
};

class SimulatedLock final : public io::FileLock {
 public:
  SimulatedLock(SystemCalls& calls, std::filesystem::path path) : calls_(calls), file_{nullptr, std::move(path)} {}
  ~SimulatedLock() override { calls_.unlock(this); }

  bool take(io::LockMode mode) {
    file_.node = calls_.flock(file_.path, this, mode);
    return file_.node != nullptr;
  }

  void write_note(const std::string& note) override {
    calls_.truncate(file_, 0);
    if (!note.empty()) calls_.write(file_, 0, std::as_bytes(std::span(note)), false);
  }

 private:
  SystemCalls& calls_;
  OpenNode file_;
};

}  // namespace

std::unique_ptr<io::File> Process::create(const Path& path) {
  return std::make_unique<SimulatedFile>(calls_, OpenNode{calls_.create(path), path}, true);
}

std::unique_ptr<io::File> Process::open(const Path& path, bool writable) {
  NodePtr node = calls_.find(path);
  if (node == nullptr) return nullptr;
  if (node->is_directory) throw io::errno_error(EISDIR, "open as a file", path);
  return std::make_unique<SimulatedFile>(calls_, OpenNode{std::move(node), path}, writable);
}

std::optional<io::FileInfo> Process::info(const Path& path) {
  const NodePtr node = calls_.find(path);
  if (node == nullptr) return std::nullopt;
  return io::FileInfo{node->is_directory, calls_.size({node, path}), false};
}

void Process::unlink(const Path& path) {
  try {
    calls_.unlink(path);
  } catch (const Error& error) {
    if (error.os_error() != ENOENT) throw;
  }
}

std::unique_ptr<io::FileLock> Process::try_lock(const Path& path, io::LockMode mode) {
  auto lock = std::make_unique<SimulatedLock>(calls_, path);
  if (!lock->take(mode)) return nullptr;
  return lock;
}

std::string Process::lock_note(const Path& path) {
  const std::unique_ptr<io::File> file = open(path, false);
  if (!file) return {};
  std::string note(file->size(), '\0');
  note.resize(io::read_fully(*file, 0, std::as_writable_bytes(std::span(note))));
  return note;
}

}  // namespace lastgood::test
