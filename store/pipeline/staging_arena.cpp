// Memory of a save's copies is mapped once and used again: a fresh page costs a fault and its zeroing. Slots are of one
// size, so that any of them serves any task and none is ever split or joined.
#include "store/pipeline/staging_arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <lastgood/error.h>

namespace lastgood::pipeline {

// Of the physical memory. A container's limit is not seen here: there, SessionOptions::staging_bytes is to be set.
std::uint64_t default_staging_bytes() {
  const auto pages = static_cast<std::uint64_t>(std::max(sysconf(_SC_PHYS_PAGES), 1L));
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 4;
}

StagingArena::StagingArena(std::size_t slot_bytes, std::uint64_t bound, std::size_t least)
    : slot_bytes_(slot_bytes), most_(std::max<std::size_t>(least, static_cast<std::size_t>(bound / slot_bytes))) {}

StagingArena::~StagingArena() {
  for (std::byte* memory : all_) munmap(memory, slot_bytes_);
}

StagingArena::Slot StagingArena::acquire(const std::function<bool()>& give_up) {
  std::unique_lock lock(mutex_);
  bool out_of_memory = false;
  for (;;) {
    if (give_up()) return {};
    if (!free_.empty() || (all_.size() < most_ && !out_of_memory)) {
      Slot slot = take_locked();
      if (slot) return slot;
      if (all_.empty()) {
        throw Error(ErrorCode::io, "staging memory",
                    "no memory for the copy of a chunk (" + std::to_string(slot_bytes_) +
                        " bytes): free some, or lower SessionOptions::chunk_bytes",
                    ENOMEM);
      }
      // Somebody holds a slot, and will give it back: waiting ends.
      out_of_memory = true;  // those that there are will have to do
    }
    freed_.wait(lock);
  }
}

StagingArena::Slot StagingArena::try_acquire() {
  const std::lock_guard lock(mutex_);
  return free_.empty() && all_.size() >= most_ ? Slot() : take_locked();
}

StagingArena::Slot StagingArena::take_locked() {
  if (free_.empty()) {
    // Not from the heap: only whole pages can become huge ones.
    void* memory = mmap(nullptr, slot_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return {};
    madvise(memory, slot_bytes_, MADV_HUGEPAGE);  // a hint; fewer page faults where it is taken
    all_.push_back(static_cast<std::byte*>(memory));
    free_.push_back(all_.back());
  }
  std::byte* memory = free_.back();
  free_.pop_back();
  return {this, {memory, slot_bytes_}};
}

void StagingArena::give_back(std::span<std::byte> bytes) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(bytes.data());
  }
  // All, not one: those who wait have different reasons to give up.
  freed_.notify_all();
}

void StagingArena::wake() {
  { const std::lock_guard lock(mutex_); }  // nobody is between asking and waiting
  freed_.notify_all();
}

StagingArena::Slot::Slot(Slot&& other) noexcept
    : arena_(std::exchange(other.arena_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}

StagingArena::Slot& StagingArena::Slot::operator=(Slot&& other) noexcept {
  std::swap(arena_, other.arena_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

StagingArena::Slot::~Slot() {
  if (arena_ != nullptr) arena_->give_back(bytes_);
}

}  // namespace lastgood::pipeline
