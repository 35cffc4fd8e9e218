// Under the process's locale: a trainer that sets one with a decimal comma sees it in messages. Exports and the store
// get their numbers as numbers (json.cpp).
#include "monitor/text.h"

#include <cmath>
#include <cstdio>

namespace lastgood::monitor {

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";  // of either sign
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

}  // namespace lastgood::monitor
