// What LibTorch throws becomes an Error here, and nowhere else.
#pragma once

#include <new>
#include <string>

#include <c10/util/Exception.h>
#include <lastgood/error.h>

namespace lastgood::adapter {

/// Runs `body`. `doing` as in "while SUBJECT was being DOING".
template <class Body>
auto translate(const std::string& subject, const char* doing, Body body) {
  try {
    return body();
  } catch (const c10::Error& error) {
    throw Error(ErrorCode::io, subject,
                "LibTorch failed while " + subject + " was being " + doing + ": " + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::io, subject, "There is not enough memory while " + subject + " is being " + doing + ".");
  }
}

}  // namespace lastgood::adapter
