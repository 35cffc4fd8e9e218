// Codes are for programs, which can only do a few different things (free space, give up, look at permissions). The
// advice is for people and may be more exact.
#include "store/io/system_call.h"

#include <string>
#include <system_error>

namespace lastgood::io {

namespace {

// Inodes that have run out are ENOSPC too: no_space does not say that there are no bytes left.
ErrorCode code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return ErrorCode::no_space;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::permission;
    default: return ErrorCode::io;
  }
}

const char* advice_for(int error) {
  switch (error) {
    case ENOSPC: return "free space on this file system, then try again";
    case EDQUOT: return "free space or inodes within your quota, then try again";
    case EACCES:
    case EPERM: return "check the owner and mode of it and of its directories";
    case EROFS: return "the file system is mounted read-only";
    case ENOENT:
    case ENOTDIR: return "check the path, and that nothing else moved or removed it";
    case EISDIR:
    // ESPIPE is what opening a pipe, a socket or a device under a file's name is reported as.
    case ESPIPE: return "something that is no file stands there: move it away, and put the file back from a copy";
    case EEXIST: return "something else created it first; move it away, or use another path";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    case ENOLCK:
    case ENOSYS:
    case EOPNOTSUPP: return "this file system lacks what a store needs; put the store on another one";
    case ESTALE: return "the network file system lost the file; check the mount";
    case EIO: return "the disk or its connection failed; look into the kernel's log, and do not trust the file";
    default: return "check the file system, then try again";
  }
}

}  // namespace

Error errno_error(int error, std::string_view action, const std::filesystem::path& path) {
  const std::string message = "cannot " + std::string(action) + " " + path.string() + ": " +
                              std::generic_category().message(error) + "; " + advice_for(error);
  return Error(code_of(error), path.string(), message, error);
}

}  // namespace lastgood::io
