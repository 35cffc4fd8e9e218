// One HTTP request to a metadata service: all of libcurl.
#pragma once

#include <cstddef>

#include <lastgood/timeout_machine.h>

namespace lastgood::timeout {

/// Whatever status it has. A body beyond `most_bytes` is an error. Errors: io.
HttpReply fetch(const HttpRequest& request, std::size_t most_bytes);

}  // namespace lastgood::timeout
