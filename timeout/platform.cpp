// By variables that the platform sets itself. A program that runs elsewhere with such a variable in its environment is
// taken for running there.
#include "timeout/platform.h"

#include "timeout/processes.h"

namespace lastgood::timeout {

bool is_kaggle(const Machine& machine) {
  return machine.environment("KAGGLE_KERNEL_RUN_TYPE").has_value();
}

bool is_colab(const Machine& machine) {
  // Kaggle's image is built on Colab's and has its variables, too.
  if (is_kaggle(machine)) return false;
  return machine.environment("COLAB_RELEASE_TAG").has_value() ||
         machine.environment("COLAB_BACKEND_VERSION").has_value();
}

BootTime session_start(const Machine& machine) {
  if (is_colab(machine)) return BootTime{};  // the boot clock's zero
  const auto start = process_start(machine, is_kaggle(machine) ? "1" : "self");
  return start.value_or(machine.now());
}

}  // namespace lastgood::timeout
