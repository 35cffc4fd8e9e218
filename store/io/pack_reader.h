// Reading frames from packs, with every byte checked. Keeps a bounded number of packs open. Safe from any thread.
//
// Nothing here asks the catalog. A pack may be moved or removed at any time by a collection, also one of another
// process: the caller meets that as Error(corruption), asks the catalog again, and decides what it was. Errors of the
// file system (io, permission) pass through as they are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "store/format/frame.h"
#include "store/io/file_system.h"

namespace lastgood::io {

/// Where a frame lies, and what it must hold: as the catalog says, before anything was read. From outside, possibly
/// damaged or hostile: read() checks lengths before it uses them.
struct FrameRef {
  format::Uuid pack;
  std::uint64_t offset = 0;
  format::FrameHeader header;
};

/// A descriptor that is kept open never shows another pack's bytes, since names are not used twice. It goes on showing
/// a pack that was removed, and what of it was punched reads as another hash.
class PackReader {
 public:
  PackReader(FileSystem& files, std::filesystem::path directory);

  /// Reads, unpacks and checks the frame's payload. REQUIRES: out.size() == frame.header.raw_bytes. Raw payloads are
  /// read straight into `out` and hashed there, so `out` holds garbage after a failure. Throws Error(corruption): pack
  /// missing or short, payload of another hash; the frame's own header is not read.
  void read(const FrameRef& frame, std::span<std::byte> out);
  /// The same into memory of its own, of at most kMaxPayload.
  std::vector<std::byte> read(const FrameRef& frame);

  /// Reads the frame's header from the pack and compares it with what is expected; throws Error(corruption). For verify
  /// and rebuild, to which the header matters; a load does without it.
  void check_header(const FrameRef& frame);

  /// Reads the pack's own header; throws Error(corruption) where it is damaged or another pack's, or the pack is
  /// missing.
  format::PackHeader read_pack_header(const format::Uuid& pack);

  /// The frame's bytes as they are, header and payload, as far as the file has them: for the quarantine. Never checks.
  std::vector<std::byte> read_unchecked(const FrameRef& frame);

 private:
  struct OpenPack {
    format::Uuid uuid;
    std::shared_ptr<File> file;
  };
  std::shared_ptr<File> open(const format::Uuid& pack);

  FileSystem& files_;
  std::filesystem::path directory_;
  std::mutex mutex_;
  std::list<OpenPack> open_;  // most recently used first
};

}  // namespace lastgood::io
