// Numbers for messages.
#pragma once

#include <string>

namespace lastgood::monitor {

/// Four digits that count: "2.131", "1e+06", "nan", "inf".
std::string number_text(double value);

}  // namespace lastgood::monitor
