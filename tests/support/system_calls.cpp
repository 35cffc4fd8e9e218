#include "tests/support/system_calls.h"

#include <algorithm>
#include <cerrno>

#include "store/io/system_call.h"

namespace lastgood::test {

using io::errno_error;

SystemCalls::~SystemCalls() {
  const std::lock_guard lock(disk_.mutex());
  disk_.locks().drop_all(this);
}

// Names

NodePtr SystemCalls::create(const Path& path) {
  const std::lock_guard lock(disk_.mutex());
  return create_locked(path);
}

NodePtr SystemCalls::create_anonymous() {
  const std::lock_guard lock(disk_.mutex());
  NodePtr node;
  perform(Operation::create, "(temporary file)", [&] { node = disk_.make_node(false); });
  return node;
}

NodePtr SystemCalls::create_locked(const Path& path) {
  NodePtr node;
  perform(Operation::create, path, [&] {
    const NodePtr directory = directory_of(path, "create");
    if (directory->entries.contains(path.filename().string())) throw errno_error(EEXIST, "create", path);
    node = disk_.make_node(false);
    directory->change({{path.filename().string(), node}});
  });
  return node;
}

NodePtr SystemCalls::find(const Path& path) {
  const std::lock_guard lock(disk_.mutex());
  begin(Operation::read, path);
  int error = 0;
  return disk_.find(path, error);
}

std::vector<io::DirectoryEntry> SystemCalls::list(const Path& path) {
  const std::lock_guard lock(disk_.mutex());
  begin(Operation::read, path);
  const NodePtr directory = existing(path, "list");
  if (!directory->is_directory) throw errno_error(ENOTDIR, "list", path);
  std::vector<io::DirectoryEntry> entries;
  for (const auto& [name, node] : directory->entries) entries.push_back({name, node->is_directory});
  return entries;
}

void SystemCalls::make_directory(const Path& path) {
  const std::lock_guard lock(disk_.mutex());
  perform(Operation::make_directory, path, [&] {
    const NodePtr directory = directory_of(path, "create the directory");
    if (directory->entries.contains(path.filename().string())) throw errno_error(EEXIST, "create the directory", path);
    directory->change({{path.filename().string(), disk_.make_node(true)}});
  });
}

void SystemCalls::unlink(const Path& path) {
  const std::lock_guard lock(disk_.mutex());
  perform(Operation::unlink, path, [&] {
    if (existing(path, "remove")->is_directory) throw errno_error(EISDIR, "remove", path);
    directory_of(path, "remove")->change({{path.filename().string(), nullptr}});
  });
}

void SystemCalls::rename(const Path& from, const Path& to) {
  const std::lock_guard lock(disk_.mutex());
  perform(Operation::rename, from, [&] {
    const std::string action = "move to " + to.string();
    const NodePtr node = existing(from, action.c_str());
    const NodePtr source = directory_of(from, action.c_str());
    const NodePtr target = directory_of(to, action.c_str());
    const auto replaced = target->entries.find(to.filename().string());
    if (replaced != target->entries.end()) {
      if (replaced->second == node) return;
      if (replaced->second->is_directory) throw errno_error(EISDIR, action, from);
    }
    if (source == target) {
      source->change({{from.filename().string(), nullptr}, {to.filename().string(), node}});
    } else {
      target->change({{to.filename().string(), node}});
      source->change({{from.filename().string(), nullptr}});
    }
  });
}

void SystemCalls::sync_directory(const Path& path) {
  const std::lock_guard lock(disk_.mutex());
  perform(Operation::sync_directory, path, [&] {
    const NodePtr directory = existing(path, "open the directory");
    if (!directory->is_directory) throw errno_error(ENOTDIR, "open the directory", path);
    directory->sync_entries();
  });
}

// Contents

std::size_t SystemCalls::read(const OpenNode& file, std::uint64_t offset, std::span<std::byte> out) {
  const std::lock_guard lock(disk_.mutex());
  begin(Operation::read, file.path);
  return file.node->contents.read(offset, out);
}

std::size_t SystemCalls::write(const OpenNode& file, std::uint64_t offset, std::span<const std::byte> data,
                               bool may_be_short) {
  const std::lock_guard lock(disk_.mutex());
  const Verdict verdict = begin(Operation::write, file.path);
  const std::span<const std::byte> half = data.first(data.size() / 2);
  if (verdict == Verdict::halfway) {
    file.node->contents.write(offset, half);
    die();
  }
  const bool shorten = verdict == Verdict::shorten && may_be_short && !half.empty();
  const std::span<const std::byte> written = shorten ? half : data;
  file.node->contents.write(offset, written);
  return written.size();
}

void SystemCalls::truncate(const OpenNode& file, std::uint64_t size) {
  const std::lock_guard lock(disk_.mutex());
  perform(Operation::truncate, file.path, [&] { file.node->contents.truncate(size); });
}

bool SystemCalls::punch(const OpenNode& file, std::uint64_t offset, std::uint64_t length) {
  const std::lock_guard lock(disk_.mutex());
  if (length == 0) throw errno_error(EINVAL, "punch a hole into", file.path);
  perform(Operation::punch, file.path, [&] {
    if (disk_.options().has_holes) file.node->contents.punch(offset, length);
  });
  return disk_.options().has_holes;
}

void SystemCalls::sync(const OpenNode& file) {
  const std::lock_guard lock(disk_.mutex());
  const Verdict verdict = begin(Operation::sync, file.path);
  if (verdict == Verdict::drop_dirty) {
    file.node->contents.fail_sync();
    throw errno_error(EIO, "sync", file.path);
  }
  file.node->contents.sync();
  if (verdict == Verdict::halfway) die();
}

std::uint64_t SystemCalls::size(const OpenNode& file) {
  const std::lock_guard lock(disk_.mutex());
  check_alive();
  return file.node->contents.size();
}

std::uint64_t SystemCalls::allocated_bytes(const OpenNode& file) {
  const std::lock_guard lock(disk_.mutex());
  check_alive();
  return file.node->contents.allocated_bytes();
}

void SystemCalls::close(const OpenNode& file) noexcept {
  const std::lock_guard lock(disk_.mutex());
  disk_.locks().drop_database_locks(file.node.get(), this);
}

// Locks

NodePtr SystemCalls::flock(const Path& path, const void* holder, io::LockMode mode) {
  const std::lock_guard lock(disk_.mutex());
  check_alive();
  int error = 0;
  NodePtr node = disk_.find(path, error);
  if (node == nullptr) node = create_locked(path);
  return disk_.locks().try_flock(node.get(), holder, this, mode) ? node : nullptr;
}

bool SystemCalls::raise(const OpenNode& file, const void* holder, DatabaseLock level) {
  const std::lock_guard lock(disk_.mutex());
  check_alive();
  return disk_.locks().raise(file.node.get(), holder, this, level);
}

void SystemCalls::unlock(const void* holder) noexcept {
  const std::lock_guard lock(disk_.mutex());
  disk_.locks().unlock(holder);
}

void SystemCalls::lower(const void* holder, DatabaseLock level) noexcept {
  const std::lock_guard lock(disk_.mutex());
  disk_.locks().lower(holder, level);
}

bool SystemCalls::is_reserved(const OpenNode& file) {
  const std::lock_guard lock(disk_.mutex());
  check_alive();
  return disk_.locks().is_reserved(file.node.get());
}

// The plan

template <class Effect>
void SystemCalls::perform(Operation operation, const Path& path, Effect effect) {
  const Verdict verdict = begin(operation, path);
  effect();
  if (verdict == Verdict::halfway) die();
}

NodePtr SystemCalls::directory_of(const Path& path, const char* action) const {
  int error = ENOTDIR;
  NodePtr directory = disk_.find(path.parent_path(), error);
  if (directory == nullptr || !directory->is_directory) throw errno_error(error, action, path);
  return directory;
}

NodePtr SystemCalls::existing(const Path& path, const char* action) const {
  int error = 0;
  NodePtr node = disk_.find(path, error);
  if (node == nullptr) throw errno_error(error, action, path);
  return node;
}

}  // namespace lastgood::test
