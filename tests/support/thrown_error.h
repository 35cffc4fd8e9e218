// Catching a lastgood::Error to look at all of it, which Catch's matchers do not offer.
#pragma once

#include <stdexcept>

#include <lastgood/error.h>

namespace lastgood::test {

/// The Error that `body` throws; fails the test by another exception where it throws none.
template <class Body>
Error thrown_by(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("no lastgood::Error was thrown");
}

}  // namespace lastgood::test
