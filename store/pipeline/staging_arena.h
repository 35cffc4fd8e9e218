// Memory for the copies of tensors: slots of one size, made on demand up to a bound, kept for the next save. Slots have
// the size of a chunk, so the bound on staging is a bound on how many chunks are between copy and disk.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

namespace lastgood::pipeline {

/// A quarter of the machine's memory.
std::uint64_t default_staging_bytes();

/// Safe from any thread. Must outlive its slots. The memory of all slots is given back to the system by the destructor
/// alone.
class StagingArena {
 public:
  /// At most bound / slot_bytes slots, but at least `least`.
  StagingArena(std::size_t slot_bytes, std::uint64_t bound, std::size_t least);
  ~StagingArena();
  StagingArena(const StagingArena&) = delete;
  StagingArena& operator=(const StagingArena&) = delete;

  /// A piece of memory; goes back to the arena when it is destroyed.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&& other) noexcept;
    ~Slot();
    std::span<std::byte> bytes() const noexcept { return bytes_; }
    explicit operator bool() const noexcept { return arena_ != nullptr; }

   private:
    friend class StagingArena;
    Slot(StagingArena* arena, std::span<std::byte> bytes) noexcept : arena_(arena), bytes_(bytes) {}
    StagingArena* arena_ = nullptr;
    std::span<std::byte> bytes_;
  };

  /// Waits for a slot while all are taken; an empty one as soon as `give_up` says so (asked again after each wake()).
  /// Throws Error(io) when the machine has no memory for even one. `give_up` is asked with the arena's mutex held: it
  /// must not wait, nor take or give back a slot, nor lock what others hold while they do.
  Slot acquire(const std::function<bool()>& give_up);
  /// An empty slot where all are taken. Also where the machine has no memory for another one.
  Slot try_acquire();
  /// Makes those who wait ask their `give_up` again.
  void wake();
  /// How many slots there can be.
  std::size_t most() const noexcept { return most_; }

 private:
  /// A free slot, or a new one. Empty where the machine has no memory for it. REQUIRES: mutex_ is held, and there may
  /// be one more.
  Slot take_locked();
  void give_back(std::span<std::byte> bytes);

  const std::size_t slot_bytes_;
  const std::size_t most_;
  // Guards all that follows.
  std::mutex mutex_;
  std::condition_variable freed_;
  // Those of all_ that no Slot holds.
  std::vector<std::byte*> free_;
  std::vector<std::byte*> all_;
};

}  // namespace lastgood::pipeline
