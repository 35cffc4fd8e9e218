#include "tests/support/simulated_disk.h"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace lastgood::test {

namespace {

void apply_change(const EntryChange& change, Entries& entries) {
  for (const auto& [name, node] : change) {
    if (node == nullptr) {
      entries.erase(name);
    } else {
      entries[name] = node;
    }
  }
}

/// Copies the tree as a power loss leaves it. A node that two names lead to stays one.
class Survivors {
 public:
  Survivors(PowerLoss loss, std::uint64_t seed) : decide_(loss, seed) {}

  NodePtr copy(const NodePtr& node) {
    const auto known = copies_.find(node.get());
    if (known != copies_.end()) return known->second;
    NodePtr left = std::make_shared<Node>(*node);
    copies_[node.get()] = left;
    left->contents = node->contents.after_power_loss(decide_);
    left->entries = node->durable_entries;
    for (const EntryChange& change : node->pending) {
      if (decide_.entry_survives()) apply_change(change, left->entries);
    }
    for (auto& [name, child] : left->entries) child = copy(child);
    left->durable_entries = left->entries;
    left->pending.clear();
    return left;
  }

 private:
  LossDecider decide_;
  std::map<const Node*, NodePtr> copies_;
};

}  // namespace

void Node::change(EntryChange what) {
  apply_change(what, entries);
  pending.push_back(std::move(what));
}

void Node::sync_entries() {
  durable_entries = entries;
  pending.clear();
}

SimulatedDisk::SimulatedDisk(DiskOptions options) : options_(options), root_(make_node(true)) {}

std::unique_ptr<SimulatedDisk> SimulatedDisk::after_power_loss(PowerLoss loss, std::uint64_t seed) const {
  const std::lock_guard lock(mutex_);
  auto later = std::make_unique<SimulatedDisk>(options_);
  later->root_ = Survivors(loss, seed).copy(root_);
  return later;
}

std::vector<std::byte> SimulatedDisk::contents(const std::filesystem::path& path) const {
  const std::lock_guard lock(mutex_);
  return existing(path)->contents.bytes();
}

void SimulatedDisk::damage(const std::filesystem::path& path, std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  const NodePtr node = existing(path);
  node->contents.write(offset, bytes);
  node->contents.sync();
}

void SimulatedDisk::flip(const std::filesystem::path& path, std::uint64_t offset) {
  const std::array flipped = {contents(path).at(offset) ^ std::byte{0x10}};
  damage(path, offset, flipped);
}

void SimulatedDisk::truncate(const std::filesystem::path& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  const NodePtr node = existing(path);
  node->contents.truncate(size);
  node->contents.sync();
}

void SimulatedDisk::remove(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  existing(path);
  const NodePtr directory = existing(path.parent_path());
  directory->change({{path.filename().string(), nullptr}});
  directory->sync_entries();
}

bool SimulatedDisk::exists(const std::filesystem::path& path) const {
  const std::lock_guard lock(mutex_);
  int error = 0;
  return find(path, error) != nullptr;
}

NodePtr SimulatedDisk::find(const std::filesystem::path& path, int& error) const {
  NodePtr node = root_;
  for (const std::filesystem::path& part : path.lexically_normal()) {
    if (part == "/" || part.empty() || part == ".") continue;
    if (!node->is_directory) {
      error = ENOTDIR;
      return nullptr;
    }
    const auto entry = node->entries.find(part.string());
    if (entry == node->entries.end()) {
      error = ENOENT;
      return nullptr;
    }
    node = entry->second;
  }
  return node;
}

NodePtr SimulatedDisk::existing(const std::filesystem::path& path) const {
  int error = 0;
  NodePtr node = find(path, error);
  if (node == nullptr) throw std::logic_error("no such file on the simulated disk: " + path.string());
  return node;
}

}  // namespace lastgood::test
