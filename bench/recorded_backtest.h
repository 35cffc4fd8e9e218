// Back-tests on series that were recorded from real trainings.
#pragma once

#include <string>
#include <vector>

namespace bench {

/// Prints a table of what each detector found in each file of bench/record_series.cpp's form; the program's status.
int print_recorded(const std::vector<std::string>& files);

}  // namespace bench
