// Which platform this is, by what it puts into the environment.
#pragma once

#include <lastgood/timeout_machine.h>

namespace lastgood::timeout {

bool is_kaggle(const Machine& machine);
bool is_colab(const Machine& machine);

/// When the session began: on Colab the machine, on Kaggle the container, elsewhere this process.
BootTime session_start(const Machine& machine);

}  // namespace lastgood::timeout
