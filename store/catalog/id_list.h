// A set of ids as one parameter of a query: the JSON array that json_each() takes apart. So the statement's text does
// not depend on how many there are, and SQLite's limit on parameters does not count.
#pragma once

#include <span>
#include <string>

#include <lastgood/ids.h>

namespace lastgood::catalog {

template <class SomeId>
/// "[1,2,3]"
std::string id_list(std::span<const SomeId> ids) {
  std::string text = "[";
  for (const SomeId id : ids) text += (text.size() > 1 ? "," : "") + std::to_string(id.value);
  return text + "]";
}

}  // namespace lastgood::catalog
